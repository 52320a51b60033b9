//! What work is worth: Dask's formula, and where it is not followed.

use std::time::Duration;

use super::*;
use crate::model::{scheduler::WorkerView, time::Timestamp};

/// What the work is worth, where nothing else was learned than that no worker can do this.
fn asks(demand: &Demand, snapshot: &Snapshot, offers: &[Offer], unserved: &[Shape]) -> Wish {
    wish(demand, snapshot, offers, Learned { unserved, durations: &Durations::default() })
}

fn shape(resources: &[(&str, f64)], is_served: bool) -> Shape {
    let resources = resources.iter().map(|(name, amount)| ((*name).into(), *amount)).collect();
    Shape { resources, is_pinned: false, served_by: is_served.then(|| "tcp://w:0".into()) }
}

/// So many ready tasks of which each takes so many seconds.
fn ready(shape: Shape, tasks: u64, seconds: Option<f64>) -> Work {
    Work { shape, ready: tasks, seconds, ..Work::default() }
}

fn plain(tasks: u64, seconds: f64) -> Work {
    ready(shape(&[], true), tasks, Some(seconds))
}

/// So many workers of `threads` each, with so many bytes of the 100 that they may have.
fn workers(n: u32, threads: u32, bytes: u64) -> (Demand, Snapshot) {
    let view = WorkerView { memory_limit: 100, bytes, ..WorkerView::default() };
    let workers = (0..n).map(|i| (format!("tcp://w:{i}").into(), view.clone())).collect();
    let demand = Demand { threads: n * threads, ..Demand::default() };
    (demand, Snapshot { workers, ..Snapshot::default() })
}

fn of(demand: Demand, snapshot: &Snapshot, work: Vec<Work>) -> u32 {
    asks(&Demand { work, ..demand }, snapshot, &[Offer::default()], &[]).workers
}

fn gpu(amount: f64) -> Offer {
    Offer { resources: BTreeMap::from([("GPU".into(), amount)]), most: 100, ..Offer::default() }
}

#[test]
fn work_is_done_in_five_seconds_by_threads_that_there_is_work_for() {
    let (demand, snapshot) = workers(1, 1, 0);
    for (tasks, seconds, wanted) in [(200, 0.5, 20), (6, 100.0, 6), (88, 10.0, 88), (1, 0.1, 1)] {
        let asked = of(demand.clone(), &snapshot, vec![plain(tasks, seconds)]);
        assert_eq!(asked, wanted, "{tasks} tasks of {seconds} s");
    }
    let (demand, snapshot) = workers(2, 4, 0);
    assert_eq!(of(demand, &snapshot, vec![plain(88, 10.0)]), 22, "four threads each");
}

#[test]
fn what_is_not_measured_is_as_long_as_what_runs_shows() {
    let (demand, snapshot) = workers(1, 1, 0);
    let unknown = |longest| Work { longest, ..ready(shape(&[], true), 10, None) };
    assert_eq!(of(demand.clone(), &snapshot, vec![unknown(None)]), 1, "half a second each");
    let many = |n| Work { ready: n, ..unknown(None) };
    assert_eq!(of(demand.clone(), &snapshot, vec![many(600)]), 60);
    assert_eq!(of(demand.clone(), &snapshot, vec![many(60_000)]), 128, "as far as that is worth a try");
    let (more, registered) = workers(100, 1, 0);
    assert_eq!(of(more, &registered, vec![many(60_000)]), 200, "or twice as many");
    assert_eq!(of(demand.clone(), &snapshot, vec![unknown(Some(2.0))]), 8, "four seconds each");
    assert_eq!(of(demand, &snapshot, vec![unknown(Some(100.0))]), 10, "no more than tasks");
}

#[test]
fn what_takes_long_to_start_is_asked_for_more_work() {
    let (demand, snapshot) = workers(1, 1, 0);
    let with = |startup, target_duration| {
        let seconds = Duration::from_secs;
        let target_duration = Some(seconds(target_duration));
        let pace = Pace { startup: seconds(startup), target_duration, window: None };
        let demand = Demand { work: vec![plain(90, 10.0)], ..demand.clone() };
        asks(&demand, &snapshot, &[Offer { pace, ..Offer::default() }], &[]).workers
    };
    assert_eq!([with(0, 20), with(20, 20), with(60, 20), with(60, 100)], [45, 45, 20, 9]);
}

#[test]
fn what_was_learned_of_durations_counts() {
    let (demand, snapshot) = workers(1, 1, 0);
    let mut durations = Durations::default();
    durations.observe("s", Timestamp(1), &Demand { work: vec![plain(20, 1.0)], ..demand.clone() });
    let forgotten = Work { longest: Some(500.0), ..ready(shape(&[], true), 20, None) };
    let demand = Demand { work: vec![forgotten], ..demand };
    let learned = Learned { unserved: &[], durations: &durations };
    assert_eq!(wish(&demand, &snapshot, &[Offer::default()], learned).workers, 4, "20 s, and not 20,000");
}

#[test]
fn nothing_to_do_is_worth_those_that_are_at_work() {
    let (mut demand, snapshot) = workers(8, 1, 0);
    demand.idle_workers = 5;
    assert_eq!(of(demand.clone(), &snapshot, vec![]), 3);
    demand.idle_workers = 8;
    assert_eq!(of(demand, &snapshot, vec![]), 0);
    let (mut demand, snapshot) = workers(8, 1, 30);
    demand.idle_workers = 8;
    assert_eq!(of(demand, &snapshot, vec![]), 5, "240 bytes of results, and twice the room");
}

