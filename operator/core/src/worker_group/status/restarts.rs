//! How often worker processes were started again in the pods that are there, and how many the kernel ended.

use dask_crds::WorkerCounts;

use crate::{
    model::{
        restarts::Restarts,
        scheduler::{Snapshot, addresses_by_pod},
    },
    worker_group::{PodCounts, input::Input},
};

/// Containers tell it of themselves, and agents of what they did inside of them, by way of their workers. It is never less
/// than it was while the scheduler does not answer, or a pod's worker is just not registered: that is no news of its pod.
pub(crate) fn count(
    input: &Input<'_>,
    counts: &PodCounts<'_>,
    old: Option<WorkerCounts>,
) -> (Option<i32>, Option<i32>) {
    let old = old.map_or((None, None), |old| (old.restarts, old.oom_kills));
    let snapshot = input.agents;
    let mut all = Restarts::default();
    for pod in counts.all_live() {
        all.add(pod.restarts);
    }
    let told = snapshot.is_some_and(|s| s.workers.values().any(|w| w.restarts() != Restarts::default()));
    // Nothing to be counted: mostly.
    if !told && all == Restarts::default() && old == (None, None) {
        return old;
    }
    let is_whole = snapshot.is_some_and(|snapshot| add_agents(&mut all, counts, snapshot));
    let some = |n: u32| Some(i32::try_from(n).unwrap_or(i32::MAX)).filter(|n| *n > 0);
    let new = (some(all.restarts), some(all.oom_kills));
    if is_whole { new } else { (new.0.max(old.0), new.1.max(old.1)) }
}

/// Adds what the agents of these pods counted; whether each pod has a worker that could tell it.
fn add_agents(all: &mut Restarts, counts: &PodCounts<'_>, snapshot: &Snapshot) -> bool {
    let addresses = addresses_by_pod(counts.all_live(), &snapshot.workers);
    for addresses in addresses.values() {
        // Workers of one pod have one agent, and each tells what it knew when that worker began.
        let of_agent = addresses.iter().filter_map(|a| snapshot.workers.get(a)).map(|w| w.restarts());
        all.add(of_agent.fold(Restarts::default(), Restarts::most));
    }
    counts.all_live().all(|pod| addresses.contains_key(&pod.uid))
}
