//! One pass of the planner over a worker group: what its steps read, what they remember, and what they have found so far.

use crate::worker_group::{PlannerState, PodCounts, WorkerAddresses, findings::Findings, input::Input};

/// One pass over a worker group. The steps run in the order of `worker_group::steps`, and later ones see what earlier ones found.
pub(crate) struct Pass<'a> {
    /// What is observed.
    pub input: &'a Input<'a>,
    /// The group's pods by what they count as.
    pub counts: &'a PodCounts<'a>,
    /// Which registered workers run in which pods.
    pub addresses: &'a WorkerAddresses,
    /// What this process remembers of the group.
    pub memory: &'a mut PlannerState,
    /// What was found so far.
    pub found: Findings,
}
