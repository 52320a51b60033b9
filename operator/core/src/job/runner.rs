//! The pod that runs a job's program: whether it started, and whether its main container is through.

use crate::{
    record::{ContainerRecord, End, Job, PodPhase, PodRecord},
    time::Timestamp,
};

/// Name of the container that runs the program: the one that `kubectl logs` shows, else the author's first.
/// An injected sidecar may stand before it in the pod.
pub(super) fn main_container(job: &Job) -> Option<&str> {
    let template = &job.spec.job;
    let annotations = template.metadata.as_ref().and_then(|m| m.annotations.as_ref());
    let named = annotations.and_then(|a| a.get("kubectl.kubernetes.io/default-container"));
    let containers = template.spec.0.get("containers").and_then(serde_json::Value::as_array);
    let mut names = containers.into_iter().flatten().filter_map(|c| c["name"].as_str());
    match named.and_then(Option::as_deref) {
        Some(name) if names.clone().any(|n| n == name) => Some(name),
        _ => names.next(),
    }
}

fn main<'a>(job: &Job, pod: &'a PodRecord) -> Option<&'a ContainerRecord> {
    pod.runner.as_ref()?.containers.get(main_container(job)?)
}

/// Whether the pod has started, and when if that is known.
pub(super) fn started(pod: &PodRecord) -> Option<Option<Timestamp>> {
    let containers = pod.runner.iter().flat_map(|r| r.containers.values());
    let first = containers.filter_map(|c| c.started).min();
    (first.is_some() || pod.phase == PodPhase::Running).then_some(first)
}

/// How the main container ended, if it is not started again.
pub(super) fn end<'a>(job: &Job, pod: &'a PodRecord) -> Option<&'a End> {
    let end = main(job, pod)?.end.as_ref()?;
    let runner = pod.runner.as_ref()?;
    let is_final = match pod.phase {
        PodPhase::Succeeded | PodPhase::Failed => true,
        _ if end.code == 0 => !runner.restarts_always,
        _ => runner.restarts_never,
    };
    is_final.then_some(end)
}
