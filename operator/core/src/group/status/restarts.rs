//! How often worker processes were started again in the pods that are there, and how many the kernel ended.

use std::collections::BTreeMap;

use dask_crds::WorkerCounts;

use crate::{
    group::{Input, Tally},
    record::Restarts,
    scheduler::addresses_by_pod,
};

/// Containers tell it of themselves, and agents of what they did inside of them, by way of their workers. As it was
/// while the scheduler does not answer: half of it would look like fewer.
pub(super) fn count(
    input: &Input<'_>,
    tally: &Tally<'_>,
    old: Option<WorkerCounts>,
) -> (Option<i32>, Option<i32>) {
    let Some(snapshot) = input.scheduler.known() else {
        return old.map_or((None, None), |old| (old.restarts, old.oom_kills));
    };
    let mut all = Restarts::default();
    for pod in tally.all_live() {
        all.add(pod.restarts);
    }
    let told: BTreeMap<_, _> =
        snapshot.workers.iter().filter(|(_, w)| w.restarts() != Restarts::default()).collect();
    if !told.is_empty() {
        for addresses in addresses_by_pod(tally.all_live(), &snapshot.workers).values() {
            // Workers of one pod have one agent, and each tells what it knew when that worker began.
            let of_agent = addresses.iter().filter_map(|a| told.get(a)).map(|w| w.restarts());
            all.add(of_agent.fold(Restarts::default(), Restarts::most));
        }
    }
    let some = |n: u32| Some(i32::try_from(n).unwrap_or(i32::MAX)).filter(|n| *n > 0);
    (some(all.restarts), some(all.oom_kills))
}
