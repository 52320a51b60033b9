//! What a run came to.

use crate::{
    numbers::{count, seconds},
    timeline::Timeline,
    world::World,
};

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// When the last task was done, seconds from the beginning; `None` if the run ended before.
    pub makespan: Option<f64>,
    /// Seconds of all pods, from the request until they were gone.
    pub worker_seconds: f64,
    /// Seconds that a task waited for a worker after it was ready, on average.
    pub waited: f64,
    /// The part of these seconds in which workers ran tasks, from 0 to 1.
    pub busy_share: f64,
    /// How often the size was changed.
    pub changes: usize,
    /// Seconds of tasks that were interrupted.
    pub interrupted: f64,
    /// Tasks that were computed again because their result was gone.
    pub again: usize,
    /// Most pods at a time.
    pub peak: usize,
    /// What happened.
    pub timeline: Timeline,
}

impl Outcome {
    /// Of a world that has come to its end.
    pub fn of(world: &World<'_>, done_at: Option<u64>, changes: usize, timeline: Timeline) -> Self {
        let of_pod = |w: &crate::world::Worker| w.ended.unwrap_or(world.now) - w.requested;
        let all: u64 = world.workers.iter().map(of_pod).sum();
        let work = world.workload.work(|kind| world.is_feasible(kind));
        Self {
            makespan: done_at.map(seconds),
            worker_seconds: seconds(all),
            waited: seconds(world.waited) / count(world.workload.tasks.len().max(1)),
            busy_share: if all == 0 { 0.0 } else { seconds(work) / seconds(all) },
            changes,
            interrupted: seconds(world.losses.interrupted),
            again: world.losses.again,
            peak: timeline.peak(),
            timeline,
        }
    }
}
