//! The objects made for a job: its cluster and the pod that runs its program.

use serde_json::{Value, json};

use super::{
    COMM_PORT, ChildMeta, effective, for_children, labels::keep_istio_out, pod_defaults, service_port,
};
use crate::model::{names, object::Job, owner::Owner};

/// The owner reference that makes something a job's own.
pub fn job_owner(job: &Job) -> Owner {
    Owner::controller("DaskJob", &job.meta.name, &job.meta.uid)
}

/// A job's DaskCluster, named and labelled like the job. What `spec.cluster` says besides the spec is ignored, as
/// dask-kubernetes' definitions drop it.
pub fn job_cluster(job: &Job) -> Value {
    let mut meta = for_children(&job.meta);
    meta.annotations.insert(names::JOB.into(), job.meta.uid.to_string());
    json!({
        "apiVersion": format!("{}/{}", dask_crds::GROUP, dask_crds::VERSION), "kind": "DaskCluster",
        "metadata": metadata(job, &job.meta.name, &meta),
        "spec": job.spec.cluster.spec,
    })
}

/// The pod that runs a job's program. It keeps the service account token that Kubernetes gives it by
/// default: programs of dask-kubernetes' users may rely on it.
pub fn job_runner(job: &Job, domain: &str) -> Value {
    let template = &job.spec.job;
    let mut meta = effective(&for_children(&job.meta), template.metadata.as_ref());
    meta.labels.extend([
        (names::CLUSTER.into(), job.meta.name.clone()),
        (names::COMPONENT.into(), names::RUNNER.into()),
    ]);
    keep_istio_out(&mut meta);
    let main = main_container(job).map(|name| (names::MAIN_CONTAINER.into(), name.into()));
    meta.annotations.extend(main);
    meta.annotations.insert(names::JOB.into(), job.meta.uid.to_string());
    let mut spec = pod_defaults::spec(&template.spec);
    spec.entry("restartPolicy").or_insert_with(|| "OnFailure".into());
    let port = service_port(&job.spec.cluster.spec.scheduler, "tcp-comm", COMM_PORT);
    let address = names::scheduler_address(&job.meta.name, &job.meta.namespace, domain, port);
    pod_defaults::append_env(&mut spec, &[("DASK_SCHEDULER_ADDRESS", &address)]);
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": metadata(job, &names::runner(&job.meta.name), &meta),
        "spec": spec,
    })
}

/// Name of the container that runs the program: the one that `kubectl logs` shows, else the author's first.
pub(crate) fn main_container(job: &Job) -> Option<&str> {
    let template = &job.spec.job;
    let annotations = template.metadata.as_ref().and_then(|m| m.annotations.as_ref());
    let named = annotations.and_then(|a| a.get(names::DEFAULT_CONTAINER));
    let containers = template.spec.0.get("containers").and_then(Value::as_array);
    let mut names = containers.into_iter().flatten().filter_map(|c| c["name"].as_str());
    match named.and_then(Option::as_deref) {
        Some(name) if names.clone().any(|n| n == name) => Some(name),
        _ => names.next(),
    }
}

fn metadata(job: &Job, name: &str, meta: &ChildMeta) -> Value {
    json!({
        "name": name, "namespace": job.meta.namespace,
        "labels": meta.labels, "annotations": meta.annotations, "ownerReferences": [job_owner(job)],
    })
}
