//! `Scheduler.adaptive_target` and `Scheduler.workers_to_close` of Dask (distributed 2026.8), for workers of one size.
//! In 2024.1, queued tasks of which nothing is known count for half a second, however long others have run.

use crate::{
    numbers::{bytes, count},
    world::{Measured, Worker, World},
};

/// `distributed.adaptive.target-duration`, seconds.
const TARGET_DURATION: f64 = 5.0;
/// `distributed.scheduler.unknown-task-duration`, seconds.
const UNKNOWN_DURATION: f64 = 0.5;
/// Tasks of the queue whose durations are looked at.
const LOOKED_AT: usize = 100;
/// The share of the memory above which twice as many workers are wanted.
const MEMORY: f64 = 0.6;
/// `memory_ratio` of `workers_to_close`.
const MEMORY_RATIO: f64 = 2.0;

fn duration(measured: &Measured) -> f64 {
    measured.average.or(measured.longest.map(|l| 2.0 * l)).unwrap_or(UNKNOWN_DURATION)
}

/// Tasks of one kind, as a scheduler counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tasks {
    /// Ready, and assigned to no worker.
    pub ready: usize,
    /// Assigned to a worker.
    pub assigned: usize,
    /// How long one takes.
    pub measured: Measured,
}

/// What the scheduler goes by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Its tasks, by kind.
    pub tasks: Vec<Tasks>,
    /// Its workers.
    pub workers: usize,
    /// Threads of each.
    pub threads: usize,
    /// Whether results take more than the share of the memory above which more workers are wanted.
    pub is_full: bool,
    /// Workers that may go.
    pub closable: usize,
}

impl Seen {
    /// How many workers the scheduler would like.
    pub fn target(&self) -> usize {
        let occupancy: f64 = self.tasks.iter().map(|t| count(t.assigned) * duration(&t.measured)).sum();
        let ready: usize = self.tasks.iter().map(|t| t.ready).sum();
        // The order of the queue is that of the kinds here: only the first hundred are looked at.
        let (mut looked_at, mut queued) = (0, 0.0);
        for tasks in &self.tasks {
            let some = tasks.ready.min(LOOKED_AT - looked_at);
            looked_at += some;
            queued += count(some) * duration(&tasks.measured);
        }
        if ready > LOOKED_AT {
            queued *= count(ready) / count(LOOKED_AT);
        }
        let all = ready + self.tasks.iter().map(|t| t.assigned).sum::<usize>();
        let mut cpu = whole((occupancy + queued) / TARGET_DURATION).min(all);
        if self.workers > 0 {
            cpu = cpu.div_ceil(self.threads.max(1));
        } else if ready > 0 {
            cpu = cpu.max(1);
        }
        let target = cpu.max(if self.is_full { 2 * self.workers } else { 0 });
        if target >= self.workers { target } else { self.workers - self.closable }
    }
}

/// How many workers the scheduler of this world would like.
pub fn adaptive_target(world: &World<'_>) -> usize {
    let up: Vec<&Worker> = world.up().map(|(_, w)| w).collect();
    let running = world.running();
    let tasks = running.iter().zip(&world.measured).enumerate();
    let tasks = tasks.map(|(n, (assigned, measured))| Tasks {
        ready: world.ready(n),
        assigned: *assigned,
        measured: *measured,
    });
    let limit = bytes(world.setup.memory) * count(up.len());
    let seen = Seen {
        tasks: tasks.collect(),
        workers: up.len(),
        threads: world.setup.threads,
        is_full: limit > 0.0 && held(&up) > MEMORY * limit,
        closable: workers_to_close(world, None).len(),
    };
    seen.target()
}

/// The workers that may go: idle ones first, with few results first; with `most`, so many, idle or not.
pub fn workers_to_close(world: &World<'_>, most: Option<usize>) -> Vec<usize> {
    let mut up: Vec<(usize, &Worker)> = world.up().collect();
    up.sort_by_key(|(n, w)| (!w.running.is_empty(), w.bytes, *n));
    let all: Vec<&Worker> = up.iter().map(|(_, w)| *w).collect();
    let (mut limit, total) = (bytes(world.setup.memory) * count(up.len()), held(&all));
    let mut closing = Vec::new();
    for (number, worker) in up {
        if most.is_none() && !worker.running.is_empty() {
            break;
        }
        limit -= bytes(world.setup.memory);
        let is_asked = most.is_some_and(|most| closing.len() < most);
        let has_room = most.is_none() && limit >= MEMORY_RATIO * total;
        if !(is_asked || has_room) {
            break;
        }
        closing.push(number);
    }
    closing
}

fn held(workers: &[&Worker]) -> f64 {
    workers.iter().map(|w| bytes(w.bytes)).sum()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within bounds")]
fn whole(n: f64) -> usize {
    n.ceil().clamp(0.0, 1e6) as usize
}
