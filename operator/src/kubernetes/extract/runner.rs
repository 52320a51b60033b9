//! What is kept of the pod that runs a job's program, in addition to what is kept of every pod.

use dask_operator_core::model::{
    names::{DEFAULT_CONTAINER, JOB, MAIN_CONTAINER},
    runner::{ContainerRecord, End, Runner},
    time::Timestamp,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{kopf, owners};
use crate::kubernetes::partial_types::{ContainerStatus, PodSpec, PodStatus};

/// What is kept of a runner.
pub(crate) fn runner_of_pod(meta: &ObjectMeta, spec: &PodSpec, status: &PodStatus) -> Runner {
    let policy = spec.restart_policy.as_deref();
    let containers = status.container_statuses.iter();
    let names: Vec<String> = spec.containers.iter().map(|c| c.name.clone()).collect();
    let annotation = |key: &str| meta.annotations.as_ref()?.get(key).filter(|n| names.contains(n)).cloned();
    Runner {
        main: annotation(MAIN_CONTAINER).or_else(|| annotation(DEFAULT_CONTAINER)),
        job: meta.annotations.as_ref().and_then(|a| a.get(JOB)).map(|uid| uid.as_str().into()),
        containers: containers.map(|c| (c.name.clone(), container(c))).collect(),
        gone_by: meta.deletion_timestamp.as_ref().map(|t| Timestamp(t.0.as_millisecond())),
        owners: owners(meta),
        kopf: kopf(meta),
        names,
        restarts_always: policy.is_none_or(|p| p == "Always"),
        restarts_never: policy == Some("Never"),
        deadline: spec.active_deadline_seconds,
    }
}

fn container(status: &ContainerStatus) -> ContainerRecord {
    let time = |t: &Option<String>| t.as_deref().and_then(Timestamp::parse);
    let running = status.state.running.as_ref();
    let end = status.state.terminated.as_ref();
    let last = end.or(status.last_state.terminated.as_ref());
    ContainerRecord {
        started: running.map_or_else(|| last.and_then(|t| time(&t.started_at)), |r| time(&r.started_at)),
        end: end.map(|t| End {
            code: t.exit_code,
            at: time(&t.finished_at),
            reason: t.reason.clone().unwrap_or_default(),
        }),
    }
}
