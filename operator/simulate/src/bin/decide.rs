//! How long a decision on all autoscalers of a cluster takes, by its size (`make bench-decide`).

#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use std::{sync::Arc, time::Instant};

use dask_operator_core::model::{
    demand::{Demand, DemandReading, Shape, Work},
    pod::PodRecord,
    scheduler::{SchedulerState, Snapshot, WorkerView},
    time::Timestamp,
};
use dask_operator_simulate::{
    contender::operator::Operator,
    setup::{self, Setup},
};

/// Decisions of which the one in the middle is told.
const DECISIONS: usize = 101;

fn main() -> anyhow::Result<()> {
    println!(
        "{:>8} {:>7} {:>8} {:>10} {:>13} {:>13}",
        "workers", "groups", "requests", "tasks", "median", "slowest"
    );
    for (workers, groups, shapes, tasks) in
        [(4, 1, 1, 0), (1_337, 4, 64, 13_315), (3_000, 10, 64, 100_000), (10_000, 10, 64, 100_000)]
    {
        let mut took = decisions(workers, groups, shapes, tasks)?;
        took.sort_unstable();
        let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
        println!("{workers:>8} {groups:>7} {shapes:>8} {tasks:>10} {median:>13?} {slowest:>13?}");
    }
    Ok(())
}

/// How long each of some decisions took, on a cluster of so many workers with so many requests.
fn decisions(
    workers: usize,
    groups: usize,
    shapes: usize,
    tasks: u64,
) -> anyhow::Result<Vec<std::time::Duration>> {
    let named = |n: usize| setup::Group {
        name: format!("g{n}"),
        resources: vec![(format!("R{n}"), 4.0)],
        minimum: 0,
        maximum: 20_000,
    };
    let setup = Setup {
        groups: (0..groups).map(named).collect(),
        threads: 2,
        memory: 1 << 32,
        startup: 20_000,
        seed: 1,
    };
    let mut operator = Operator::new(&setup, &serde_json::from_str(r#"{"cluster": "c"}"#)?)?;
    let pods: Vec<Vec<PodRecord>> = (0..groups).map(|g| pods(g, workers / groups)).collect();
    let mut took = Vec::new();
    for n in 0..DECISIONS {
        let now = Timestamp(1_800_000_000_000 + 2_000 * i64::try_from(n)?);
        let scheduler = SchedulerState::Known(Arc::new(reading(&pods, (shapes, tasks), now)));
        let begun = Instant::now();
        operator.decide(&pods, &scheduler, now);
        took.push(begun.elapsed());
    }
    Ok(took)
}

/// Pods of the group at this place.
fn pods(place: usize, count: usize) -> Vec<PodRecord> {
    let pod = |n: usize| PodRecord {
        name: format!("g{place}-worker-{n}"),
        uid: format!("g{place}-worker-{n}").as_str().into(),
        owner_uid: Some(format!("g{place}-uid").into()),
        ready_since: Some(Timestamp(1_799_999_990_000)),
        created: Timestamp(1_799_999_980_000),
        ..PodRecord::default()
    };
    (0..count).map(pod).collect()
}

/// What the scheduler tells: as many kinds of tasks as it ever does.
fn reading(pods: &[Vec<PodRecord>], (shapes, tasks): (usize, u64), now: Timestamp) -> Snapshot {
    let rows = 192_u64;
    let shape =
        |n: usize| Shape { resources: vec![(format!("R{}", n % (pods.len() + 1)), 1.0)], ..Shape::default() };
    let work = (0..rows).zip((0..shapes).cycle()).map(|(n, place)| Work {
        prefix: format!("prefix-{n}"),
        shape: shape(place),
        ready: tasks / rows,
        assigned: 10,
        seconds: Some(3.0),
        longest: Some(9.0),
    });
    let view = |p: &PodRecord| {
        (
            format!("tcp://{}:1", p.name).as_str().into(),
            WorkerView { name: p.name.clone(), memory_limit: 1 << 32, ..WorkerView::default() },
        )
    };
    let workers: std::collections::BTreeMap<_, _> = pods.iter().flatten().map(view).collect();
    let threads = u32::try_from(2 * workers.len()).unwrap_or(u32::MAX);
    let demand =
        Demand { work: if tasks > 0 { work.collect() } else { Vec::new() }, idle_workers: 0, threads };
    Snapshot {
        id: "s".into(),
        at: now,
        read: now,
        demand: DemandReading::Known(demand),
        workers,
        ..Snapshot::default()
    }
}