#[test]
fn results_ask_for_the_workers_that_hold_them_and_not_for_twice_as_many() {
    let (demand, snapshot) = workers(10, 1, 66);
    assert_eq!(of(demand, &snapshot, vec![]), 11, "660 bytes at 60 of 100");
    let (demand, snapshot) = workers(10, 1, 1_000);
    assert_eq!(of(demand, &snapshot, vec![]), 20, "in steps");
    let (mut demand, mut snapshot) = workers(10, 1, 1_000);
    demand.idle_workers = 10;
    snapshot.workers.values_mut().for_each(|w| w.memory_limit = 0);
    assert_eq!(of(demand, &snapshot, vec![]), 0, "without a limit nothing is known");
}

#[test]
fn work_that_no_worker_can_do_is_told_and_asks_for_none() {
    let (mut demand, snapshot) = workers(1, 1, 0);
    demand.idle_workers = 1;
    let tpu = || ready(shape(&[("TPU", 1.0)], false), 60, Some(10.0));
    demand.work = vec![tpu(), plain(3, 10.0), tpu()];
    let wish = asks(&demand, &snapshot, &[gpu(1.0)], &[]);
    assert_eq!(wish.workers, 3);
    let [only] = wish.infeasible.as_slice() else { panic!("{wish:?}") };
    assert_eq!((only.tasks, only.shape.resources[0].0.as_str()), (120, "TPU"));
}

#[test]
fn work_of_one_group_counts_for_that_group() {
    let (mut demand, snapshot) = workers(2, 1, 0);
    let big = || ready(shape(&[("GPU", 1.0)], false), 8, Some(100.0));
    demand.work = vec![plain(5, 100.0), big()];
    let of = |offers: &[Offer]| {
        let wish = asks(&demand, &snapshot, offers, &[]);
        assert_eq!(wish.infeasible, []);
        (wish.workers, wish.of_group)
    };
    assert_eq!(of(&[Offer::default(), gpu(1.0)]), (13, vec![0, 8]));
    assert_eq!(of(&[Offer::default(), gpu(4.0)]), (7, vec![0, 2]), "four at a time");
    assert_eq!(of(&[gpu(1.0), gpu(1.0)]), (13, vec![0, 0]), "both can");
    let richer = Offer { resources: BTreeMap::from([("GPU".into(), 1.0), ("TPU".into(), 1.0)]), ..gpu(1.0) };
    assert_eq!(of(&[Offer::default(), richer, gpu(1.0)]).1, [0, 0, 8], "what has less that is not asked for");
    let bounded = Offer { most: 3, ..gpu(1.0) };
    assert_eq!(of(&[Offer::default(), bounded]), (8, vec![0, 8]), "no other group grows for it");
}

#[test]
fn work_for_workers_that_no_group_gives_is_left_to_them() {
    let (mut demand, snapshot) = workers(2, 1, 0);
    demand.idle_workers = 2;
    let pinned = |is_served| Shape { is_pinned: true, ..shape(&[], is_served) };
    demand.work = vec![ready(pinned(true), 50, Some(10.0))];
    assert_eq!(
        asks(&demand, &snapshot, &[Offer::default()], &[]),
        Wish { of_group: vec![0], ..Wish::default() }
    );
    demand.work = vec![ready(pinned(false), 50, Some(10.0))];
    assert_eq!(asks(&demand, &snapshot, &[Offer::default()], &[]).infeasible[0].tasks, 50);
    demand.work = vec![ready(shape(&[("GPU", 1.0)], true), 50, Some(10.0))];
    let asked = |offers: &[Offer]| asks(&demand, &snapshot, offers, &[]);
    assert_eq!(asked(&[Offer::default()]).workers, 0, "another group's worker has it");
    let hidden = || Offer { workers: BTreeSet::from(["tcp://w:0".into()]), most: 100, ..Offer::default() };
    assert_eq!(asked(&[hidden()]).workers, 50, "its image tells what the template does not");
    assert_eq!(asked(&[Offer::default(), hidden()]).of_group, [0, 50]);
}

#[test]
fn one_worker_is_tried_where_nothing_tells_what_workers_have() {
    let (mut demand, snapshot) = workers(0, 1, 0);
    demand.work = vec![ready(shape(&[("GPU", 1.0)], false), 50, Some(10.0))];
    let asked = |snapshot: &Snapshot, offer: Offer, known: &[Shape]| {
        let wish = asks(&demand, snapshot, &[offer], known);
        (wish.workers, wish.infeasible.len())
    };
    assert_eq!(asked(&snapshot, Offer::default(), &[]), (1, 0));
    let known = [demand.work[0].shape.clone()];
    assert_eq!(asked(&snapshot, Offer::default(), &known), (0, 1), "it was tried");
    assert_eq!(
        asked(&workers(1, 1, 0).1, Offer::default(), &[]),
        (1, 1),
        "one is there, and stays while it has tasks"
    );
    let other = Offer { resources: BTreeMap::from([("TPU".into(), 1.0)]), ..Offer::default() };
    assert_eq!(asked(&snapshot, other, &[]), (0, 1), "the template tells");
}

#[test]
fn what_a_liar_says_is_bounded() {
    let (demand, snapshot) = workers(3, 1, 0);
    for (tasks, seconds) in [(u64::MAX, 1e300), (u64::MAX, f64::INFINITY), (1, -5.0)] {
        let asked = of(demand.clone(), &snapshot, vec![plain(tasks, seconds), plain(tasks, seconds)]);
        assert!((1..=1_000_000).contains(&asked), "{asked}");
    }
}
