//! Steps 4 to 7 of the removal protocol, for pods that are marked.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    model::{
        pod::PodRecord,
        scheduler::{SchedulerState, Snapshot},
    },
    plan::action::{Action, DeletePod, RetireCall, RetireStage, SchedulerNeed},
    worker_group::{
        POLL, PlannerState, PodCounts, WorkerAddresses,
        findings::Findings,
        input::Input,
        node_disruption,
        planner_state::{Asked, Victim, Victims},
        pod_counts::reference,
    },
};

/// Heartbeats after the drain before "nothing executes" is believed: the first may have been on its
/// way when the worker was told.
const BEATS: u32 = 2;
/// Seconds behind the others in its heartbeats after which a worker is left out of a drain: one that is
/// frozen would hold up all of them.
const FROZEN: f64 = 30.0;
/// How long it counts that a pod has no worker: one may register at any time.
const VALID: Duration = Duration::from_secs(3);
/// A call that never reported back is forgotten after this long; asking again is safe.
pub(crate) const LOST_CALL: Duration = Duration::from_secs(300);

pub(crate) fn progress(
    input: &Input<'_>,
    counts: &PodCounts<'_>,
    addresses: &WorkerAddresses,
    memory: &mut PlannerState,
    found: &mut Findings,
) {
    memory.calls.retain(|_, c| input.now.since(c.started) < LOST_CALL);
    memory.victims.retain(|uid, _| input.pods.iter().any(|p| p.uid == *uid && p.mark.is_some()));
    if counts.marked.is_empty() {
        return;
    }
    // Node disruptions do not count as a scale-down request.
    found.shrinking |= counts.marked.iter().any(|p| !input.is_threatened(p));
    found.needs(SchedulerNeed::Registry);
    if counts.marked.iter().any(|p| input.is_threatened(p)) {
        // Whether they have a part in a shuffle.
        found.needs(SchedulerNeed::Offer);
    }
    found.requeue_in(POLL);
    match input.scheduler {
        SchedulerState::Unknown | SchedulerState::Unreachable { .. } => {}
        SchedulerState::Absent | SchedulerState::Starting if addresses.no_scheduler => {
            let why = "its scheduler is gone, and with it what it held";
            found.actions.extend(counts.marked.iter().map(|p| delete_if_unchanged(input, p, why)));
        }
        SchedulerState::Absent | SchedulerState::Starting => {}
        SchedulerState::Known(snapshot) => {
            let mut steps = Steps::default();
            for pod in &counts.marked {
                step(input, pod, addresses, snapshot, memory, &mut steps);
            }
            found.actions.extend(steps.actions);
            call(input, snapshot, RetireStage::Drain, steps.drain, memory, found);
            call(input, snapshot, RetireStage::Close, steps.close, memory, found);
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
fn step(
    input: &Input<'_>,
    pod: &PodRecord,
    mapped: &WorkerAddresses,
    snapshot: &Snapshot,
    memory: &mut PlannerState,
    steps: &mut Steps,
) {
    let Some(addresses) = mapped.get(&pod.uid) else {
        let was_closed = memory.victims.get(&pod.uid).is_some_and(|v| !v.closed.is_empty());
        let is_current =
            pod.mark.as_ref().is_some_and(|m| snapshot.at > m.at || m.is_in_the_future(input.now));
        let why = "retired, and the scheduler has forgotten it";
        if was_closed {
            steps.actions.push(delete(pod, why));
        } else if is_current && !mapped.strangers {
            steps.actions.push(delete_if_unchanged(input, pod, why));
        }
        return;
    };
    let worker = |a: &String| snapshot.workers.get(a);
    let leaving = addresses.iter().filter_map(worker).any(|w| w.leaving);
    let asked = || Asked { addresses: addresses.clone(), leaving };
    let newest = snapshot.workers.values().map(|w| w.last_seen).fold(0.0, f64::max);
    let frozen = addresses.iter().filter_map(worker).any(|w| newest - w.last_seen > FROZEN);
    let early = memory.is_refused(&pod.uid, input.now);
    let refused_at = memory.refused_at(&pod.uid);
    let waits = memory.undecided.contains(&pod.uid)
        || (!leaving && node_disruption::is_held_up(input, pod, (mapped, snapshot), memory));
    let victim = memory.victims.entry(pod.uid.clone()).or_default();
    // An earlier call may be carried out late: who leaves by it does not come back.
    victim.refused &= !(leaving && refused_at.is_none_or(|t| snapshot.at > t));
    if victim.refused {
        // Until the mark is seen to be gone: the write may fail.
        steps.actions.push(Action::UnmarkPod(reference(pod)));
    } else if addresses.is_subset(&victim.closed) {
        steps.actions.push(delete(pod, "retired"));
    } else if addresses.is_subset(&victim.drained) && snapshot.at <= victim.drained_at {
        // This reading is older than the scheduler's answer.
    } else if !is_drained(victim, addresses, snapshot) {
        if !early && !frozen && !waits {
            steps.drain.insert(pod.uid.clone(), asked());
        }
    } else if is_quiet(victim, addresses, snapshot) && !early {
        steps.close.insert(pod.uid.clone(), asked());
    }
}

/// Whether the scheduler let go of all processes of the pod, as they are registered now.
fn is_drained(victim: &Victim, addresses: &BTreeSet<String>, snapshot: &Snapshot) -> bool {
    addresses.is_subset(&victim.drained)
        && addresses.iter().all(|a| snapshot.workers.get(a).is_some_and(|w| w.leaving))
}

/// Whether nothing executes, by heartbeats that were sent after the drain.
fn is_quiet(victim: &mut Victim, addresses: &BTreeSet<String>, snapshot: &Snapshot) -> bool {
    let mut quiet = true;
    for address in addresses {
        let Some(worker) = snapshot.workers.get(address) else { continue };
        let beat = victim.beats.entry(address.clone()).or_insert((worker.last_seen, 0));
        if worker.last_seen > beat.0 {
            *beat = (worker.last_seen, beat.1.saturating_add(1));
        }
        quiet &= beat.1 >= BEATS && worker.busy == 0;
    }
    quiet
}

/// One call for all of them, one at a time for each stage.
fn call(
    input: &Input<'_>,
    snapshot: &Snapshot,
    stage: RetireStage,
    victims: Victims,
    memory: &mut PlannerState,
    found: &mut Findings,
) {
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

pub(crate) fn delete(pod: &PodRecord, why: &'static str) -> Action {
    Action::DeletePod(DeletePod { pod: reference(pod), resource_version: None, valid_until: None, why })
}

/// Deletes a pod that has no worker by what is known now: not once it has changed, nor much later.
pub(crate) fn delete_if_unchanged(input: &Input<'_>, pod: &PodRecord, why: &'static str) -> Action {
    Action::DeletePod(DeletePod {
        pod: reference(pod),
        resource_version: Some(pod.resource_version.clone()),
        valid_until: Some(input.now.plus(VALID)),
        why,
    })
}
