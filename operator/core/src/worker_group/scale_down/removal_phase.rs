//! How far the removal of a marked pod is: the phases of `docs/removing-a-worker.md`, read from what is observed now and
//! what this process remembers of its own calls. Where that is lost, the removal goes on from the mark.

use std::collections::BTreeSet;

use crate::{
    model::{pod::PodRecord, scheduler::Snapshot, worker_address::WorkerAddress},
    plan::action::RetireStage,
    worker_group::{PlannerState, WorkerAddresses, input::Input, planner_state::Victim},
};

/// Heartbeats after the drain before "nothing executes" is believed: the first may have been on its
/// way when the worker was told.
const BEATS: u32 = 2;

/// A phase of the removal of a pod, from the mark to the deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RemovalPhase {
    /// The pod is marked, and this process has not seen that the scheduler let all of its workers go.
    Marked,
    /// The call that asks the scheduler to let them go is under way.
    Draining,
    /// The scheduler refused to let the pod's workers go, or the pod need not leave any more: the mark comes off.
    Staying,
    /// The scheduler has let them go; the reading is older than its answer, they still execute, or two heartbeats have
    /// not come since.
    Drained,
    /// They execute nothing any more.
    Quiet,
    /// The call that closes them is under way, and they still execute nothing.
    Closing,
    /// They were closed.
    Closed,
    /// The scheduler knows no worker of the pod, and this process did not close any. The mark may be newer than the
    /// reading.
    Unregistered,
}

/// A marked pod, and what is known of the scheduler.
#[derive(Clone, Copy)]
pub(crate) struct Removal<'a> {
    pub input: &'a Input<'a>,
    pub pod: &'a PodRecord,
    pub addresses: &'a WorkerAddresses,
    pub snapshot: &'a Snapshot,
}

impl<'a> Removal<'a> {
    /// The addresses of the pod's workers, if any is registered.
    pub fn workers(&self) -> Option<&'a BTreeSet<WorkerAddress>> {
        self.addresses.get(&self.pod.uid)
    }

    /// Whether the scheduler has let any of its workers go.
    pub fn is_leaving(&self) -> bool {
        self.workers().is_some_and(|all| all.iter().any(|a| self.snapshot.is_leaving(a)))
    }

    /// The phase now. Heartbeats that came after the drain are counted.
    pub fn phase(&self, memory: &mut PlannerState) -> RemovalPhase {
        let uid = &self.pod.uid;
        let Some(workers) = self.workers() else {
            let was_closed = memory.victims.get(uid).is_some_and(|v| !v.closed.is_empty());
            return if was_closed { RemovalPhase::Closed } else { RemovalPhase::Unregistered };
        };
        let under_way = |stage| memory.calls.get(&stage).is_some_and(|c| c.victims.contains_key(uid));
        let (draining, closing) = (under_way(RetireStage::Drain), under_way(RetireStage::Close));
        let refused_at = memory.refused_at(uid);
        let victim = memory.victims.entry(uid.clone()).or_default();
        // An earlier call may be carried out late: what leaves by it does not come back.
        victim.stays &= !(self.is_leaving() && refused_at.is_none_or(|t| self.snapshot.at > t));
        if victim.stays {
            RemovalPhase::Staying
        } else if workers.is_subset(&victim.closed) {
            RemovalPhase::Closed
        } else if workers.is_subset(&victim.drained) && self.snapshot.at <= victim.drained_at {
            RemovalPhase::Drained
        } else if !is_drained(victim, workers, self.snapshot) {
            if draining { RemovalPhase::Draining } else { RemovalPhase::Marked }
        } else if !is_quiet(victim, workers, self.snapshot) {
            RemovalPhase::Drained
        } else if closing {
            RemovalPhase::Closing
        } else {
            RemovalPhase::Quiet
        }
    }
}

/// Whether the scheduler let go of all processes of the pod, as they are registered now.
fn is_drained(victim: &Victim, addresses: &BTreeSet<WorkerAddress>, snapshot: &Snapshot) -> bool {
    addresses.is_subset(&victim.drained) && addresses.iter().all(|a| snapshot.is_leaving(a))
}

/// Whether nothing executes, by heartbeats that were sent after the drain.
fn is_quiet(victim: &mut Victim, addresses: &BTreeSet<WorkerAddress>, snapshot: &Snapshot) -> bool {
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
