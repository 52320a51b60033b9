//! For how long a scheduler was watched.

use dask_operator_core::model::{
    scheduler::{Idle, Snapshot},
    time::Timestamp,
};

use super::*;

fn reading(idle: Idle, read: Timestamp) -> Snapshot {
    Snapshot { id: "s".into(), idle: Some(idle), read, ..Snapshot::default() }
}

/// What is told of readings after so many seconds each, the wall clock being set by so many milliseconds before the last.
async fn watched(steps: &[u64], set: i64) -> (Timestamp, Timestamp) {
    let (mut watch, mut wall, mut told) = (IdleWatch::default(), Timestamp(1_000_000_000), None);
    for (i, step) in steps.iter().enumerate() {
        tokio::time::advance(Duration::from_secs(*step)).await;
        wall = wall.plus(Duration::from_secs(*step));
        if i + 1 == steps.len() {
            wall = Timestamp(wall.0 + set);
        }
        let mut snapshot = reading(Idle::Since(Timestamp(0)), wall);
        watch.look(&mut snapshot);
        told = snapshot.last_busy;
    }
    (told.unwrap(), wall)
}

#[tokio::test(start_paused = true)]
async fn idleness_counts_from_when_this_process_began_to_ask() {
    let (since, now) = watched(&[0, 50, 50], 0).await;
    assert_eq!(now.since(since).as_secs(), 100);
    let (since, now) = watched(&[0, 50, 61], 0).await;
    assert_eq!(now.since(since).as_secs(), 0, "the scheduler was not watched for so long");
    let (since, now) = watched(&[0, 50, 50], 3_600_000).await;
    assert_eq!(now.since(since).as_secs(), 0, "the clock was set");
}

#[tokio::test(start_paused = true)]
async fn it_begins_anew_when_it_was_busy_or_is_another_one() {
    let (mut watch, start) = (IdleWatch::default(), Timestamp(1_000_000_000));
    watch.look(&mut reading(Idle::Since(start), start));
    tokio::time::advance(Duration::from_secs(30)).await;
    let later = start.plus(Duration::from_secs(30));
    let mut busy = reading(Idle::Busy, later);
    watch.look(&mut busy);
    assert_eq!(busy.last_busy, Some(later));
    let mut other = Snapshot { id: "t".into(), ..reading(Idle::Since(start), later) };
    watch.look(&mut other);
    assert_eq!(other.last_busy, Some(later));
    let mut unasked = Snapshot { idle: None, ..reading(Idle::Busy, later) };
    watch.look(&mut unasked);
    assert_eq!(unasked.last_busy, None);
}

#[test]
fn one_slow_answer_is_no_silence() {
    let seconds = Duration::from_secs;
    assert!(!is_silence(1, seconds(7)) && !is_silence(1, seconds(60)), "asked each 30 s, one was late");
    assert!(!is_silence(5, seconds(3)), "it starts again, and refuses connections meanwhile");
    assert!(is_silence(2, seconds(12)));
}
