//! Scenarios with a name: the faults that are known to hurt operators, one by one. ARCHITECTURE.md lists
//! them.

mod api_server;
mod autoscalers;
mod clocks;
mod cluster;
mod drain_timeout;
mod drained_nodes;
mod evictions;
mod own_keys;
mod scheduler;
mod shuffles;

use crate::scenario::Scenario;

/// All of them.
pub fn all() -> Vec<Scenario> {
    [
        api_server::all(),
        scheduler::all(),
        cluster::all(),
        autoscalers::all(),
        clocks::all(),
        drained_nodes::all(),
        evictions::all(),
        own_keys::all(),
        drain_timeout::all(),
        shuffles::all(),
    ]
    .concat()
}

/// The scenario with this name: one of these, a workload, or `seed N`.
pub fn find(name: &str) -> Option<Scenario> {
    if let Some(seed) = name.strip_prefix("seed ").and_then(|s| s.parse().ok()) {
        return Some(crate::random::scenario(seed));
    }
    let workloads = crate::workload::all().into_iter().map(|w| w.scenario);
    all().into_iter().chain(workloads).find(|s| s.name == name)
}
