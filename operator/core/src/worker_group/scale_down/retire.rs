//! Steps 4 to 7 of the removal protocol, for pods that are marked.

use std::collections::BTreeSet;

use crate::{
    model::{
        pod::PodRecord,
        scheduler::{SchedulerState, Snapshot},
        worker_address::WorkerAddress,
    },
    plan::{
        action::{Action, RetireCall, RetireStage},
        scheduler_need::WorkersNeed,
    },
    worker_group::{
        POLL, PlannerState, delete_pod,
        pass::Pass,
        planner_state::{Asked, LOST_CALL, Victims},
        pod_counts::reference,
        scale_down::{
            removal_phase::{Removal, RemovalPhase},
            shuffle_wait,
        },
    },
};

/// Seconds behind the others in its heartbeats after which a worker is left out of a drain: one that is
/// frozen would hold up all of them.
const FROZEN: f64 = 30.0;
/// Why a pod goes whose workers are not registered any more.
const NOT_REGISTERED: &str = "the scheduler knows no worker of it any more";
pub(crate) fn progress(pass: &mut Pass<'_>) {
    let Pass { input, counts, addresses, memory, found } = pass;
    let input = *input;
    memory.calls.retain(|_, c| input.now.since(c.started) < LOST_CALL);
    memory.victims.retain(|uid, _| input.pods.iter().any(|p| p.uid == *uid && p.mark.is_some()));
    if counts.marked.is_empty() {
        return;
    }
    // Node disruptions do not count as a scale-down request.
    found.shrinking |= counts.marked.iter().any(|p| !input.is_threatened(p));
    found.needs(WorkersNeed::Registry);
    if counts.marked.iter().any(|p| input.is_threatened(p)) {
        // Whether they have a part in a shuffle.
        found.needs(WorkersNeed::Offer);
    }
    found.requeue_in(POLL);
    match input.scheduler {
        SchedulerState::Unknown | SchedulerState::Unreachable { .. } => {}
        SchedulerState::Absent | SchedulerState::Starting if addresses.no_scheduler => {
            let why = "its scheduler is gone, and with it what it held";
            found.actions.extend(counts.marked.iter().map(|p| delete_pod::if_unchanged(input, p, why)));
        }
        SchedulerState::Absent | SchedulerState::Starting => {}
        SchedulerState::Known(snapshot) => {
            let mut steps = Steps::default();
            for pod in &counts.marked {
                step(Removal { input, pod, addresses, snapshot }, memory, &mut steps);
            }
            found.actions.extend(steps.actions);
            call(pass, snapshot, RetireStage::Drain, steps.drain);
            call(pass, snapshot, RetireStage::Close, steps.close);
        }
        // Their agents let them go, one after the other: see `through_agents`.
        SchedulerState::SpeaksTls => {}
    }
}

#[derive(Default)]
struct Steps {
    actions: Vec<Action>,
    drain: Victims,
    close: Victims,
}

/// The next step of one marked pod.
fn step(removal: Removal<'_>, memory: &mut PlannerState, steps: &mut Steps) {
    let Removal { input, pod, .. } = removal;
    let asked = |workers: &BTreeSet<WorkerAddress>| Asked {
        addresses: workers.clone(),
        leaving: removal.is_leaving(),
    };
    match (removal.phase(memory), removal.workers()) {
        // Until the mark is seen to be gone: the write may fail.
        (RemovalPhase::Staying, _) => steps.actions.push(Action::UnmarkPod(reference(pod))),
        (RemovalPhase::Marked, Some(workers)) if may_drain(removal, memory) => {
            steps.drain.insert(pod.uid.clone(), asked(workers));
        }
        (RemovalPhase::Quiet, Some(workers)) if !memory.is_refused(&pod.uid, input.now) => {
            steps.close.insert(pod.uid.clone(), asked(workers));
        }
        (RemovalPhase::Closed, Some(_)) => steps.actions.push(delete_pod::always(pod, "retired")),
        (RemovalPhase::Closed, None) => steps.actions.push(delete_pod::always(pod, NOT_REGISTERED)),
        (RemovalPhase::Unregistered, _) if is_current(removal) && !removal.addresses.strangers => {
            steps.actions.push(delete_pod::if_unchanged(input, pod, NOT_REGISTERED));
        }
        _ => {}
    }
}

/// Whether the scheduler may be asked to let the pod's workers go: it did not just refuse them, all of them are heard of,
/// and nothing else is waited for.
fn may_drain(removal: Removal<'_>, memory: &PlannerState) -> bool {
    let Removal { input, pod, snapshot, .. } = removal;
    let newest = snapshot.workers.values().map(|w| w.last_seen).fold(0.0, f64::max);
    let is_frozen =
        |a: &WorkerAddress| snapshot.workers.get(a).is_some_and(|w| newest - w.last_seen > FROZEN);
    let is_in_shuffle = || !removal.is_leaving() && shuffle_wait::is_needed(removal, memory);
    !memory.is_refused(&pod.uid, input.now)
        && !removal.workers().is_some_and(|all| all.iter().any(is_frozen))
        && !memory.undecided.contains(&pod.uid)
        && !is_in_shuffle()
}

/// Whether the reading is newer than the mark, and than what calls of ours have moved.
fn is_current(removal: Removal<'_>) -> bool {
    let Removal { input, pod, snapshot, .. } = removal;
    let is_newer = |at| snapshot.at > at;
    pod.mark.as_ref().is_some_and(|m| is_newer(m.at) || m.is_in_the_future(input.now))
        && input.shows_every_worker(snapshot)
}

/// One call for all of them, one at a time for each stage.
fn call(pass: &mut Pass<'_>, snapshot: &Snapshot, stage: RetireStage, victims: Victims) {
    let Pass { input, memory, found, .. } = pass;
    let too_early = memory.unanswered.get(&stage).is_some_and(|t| *t > input.now);
    if victims.is_empty() || too_early || memory.calls.contains_key(&stage) {
        return;
    }
    let addresses = victims.values().flat_map(|v| &v.addresses).cloned().collect();
    let call = RetireCall { stage, addresses, scheduler: snapshot.id.clone() };
    memory.calling(&call, victims, input.now);
    found.actions.push(Action::Retire(call));
}

/// Whether a call about this pod is under way.
pub(crate) fn is_asked_for(pod: &PodRecord, memory: &PlannerState) -> bool {
    memory.calls.values().any(|c| c.victims.contains_key(&pod.uid))
}
