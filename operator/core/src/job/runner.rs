//! The pod that runs a job's program: whether it started, and whether its main container is through.

use crate::{
    model::{
        object::Job,
        pod::{PodPhase, PodRecord},
        runner::{ContainerRecord, End},
        time::Timestamp,
    },
    resources,
};

/// The container that runs the program: the one that the pod says, which no edit of the job changes. In a pod that does
/// not say it, the job's, and where the job was edited and names one that the pod does not have, the pod's first.
fn main<'a>(job: &Job, pod: &'a PodRecord) -> Option<&'a ContainerRecord> {
    let runner = pod.runner.as_ref()?;
    let has = |name: &&str| runner.names.iter().any(|n| n == name);
    let name = match (&runner.main, resources::main_container(job)) {
        (Some(said), _) => said,
        (None, Some(name)) if has(&name) => name,
        (None, _) => runner.names.first()?,
    };
    runner.containers.get(name)
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
