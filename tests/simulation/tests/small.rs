//! The core alone in small worlds: every way through a few faults, and random ways through many.

use std::cell::Cell;

use dask_operator_simulation::model_check::{
    Bounds, Counted, Failure, Progress, Runner, Script, Start, beginnings, explore, replay, script, search,
};

/// Searches all scripts of these beginnings.
fn every_way(starts: impl Iterator<Item = Start>, bounds: Bounds) -> Result<Counted, Box<Failure>> {
    let mut runner = Runner::default();
    let mut counted = Counted::default();
    for start in starts {
        counted = counted.plus(search(start, bounds, &mut runner)?);
    }
    println!("{bounds:?}: {counted:?}");
    Ok(counted)
}

#[test]
fn one_fault_at_any_step_of_any_beginning() {
    match every_way(beginnings().into_iter(), Bounds { depth: 18, events: 1 }) {
        Ok(counted) => assert!(counted.scripts > 10_000, "{counted:?}"),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn two_faults_at_any_steps_while_one_of_three_leaves() {
    let shrinks = |s: &Start| s.workers == 3 && s.wanted == 2 && s.data;
    match every_way(beginnings().into_iter().filter(shrinks), Bounds { depth: 10, events: 2 }) {
        Ok(counted) => assert!(counted.scripts > 30_000, "{counted:?}"),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn random_ways() {
    let last = Cell::new(Progress::default());
    let failure = explore(1, || last.get().scenarios >= 10_000, &mut |p| last.set(*p));
    if let Some(failure) = failure {
        panic!("{failure}");
    }
    println!("{:?}", last.get());
    assert!(last.get().decisions > 500_000, "{:?}", last.get());
}

/// Scripts in which something did not hold once.
const FOUND: [&str; 15] = [
    // A worker that was unmarked is let go late, and is marked again while another pod has not started.
    "1to3,autoscaled,data . evict=2 no-offer . resize=2 . . lag-group . . . . answer-late slow-reading fail=0 trickle",
    // Failures are forgotten, and then nothing needs the scheduler any more: one of the two changes the status.
    "4to0,person,data node-lost=0 . silent resize=2 fail=0",
    // A call is carried out when it is not waited for any more, and the next one is refused.
    "2to0,person,empty . . resize=1 answer-late . . stall . . answer-refuse",
    // A worker registers while a slow scheduler is read: it is not in the reading, and is no empty pod.
    "0to1,person,empty . . resize=0 slow-reading",
    // A marked worker's node is lost, and comes back.
    "3to0,person,data . . node-lost=0",
    // A pod fails while the watch is slow, and others start.
    "2to4,person,empty lag-pods resize=2 fail=0 trickle",
    // The mark of a worker that was refused cannot be taken off at once.
    "0to2,person,data . . . . . resize=0 . data=2 lost=1",
    // A worker is let go late, and then refused.
    "1to4,person,empty . task=4 . resize=1 crash-before=1 conflict=0 no-offer . answer-late . . . stall . answer-partial",
    // Two workers are unmarked, let go late, and the operator is replaced before it sees that.
    "1to3,autoscaled,empty freeze=0 . . . . . . . . resize=0 no-offer . . . . . . . . . . . resize=1 . . . . lag-group . . . . answer-late crash-before=0",
    // A worker is let go late, another one is chosen by a reading from before that, and the first is marked again.
    "2to1,person,data resize=0 . . answer-late . . . stall . answer-refuse",
    // More is asked, and less again, while the operator waits for its own deletions to be shown.
    "4to4,person,data resize=0 . . . . wait=45 . . . trickle resize=2 resize=0",
    // The operator is suspended between the marks and the drain, for longer than drainTimeout.
    "3to4,person,data node-lost=0 node-lost=0 . resize=0 . wait=98",
    // A worker is let go late, and is marked again in the second in which others are chosen.
    "4to3,person,data . . . silent lag-group node-lost=0 fail=2 . . answer-late . . resize=0",
    // A worker registers, the closing call of another one moves results to it, and a reading from before shows neither.
    "4to2,person,data task=1 . . . . . . . . . node-lost=0 . . node-lost=1 . . slow-reading",
    // drainTimeout is over for a worker that leaves, and the operator has not been shown that even less is asked.
    "4to3,person,data . resize=0 task=2 . . . . . . . . freeze=2 . . . . . . . fail=1 . . . . . wait=72 resize=1 lag-pods resize=2 lag-group resize=1",
];

#[test]
fn what_was_found_stays_found() {
    for text in FOUND {
        let told = replay(text).unwrap();
        assert_eq!(told.broken, None, "{told}");
        assert!(told.trace.len() > 5, "{told}");
    }
}

#[test]
fn a_script_is_read_as_it_is_written() {
    for seed in 0..500 {
        let made = script(seed);
        assert_eq!(made.to_string().parse::<Script>().unwrap(), made);
    }
    assert!("3to1,person,data . explode".parse::<Script>().is_err());
    assert!("many . .".parse::<Script>().is_err());
}

#[test]
fn the_same_script_goes_the_same_way() {
    let text = script(7).to_string();
    assert_eq!(replay(&text).unwrap().trace, replay(&text).unwrap().trace);
}
