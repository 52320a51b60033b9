//! What a scheduler says of its work, once it was given the operation for it.

use std::{collections::BTreeMap, time::Duration};

use dask_comm::Value;

use super::{
    scheduler::{LIMIT, Scheduler, Task},
    serve::map,
};

/// The operation's answer. What it comes to is remembered as what the scheduler wanted.
pub fn answer(scheduler: &mut Scheduler) -> Value {
    let mut work: BTreeMap<Duration, (u64, u64)> = BTreeMap::new();
    for task in &scheduler.waiting {
        work.entry(task.takes).or_default().0 += 1;
    }
    for (task, _) in scheduler.workers.values().filter_map(|w| w.runs.as_ref()) {
        work.entry(task.takes).or_default().1 += 1;
    }
    let idle = scheduler.workers.values().filter(|w| w.runs.is_none()).count() as u64;
    let target = wanted(scheduler, idle);
    scheduler.say_target(target);
    let row = |(takes, (queued, running)): (&Duration, &(u64, u64))| {
        let kind = [Value::from(0), format!("{takes:?}").into()];
        let counts = [0, *queued, 0, 0, *running, 0].map(Value::from);
        Value::Array(
            kind.into_iter().chain(counts).chain([seconds(*takes).into(), Value::F64(-1.0)]).collect(),
        )
    };
    let none = || Value::Array(Vec::new());
    let plain = Value::Array(vec![none(), none(), none(), false.into(), Value::Nil]);
    map([
        ("shapes", Value::Array(vec![plain])),
        ("rows", Value::Array(work.iter().map(row).collect())),
        ("left_out", 0.into()),
        ("exact", true.into()),
        ("idle", idle.into()),
        ("threads", (scheduler.workers.len() as u64).into()),
    ])
}

/// As many workers as are through in five seconds, at most one for each task; those that have one stay, and as many as
/// the results need.
fn wanted(scheduler: &Scheduler, idle: u64) -> u64 {
    let registered = scheduler.workers.len() as u64;
    let running = scheduler.workers.values().filter_map(|w| w.runs.as_ref().map(|(task, _)| task));
    let all = || scheduler.waiting.iter().chain(running.clone());
    let work: f64 = all().map(|task: &Task| seconds(task.takes)).sum();
    let by_work = whole(work / 5.0).min(all().count() as u64);
    let bytes: u64 = scheduler.workers.keys().map(|address| scheduler.bytes(address)).sum();
    let held = (2 * bytes).div_ceil(LIMIT).min(registered);
    let full = (bytes * 10).div_ceil(LIMIT * 6).min(2 * registered);
    by_work.max(registered - idle).max(held).max(full)
}

fn seconds(takes: Duration) -> f64 {
    takes.as_secs_f64().max(1.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of tasks")]
fn whole(n: f64) -> u64 {
    n.ceil() as u64
}
