//! Pods that were unmarked, because they were refused or need not leave, and leave after all: an earlier call was carried out late.

use crate::{
    model::{
        pod::{Mark, PodRecord},
        scheduler::{SchedulerState, Snapshot},
    },
    plan::action::{Action, PodRef, SchedulerNeed},
    worker_group::{
        POLL, PlannerState, PodCounts, WorkerAddresses, findings::Findings, input::Input,
        pod_counts::reference, scale_down::retire::LOST_CALL,
    },
};

/// Marks them again: they take no task any more, and without a mark they would not be replaced.
pub(crate) fn mark_again(
    input: &Input<'_>,
    tally: &PodCounts<'_>,
    addresses: &WorkerAddresses,
    memory: &PlannerState,
    found: &mut Findings,
) {
    let is_recent =
        |p: &PodRecord| memory.called_back_at(&p.uid).is_some_and(|t| input.now.since(t) < LOST_CALL);
    if !tally.staying.iter().any(|p| is_recent(p)) {
        return;
    }
    found.needs(SchedulerNeed::Registry);
    found.requeue_in(POLL);
    let SchedulerState::Known(snapshot) = input.scheduler else { return };
    let going = found.pods_in_plan();
    let is_late = |p: &PodRecord| {
        let was_called_back = memory.called_back_at(&p.uid).is_some_and(|t| snapshot.at > t);
        was_called_back && !going.contains(&p.uid) && is_leaving(p, addresses, snapshot)
    };
    let pods: Vec<PodRef> = tally.staying.iter().filter(|p| is_late(p)).map(|p| reference(p)).collect();
    if !pods.is_empty() {
        let mark = Mark { at: input.now, scheduler: snapshot.id.clone() };
        found.actions.push(Action::MarkPods { pods, mark });
    }
}

/// Whether all workers in the pod are on the way out, so that they take no task any more.
pub(crate) fn is_leaving(pod: &PodRecord, addresses: &WorkerAddresses, snapshot: &Snapshot) -> bool {
    let leaves = |a: &String| snapshot.workers.get(a).is_some_and(|w| w.leaving);
    addresses.get(&pod.uid).is_some_and(|all| all.iter().all(leaves))
}
