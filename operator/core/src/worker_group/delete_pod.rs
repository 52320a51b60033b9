//! Deletions of pods: at once, or only as long as what was seen of the pod still holds.

use std::time::Duration;

use crate::{
    model::pod::PodRecord,
    plan::action::{Action, DeletePod},
    worker_group::{input::Input, pod_counts::reference},
};

/// How long it counts that a pod has no worker: one may register at any time.
const VALID: Duration = Duration::from_secs(3);

/// Deletes a pod, whatever has become of it.
pub(crate) fn always(pod: &PodRecord, why: &'static str) -> Action {
    Action::DeletePod(DeletePod {
        pod: reference(pod),
        resource_version: None,
        valid_until: None,
        empty_by: None,
        why,
    })
}

/// Deletes a pod that has no worker by what is known now: not once it has changed, nor much later.
pub(crate) fn if_unchanged(input: &Input<'_>, pod: &PodRecord, why: &'static str) -> Action {
    Action::DeletePod(DeletePod {
        pod: reference(pod),
        resource_version: Some(pod.resource_version.clone()),
        valid_until: Some(input.now.plus(VALID)),
        empty_by: input.scheduler.known().filter(|_| !pod.has_not_started()).map(|s| s.at),
        why,
    })
}
