//! How long tasks are believed to take, reading by reading.

use super::*;

fn reading(seconds: Option<f64>, longest: f64) -> Demand {
    let work = Work { prefix: "p".into(), ready: 1, seconds, longest: Some(longest), ..Work::default() };
    Demand { work: vec![work], ..Demand::default() }
}

/// What is believed after these averages, two seconds apart.
fn after(averages: &[Option<f64>], longest: f64) -> Option<f64> {
    let mut durations = Durations::default();
    for (n, seconds) in (1..).zip(averages) {
        durations.observe("s", Timestamp(2_000 * n), &reading(*seconds, longest));
    }
    durations.of(&reading(*averages.last().unwrap(), longest).work[0])
}

#[test]
fn an_average_that_jumps_is_followed_slowly() {
    assert_eq!(after(&[Some(4.0)], 9.0), Some(4.0));
    let jumps = after(&[Some(4.0), Some(8.0)], 9.0).unwrap();
    assert!((4.2..4.3).contains(&jumps), "{jumps}");
    let stays = after(&[&[Some(4.0)][..], &[Some(8.0); 40]].concat(), 9.0).unwrap();
    assert!((7.7..8.0).contains(&stays), "{stays}");
}

#[test]
fn one_that_was_forgotten_is_still_known_for_a_while() {
    assert_eq!(after(&[None], 9.0), Some(18.0), "twice the longest, before anything is known");
    assert_eq!(after(&[Some(4.0), None], 90.0), Some(8.0), "doubled");
    assert_eq!(after(&[Some(4.0), None, None, None], 90.0), Some(32.0));
    assert_eq!(after(&[Some(4.0), None, None, None], 9.0), Some(18.0), "no more than twice the longest");
}

#[test]
fn another_scheduler_and_nonsense_teach_nothing() {
    let mut durations = Durations::default();
    durations.observe("s", Timestamp(1), &reading(Some(4.0), 9.0));
    for nonsense in [f64::NAN, f64::INFINITY, -3.0] {
        durations.observe("s", Timestamp(2), &reading(Some(nonsense), 9.0));
    }
    assert_eq!(durations.of(&reading(Some(1.0), 9.0).work[0]), Some(4.0));
    durations.observe("t", Timestamp(3), &reading(None, 9.0));
    assert_eq!(durations.of(&reading(None, 9.0).work[0]), Some(18.0));
    for n in 0..2_000 {
        let mut other = reading(Some(1.0), 1.0);
        other.work[0].prefix = n.to_string();
        durations.observe("t", Timestamp(4 + n), &other);
    }
    assert!(durations.known.len() <= MOST);
}
