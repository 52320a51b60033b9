//! Pods that were unmarked, because they were refused or need not leave, and leave after all: an earlier call was carried out late.

use std::collections::BTreeSet;

use crate::{
    model::{
        pod::{Mark, PodRecord},
        scheduler::{SchedulerState, Snapshot, addresses_by_pod},
        time::Timestamp,
        worker_address::WorkerAddress,
    },
    plan::{
        action::{Action, PodRef},
        scheduler_need::WorkersNeed,
    },
    worker_group::{
        POLL, PlannerState, PodCounts, WorkerAddresses, input::Input, pass::Pass, planner_state::LOST_CALL,
        pod_counts::reference,
    },
};

/// Marks them again: they take no task any more, and without a mark they would not be replaced.
pub(crate) fn mark_again(pass: &mut Pass<'_>) {
    let Pass { input, counts, addresses, memory, found } = pass;
    let Some(need) = need(input, counts, memory) else { return };
    found.needs(need);
    if need == WorkersNeed::Registry {
        found.requeue_in(POLL);
    }
    let SchedulerState::Known(snapshot) = input.scheduler else { return };
    let going = found.pods_in_plan();
    let is_late = |p: &PodRecord| {
        let was_called_back = called_back_at(p, memory).is_some_and(|t| snapshot.at > t);
        was_called_back && !going.contains(&p.uid) && is_leaving(p, addresses, snapshot)
    };
    let pods: Vec<PodRef> = counts.staying.iter().filter(|p| is_late(p)).map(|p| reference(p)).collect();
    if !pods.is_empty() {
        let mark = Mark { at: input.now, scheduler: snapshot.id.clone() };
        found.actions.push(Action::MarkPods { pods, mark });
    }
}

/// What has to be known of the scheduler to see whether one of them leaves late.
fn need(input: &Input<'_>, counts: &PodCounts<'_>, memory: &PlannerState) -> Option<WorkersNeed> {
    let is_recent = |t: &Timestamp| input.now.since(*t) < LOST_CALL;
    if counts.staying.iter().any(|p| memory.called_back_at(&p.uid).filter(is_recent).is_some()) {
        return Some(WorkersNeed::Registry);
    }
    let mut by_another =
        counts.staying.iter().filter(|p| called_back_at(p, memory).filter(is_recent).is_some()).peekable();
    by_another.peek()?;
    // It is not likely, and an operator that starts does not ask all schedulers at once: a seldom reading will do.
    let Some(seldom) = input.agents.filter(|s| s.workers.values().any(|w| w.leaving)) else {
        return Some(WorkersNeed::Agents);
    };
    let addresses = addresses_by_pod(input.cluster_pods.iter().copied(), &seldom.workers);
    let leaves = |p: &&PodRecord| addresses.get(&p.uid).is_some_and(|all| are_leaving(all, seldom));
    Some(if by_another.any(leaves) { WorkersNeed::Registry } else { WorkersNeed::Agents })
}

/// When the pod's mark was last taken off. A process of the operator that ran before this one may have done it to any pod
/// that is as old.
fn called_back_at(pod: &PodRecord, memory: &PlannerState) -> Option<Timestamp> {
    let by_another = memory.watched.since().filter(|since| pod.created <= *since);
    memory.called_back_at(&pod.uid).max(by_another)
}

/// Whether all workers in the pod are on the way out, so that they take no task any more.
pub(crate) fn is_leaving(pod: &PodRecord, addresses: &WorkerAddresses, snapshot: &Snapshot) -> bool {
    addresses.get(&pod.uid).is_some_and(|all| are_leaving(all, snapshot))
}

fn are_leaving(addresses: &BTreeSet<WorkerAddress>, snapshot: &Snapshot) -> bool {
    addresses.iter().all(|a| snapshot.is_leaving(a))
}
