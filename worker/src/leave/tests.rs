use proptest::prelude::*;

use super::*;

const A: &str = "tcp://10.0.0.1:1";

fn seconds(n: f64) -> Duration {
    Duration::from_secs_f64(n)
}

fn mine(leaving: bool, busy: bool, last_seen: f64) -> Mine {
    Mine { address: A.into(), leaving, busy, last_seen }
}

fn seen(worker: Mine) -> Seen {
    Seen { mine: vec![worker], peers: 2, ..Seen::default() }
}

fn accept() -> BTreeSet<String> {
    BTreeSet::from([A.into()])
}

fn list() -> Vec<String> {
    vec![A.into()]
}

/// Prepared at second 0, with a heartbeat of second 0.
fn prepared() -> Leaving {
    let mut leaving = Leaving::within(seconds(30.0));
    assert_eq!(leaving.next(seconds(0.0), seen(mine(false, true, 0.0))), Step::Prepare(list()));
    leaving.prepared(seconds(0.1), &list(), &accept());
    leaving
}

#[test]
fn a_worker_is_prepared_finishes_and_is_closed() {
    let mut l = prepared();
    assert_eq!(l.next(seconds(0.5), seen(mine(true, true, 0.5))), Step::Wait, "it works");
    assert_eq!(l.next(seconds(1.0), seen(mine(true, false, 1.0))), Step::Close(list()));
    l.closed(seconds(1.1), &list(), &accept());
    assert_eq!(l.next(seconds(1.5), Seen { peers: 2, ..Seen::default() }), Step::End(Ending::Left));
}

#[test]
fn numbers_of_before_it_was_prepared_do_not_count() {
    let mut l = prepared();
    for _ in 0..5 {
        assert_eq!(l.next(seconds(0.5), seen(mine(true, false, 0.0))), Step::Wait, "no heartbeat came");
    }
    assert_eq!(l.next(seconds(0.7), seen(mine(true, false, 0.6))), Step::Wait, "it may be of just before");
    assert_eq!(l.next(seconds(1.2), seen(mine(true, false, 1.1))), Step::Close(list()));
}

#[test]
fn without_a_worker_there_is_nothing_to_do() {
    let mut l = Leaving::within(seconds(30.0));
    assert_eq!(l.next(seconds(0.0), Seen::default()), Step::End(Ending::NoWorker));
}

#[test]
fn a_refusal_is_asked_again_a_little_later_until_the_time_is_over() {
    let mut l = Leaving::within(seconds(3.0));
    let mut asked = 0;
    for tenth in 0..30 {
        let now = seconds(f64::from(tenth) / 10.0);
        if let Step::Prepare(list) = l.next(now, seen(mine(false, false, 0.0))) {
            asked += 1;
            l.prepared(now, &list, &BTreeSet::new());
        }
    }
    assert_eq!(asked, 3);
    assert_eq!(l.next(seconds(3.0), seen(mine(false, false, 0.0))), Step::End(Ending::Refused));
}

#[test]
fn a_task_that_runs_too_long_is_left() {
    let mut l = prepared();
    assert_eq!(l.next(seconds(30.0), seen(mine(true, true, 29.0))), Step::End(Ending::Busy));
}

#[test]
fn where_everybody_leaves_nobody_waits() {
    let all = |m| Seen { peers_leaving: 2, ..seen(m) };
    let mut l = Leaving::within(seconds(30.0));
    assert_eq!(l.next(seconds(0.0), all(mine(false, true, 0.0))), Step::Prepare(list()));
    l.prepared(seconds(0.0), &list(), &BTreeSet::new());
    assert_eq!(l.next(seconds(0.5), all(mine(false, true, 0.0))), Step::Wait);
    let last = Seen { peers: 0, peers_leaving: 0, ..seen(mine(false, true, 0.0)) };
    assert_eq!(l.next(seconds(1.0), last), Step::End(Ending::NobodyElse), "the others have gone meanwhile");
}

#[test]
fn the_only_worker_waits_for_another_one() {
    let alone = |m| Seen { peers: 0, ..seen(m) };
    let mut l = Leaving::within(seconds(30.0));
    assert_eq!(l.next(seconds(0.0), alone(mine(false, false, 0.0))), Step::Prepare(list()));
    l.prepared(seconds(0.0), &list(), &BTreeSet::new());
    assert_eq!(l.next(seconds(20.0), alone(mine(false, false, 20.0))), Step::Prepare(list()));
}

#[test]
fn one_that_is_back_in_service_is_prepared_again() {
    let mut l = prepared();
    assert_eq!(l.next(seconds(1.0), seen(mine(false, false, 1.0))), Step::Prepare(list()));
}

#[test]
fn a_shuffle_is_waited_for_half_of_the_time() {
    let p2p = || Seen { p2p: true, ..seen(mine(false, true, 0.0)) };
    let mut l = Leaving::within(seconds(30.0));
    assert_eq!(l.next(seconds(14.0), p2p()), Step::Wait);
    assert_eq!(l.next(seconds(15.0), p2p()), Step::Prepare(list()));
}

proptest! {
    /// Whatever the scheduler says, it ends in time, and nobody is closed who was not prepared and idle.
    #[test]
    fn it_ends_and_closes_nobody_at_work(
        looks in proptest::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), 0..3_usize, any::<bool>(), any::<bool>()), 1..60)
    ) {
        let mut l = Leaving::within(seconds(20.0));
        let (mut ended, mut accepted) = (false, false);
        for (i, (there, leaving, busy, peers, p2p, accepts)) in looks.into_iter().enumerate() {
            let now = seconds(0.4 * i as f64);
            let worker = mine(leaving, busy, now.as_secs_f64());
            let now_seen = Seen { mine: if there { vec![worker] } else { Vec::new() }, peers, peers_leaving: peers / 2, p2p };
            match l.next(now, now_seen) {
                Step::Prepare(list) => {
                    accepted = accepts;
                    l.prepared(now, &list, &if accepts { accept() } else { BTreeSet::new() });
                }
                Step::Close(_) => prop_assert!(accepted && leaving && !busy),
                Step::End(_) => { ended = true; break; }
                Step::Wait => {}
            }
        }
        let late = l.next(seconds(21.0), seen(mine(false, true, 21.0)));
        prop_assert!(ended || matches!(late, Step::End(_)));
    }
}
