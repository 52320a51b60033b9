//! What waits on a scheduler, and what it needs of its workers.

use crate::model::worker_address::WorkerAddress;

/// Whether it is known what waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum DemandReading {
    /// It was not asked for.
    #[default]
    NotAsked,
    /// The scheduler says so.
    Known(Demand),
    /// The scheduler cannot be made to say it.
    Unavailable {
        /// Why, in the scheduler's words.
        why: String,
    },
}

/// All work that is not done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// Tasks by what they ask of their workers and by their prefix.
    pub work: Vec<Work>,
    /// Workers that have no task assigned.
    pub idle_workers: u32,
    /// Threads of all workers.
    pub threads: u32,
}

/// What a task asks of its worker. One that asks for nothing is run by any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Amounts of abstract resources, by name, in the order of names.
    pub resources: Vec<(String, f64)>,
    /// Whether only certain workers or hosts may run it.
    pub is_pinned: bool,
    /// A registered worker that may run it, if there is one.
    pub served_by: Option<WorkerAddress>,
}

/// Tasks of one shape and prefix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Their prefix: the first part of their keys.
    pub prefix: String,
    /// What they ask of their workers.
    pub shape: Shape,
    /// Ready, and assigned to no worker.
    pub ready: u64,
    /// Assigned to a worker, running or not. Those that have left their worker's threads are not counted.
    pub assigned: u64,
    /// How long one takes, seconds, as measured; `None` before the first is done.
    pub seconds: Option<f64>,
    /// How long the longest one has been seen to run, seconds; `None` before one was.
    pub longest: Option<f64>,
}

impl Demand {
    /// Tasks that are ready and not assigned.
    pub fn ready(&self) -> u64 {
        self.work.iter().map(|w| w.ready).fold(0, u64::saturating_add)
    }
}
