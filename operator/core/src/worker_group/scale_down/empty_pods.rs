//! Pods in which no worker runs: they go without the removal protocol.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    model::{
        pod::{PodPhase, PodRecord},
        scheduler::SchedulerState,
        uid::Uid,
    },
    worker_group::{PodCounts, WorkerAddresses, input::Input},
};

/// A pod is believed to have no worker only by a reading that began not longer ago than this: workers register
/// at any time, also while a slow scheduler is being read.
pub(crate) const EMPTY_READING_MAX_AGE: Duration = Duration::from_secs(2);

/// Whether no worker runs in the pod: it has not started, or what is known of the scheduler says so.
pub(crate) fn holds_nothing(input: &Input<'_>, pod: &PodRecord, addresses: &WorkerAddresses) -> bool {
    if addresses.get(&pod.uid).is_some() {
        return false;
    }
    let has_not_started = pod.has_not_started();
    match input.scheduler {
        SchedulerState::Known(snapshot) => {
            let is_believed = snapshot.offer.is_some()
                && input.now.since(snapshot.at) <= EMPTY_READING_MAX_AGE
                && input.shows_every_worker(snapshot);
            has_not_started || (is_believed && !addresses.strangers)
        }
        SchedulerState::Absent | SchedulerState::Starting => has_not_started || addresses.no_scheduler,
        // Where it has started after all, its agent hears of its end, and the deletion is bound to what was seen.
        SchedulerState::SpeaksTls => has_not_started,
        // No data: a pod with a node may have a worker that its kubelet has not told of yet.
        _ => has_not_started && !pod.scheduled,
    }
}

/// Pods that hold nothing, the least useful first: without a node, not started, not registered.
pub(crate) fn never_started<'a>(
    counts: &PodCounts<'a>,
    going: &BTreeSet<Uid>,
    holds_nothing: impl Fn(&PodRecord) -> bool,
) -> Vec<&'a PodRecord> {
    let mut pods: Vec<_> =
        counts.staying.iter().copied().filter(|p| !going.contains(&p.uid) && holds_nothing(p)).collect();
    // Youngest first within a class: it is the furthest from being of use.
    pods.sort_by_key(|p| {
        let started = (p.scheduled, p.phase != PodPhase::Pending);
        (started, !p.is_deployment, std::cmp::Reverse(p.created), p.name.clone())
    });
    pods
}
