//! Short runs, from beginning to end.

use super::*;
use crate::workload::{Kind, Loss, Task};

fn options(startup: u64) -> Options {
    Options {
        startup,
        seeds: 1..2,
        maximum: 50,
        threads: 1,
        memory: 1 << 30,
        groups: Vec::new(),
        policy: serde_json::from_value(serde_json::json!({"cluster": "c"})).unwrap(),
    }
}

/// So many tasks of so many seconds at once.
fn tasks(count: usize, seconds: u64) -> Workload {
    let kinds = vec![Kind { prefix: "inc".into(), resources: Vec::new() }];
    let task = Task { at: 0, takes: 1_000 * seconds, kind: 0, inputs: Vec::new(), bytes: 1 };
    Workload { name: "own".into(), kinds, tasks: vec![task; count], losses: Vec::new() }
}

fn outcomes(workload: &Workload, options: &Options) -> Vec<Outcome> {
    let case = case(Source::Own(workload), options).unwrap();
    let outcomes: Vec<Outcome> = case.contenders.into_iter().map(|(_, mut o)| o.remove(0)).collect();
    for outcome in &outcomes {
        assert!(outcome.makespan.unwrap() >= case.bound.0 * 0.5 && outcome.worker_seconds >= case.bound.1);
    }
    outcomes
}

/// The issue that this operator's autoscaler began with: six tasks of 100 s waited 15 s with one worker.
#[test]
fn six_long_tasks_do_not_wait_out_a_cooldown() {
    let [own, dask_kubernetes, _] = &outcomes(&tasks(6, 100), &options(3_000))[..] else { panic!() };
    assert!(own.makespan.unwrap() < 117.0, "{own:?}");
    assert!(own.makespan < dask_kubernetes.makespan);
}

#[test]
fn nothing_is_lost_and_all_are_gone_in_the_end() {
    for startup in [3_000, 60_000] {
        let all = outcomes(&tasks(300, 7), &options(startup));
        for outcome in &all {
            assert_eq!(outcome.timeline.samples.last().unwrap().pods, 0);
        }
        assert_eq!((all[0].interrupted, all[0].again), (0.0, 0));
        assert!(all[0].peak <= 50);
    }
}

#[test]
fn runs_of_one_seed_are_the_same() {
    let once = || case(Source::Builtin("map-reduce"), &options(20_000)).unwrap().contenders;
    assert_eq!(once(), once());
}

#[test]
fn results_on_lost_workers_are_computed_again() {
    let mut workload = tasks(40, 10);
    let all = (0..40).collect();
    workload.tasks.push(Task { at: 0, takes: 5_000, kind: 0, inputs: all, bytes: 1 });
    workload.losses.push(Loss { at: 24_000, one_in: 2 });
    let outcomes = outcomes(&workload, &options(3_000));
    assert!(outcomes.iter().any(|o| o.again > 0 && o.interrupted > 0.0), "{outcomes:?}");
}

#[test]
fn each_group_serves_its_own_and_what_none_can_do_is_left() {
    let mut workload = tasks(20, 10);
    let mut with = |resource: &str, count| {
        let kind = workload.kind(Kind { prefix: resource.into(), resources: vec![(resource.into(), 1.0)] });
        let task = Task { kind, ..workload.tasks[0].clone() };
        workload.tasks.extend(vec![task; count]);
    };
    with("GPU", 8);
    with("TPU", 500);
    let groups = vec![vec![("GPU".to_string(), 1.0)]];
    let options = Options { groups, ..options(3_000) };
    let [own, dask_kubernetes, _] = &outcomes(&workload, &options)[..] else { panic!() };
    assert!(own.peak <= 28 && own.worker_seconds < 600.0, "{own:?}");
    assert!(dask_kubernetes.worker_seconds > 10.0 * own.worker_seconds, "it follows what no worker can do");
}

#[test]
fn an_unknown_workload_is_named() {
    let error = case(Source::Builtin("bursts"), &options(1)).unwrap_err().to_string();
    assert!(error.contains("\"bursts\"") && error.contains("burst, ramp"), "{error}");
}
