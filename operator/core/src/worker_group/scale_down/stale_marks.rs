//! Marks that were not acted on for a while: before the first step it is asked again whether those pods should leave.
//!
//! The operator may have been away, or its writes slow. Until a drain is accepted, a mark can be taken off at no cost.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    model::{
        pod::PodRecord,
        scheduler::{SchedulerState, Snapshot},
    },
    plan::scheduler_need::WorkersNeed,
    worker_group::{
        POLL, PlannerState, WorkerAddresses,
        input::Input,
        pass::Pass,
        scale_down::{retire, select},
    },
};

/// For this long a mark is acted on without another look.
const FRESH: Duration = Duration::from_secs(10);

/// Lets those stay that are no longer offered, or no longer too many. Until the scheduler says whom it offers, none of
/// them is drained.
pub(crate) fn revalidate(pass: &mut Pass<'_>) {
    let Pass { input, counts, addresses, memory, found } = pass;
    memory.undecided.clear();
    // Their nodes are about to go, so the marks stay valid whether or not a shrink chose them.
    let old = counts.marked.iter().copied().filter(|p| is_old(input, p) && !input.is_threatened(p));
    let doubtful: Vec<&PodRecord> = match input.scheduler {
        SchedulerState::Known(snapshot) => {
            old.filter(|p| !has_begun(p, addresses, snapshot, memory)).collect()
        }
        SchedulerState::Unknown => old.collect(),
        _ => return,
    };
    if doubtful.is_empty() {
        return;
    }
    let may_go = (counts.staying.len() + doubtful.len()).saturating_sub(counts.desired);
    if may_go == 0 && input.scheduler.known().is_some() {
        // That they are wanted again needs no word of the scheduler.
        doubtful.iter().for_each(|p| memory.let_stay(&p.uid, input.now));
        return;
    }
    found.needs(WorkersNeed::Offer);
    found.requeue_in(POLL);
    let Some(offer) = input.scheduler.known().and_then(|s| s.offer.as_ref()) else {
        memory.undecided = doubtful.iter().map(|p| p.uid.clone()).collect();
        return;
    };
    let is_offered = |p: &&PodRecord| {
        !offer.shuffle_blocks && addresses.get(&p.uid).is_some_and(|a| a.is_subset(&offer.addresses))
    };
    let mut go: Vec<&PodRecord> = doubtful.iter().copied().filter(is_offered).collect();
    go.sort_by_key(|p| (addresses.get(&p.uid).map(|a| select::cost(a, input.scheduler.known())), &p.name));
    let go: BTreeSet<&str> = go.iter().take(may_go).map(|p| p.uid.as_str()).collect();
    for pod in doubtful.iter().filter(|p| !go.contains(p.uid.as_str())) {
        memory.let_stay(&pod.uid, input.now);
    }
}

fn is_old(input: &Input<'_>, pod: &PodRecord) -> bool {
    let is_old = |at| input.now.since(at) >= FRESH;
    pod.mark.as_ref().is_some_and(|m| is_old(m.at) || m.is_in_the_future(input.now))
}

/// Whether anything was done that cannot be taken back, or may have been. A pod without a worker has nothing to take
/// back.
fn has_begun(
    pod: &PodRecord,
    addresses: &WorkerAddresses,
    snapshot: &Snapshot,
    memory: &PlannerState,
) -> bool {
    let Some(workers) = addresses.get(&pod.uid) else { return true };
    let was_told =
        memory.victims.get(&pod.uid).is_some_and(|v| !v.drained.is_empty() || !v.closed.is_empty());
    was_told || workers.iter().any(|a| snapshot.is_leaving(a)) || retire::is_asked_for(pod, memory)
}
