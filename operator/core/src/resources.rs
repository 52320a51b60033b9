//! The objects we make: the user's JSON, edited in place.

mod agent;
pub mod agent_plan;
mod job;
mod labels;
mod pod_defaults;
mod service;

use std::collections::BTreeMap;

use dask_crds::{PodSpecJson, TemplateMetadata};
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) use job::main_container;
pub use job::{job_cluster, job_owner, job_runner};
pub use labels::{Meta as ChildMeta, effective, for_children, is_reserved};
pub(crate) use service::{scheduler_pod_labels, scheduler_service_spec};
pub use service::{scheduler_service, service_port};

use crate::{
    model::{
        hash, names,
        object::{Cluster, Group},
        owner::Owner,
    },
    plan::{body::SharedBody, merge_patch},
    resources::agent_plan::{Plan, Settings},
};

/// Port of the scheduler when its Service does not name one `tcp-comm`.
pub const COMM_PORT: u16 = 8786;
/// Port of the dashboard when the Service does not name one `http-dashboard`.
pub const DASHBOARD_PORT: u16 = 8787;
/// Restart policy of workers: `Always` would bring a retired worker back.
const WORKER_RESTART: &str = "OnFailure";

/// A worker pod, written out.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerPod {
    /// Its number in the group.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// The whole pod.
    pub body: Value,
}

/// Hash of the user's part of a template: nothing that we add changes it.
pub fn hash(spec: &PodSpecJson, metadata: Option<&TemplateMetadata>) -> String {
    #[derive(Serialize)]
    struct Whole<'a> {
        annotations: &'a BTreeMap<String, String>,
        labels: &'a BTreeMap<String, String>,
        spec: merge_patch::Entries<'a>,
    }
    let ChildMeta { labels, annotations } = &labels::as_written(&ChildMeta::default(), metadata);
    hash::of_json(&Whole { annotations, labels, spec: merge_patch::Entries(&spec.0) })
}

/// A cluster's scheduler Deployment.
pub fn scheduler_deployment(cluster: &Cluster) -> Value {
    let meta = scheduler_deployment_meta(cluster);
    let selector = scheduler_labels(&cluster.meta.name);
    let mut annotations = meta.annotations.clone();
    annotations.insert(names::TEMPLATE_HASH.into(), scheduler_hash(cluster));
    let mut spec = pod_defaults::spec(&cluster.spec.scheduler.spec);
    pod_defaults::without_token(&mut spec);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": names::scheduler(&cluster.meta.name), "namespace": cluster.meta.namespace,
            "labels": meta.labels, "annotations": annotations, "ownerReferences": [cluster_owner(cluster)],
        },
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": scheduler_pod_labels(cluster), "annotations": meta.annotations},
                "spec": spec,
            },
        },
    })
}

/// A cluster's default worker group, with `replicas` as copied from the cluster.
pub fn default_group(cluster: &Cluster) -> Value {
    let meta = default_group_meta(cluster);
    json!({
        "apiVersion": format!("{}/{}", dask_crds::GROUP, dask_crds::VERSION), "kind": "DaskWorkerGroup",
        "metadata": {
            "name": names::default_group(&cluster.meta.name), "namespace": cluster.meta.namespace,
            "labels": meta.labels, "annotations": meta.annotations,
            "ownerReferences": [cluster_owner(cluster)],
        },
        "spec": {"cluster": cluster.meta.name, "worker": cluster.spec.worker},
    })
}

/// Labels and annotations of the default worker group.
pub(crate) fn default_group_meta(cluster: &Cluster) -> ChildMeta {
    let worker = &cluster.spec.worker;
    let mut meta = effective(&for_children(&cluster.meta), worker.metadata.as_ref());
    meta.labels.insert(names::CLUSTER.into(), cluster.meta.name.clone());
    meta.labels.insert(names::COMPONENT.into(), names::WORKER_GROUP.into());
    meta.annotations.insert(names::COPIED_REPLICAS.into(), worker.replicas.to_string());
    meta
}

/// What worker pods are made with beside their template.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The Kubernetes cluster's DNS domain.
    pub domain: &'a str,
    /// What the operator was told about the agent of its workers.
    pub agent: &'a Settings,
}

/// The worker pod of `group` with this number.
pub fn worker_pod(group: &Group, cluster: &Cluster, number: i64, site: Site<'_>) -> WorkerPod {
    let name = names::worker_pod(&group.meta.name, &group.meta.uid, number);
    let body = named_worker(group, cluster, &name, site);
    WorkerPod { number, name, body }
}

/// All worker pods of `group`, which differ in their names alone.
pub fn worker_pods(group: &Group, cluster: &Cluster, site: Site<'_>) -> SharedBody {
    let worker = &group.spec.worker;
    let hash = hash(&worker.spec, worker.metadata.as_ref());
    // No template has it in it, because it is made of the template's hash.
    let stand_in = format!("name-of-the-worker-{}", hash::short(&[&group.meta.uid, &hash]));
    let body = named_worker(group, cluster, &stand_in, site);
    SharedBody::new(hash, &body, &stand_in)
}

fn named_worker(group: &Group, cluster: &Cluster, name: &str, site: Site<'_>) -> Value {
    let Site { domain, agent: settings } = site;
    let worker = &group.spec.worker;
    let mut meta = effective(&for_children(&group.meta), worker.metadata.as_ref());
    for (key, value) in for_children(&cluster.meta).labels {
        meta.labels.entry(key).or_insert(value);
    }
    meta.labels.extend(worker_labels(&cluster.meta.name, &group.meta.name));
    labels::keep_istio_out(&mut meta);
    meta.annotations.insert(names::TEMPLATE_HASH.into(), hash(&worker.spec, worker.metadata.as_ref()));

    let plan = Plan::of(worker, settings);
    agent::annotate(&mut meta.annotations, &plan);
    meta.annotations.extend(plan.hash(settings).map(|hash| (names::AGENT_HASH.into(), hash)));

    let mut spec = pod_defaults::spec(&worker.spec);
    pod_defaults::without_token(&mut spec);
    pod_defaults::leave_lost_nodes(&mut spec);
    if spec.get("restartPolicy").is_none_or(|p| p == "Always") {
        spec.insert("restartPolicy".into(), WORKER_RESTART.into());
    }
    let port = service_port(&cluster.spec.scheduler, "tcp-comm", COMM_PORT);
    let address = names::scheduler_address(&cluster.meta.name, &cluster.meta.namespace, domain, port);
    pod_defaults::append_env(&mut spec, &[("DASK_WORKER_NAME", name), ("DASK_SCHEDULER_ADDRESS", &address)]);
    agent::inject(&mut spec, &plan, settings);

    let owner = Owner::controller("DaskWorkerGroup", &group.meta.name, &group.meta.uid);
    let mut body = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": group.meta.namespace,
            "labels": meta.labels, "annotations": meta.annotations, "ownerReferences": [owner],
        },
    });
    // The macro would copy it.
    body["spec"] = spec.into();
    body
}

/// Labels that select the scheduler's pod; nothing else is in the Deployment's selector.
pub fn scheduler_labels(cluster: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::CLUSTER.into(), cluster.into()),
        (names::COMPONENT.into(), names::SCHEDULER.into()),
    ])
}

/// Labels and annotations of the scheduler's Deployment, which has the template's hash besides, and of its pod, which
/// has more labels: see [`scheduler_pod_labels`].
pub(crate) fn scheduler_deployment_meta(cluster: &Cluster) -> ChildMeta {
    let mut meta = scheduler_meta(cluster);
    labels::keep_istio_out(&mut meta);
    meta
}

/// Hash of the scheduler's template.
pub(crate) fn scheduler_hash(cluster: &Cluster) -> String {
    let scheduler = &cluster.spec.scheduler;
    hash(&scheduler.spec, scheduler.metadata.as_ref())
}

/// Labels that select the pods of a worker group.
pub fn worker_labels(cluster: &str, group: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (names::CLUSTER.into(), cluster.into()),
        (names::COMPONENT.into(), names::WORKER.into()),
        (names::GROUP.into(), group.into()),
    ])
}

/// The owner reference that makes something a cluster's own.
pub fn cluster_owner(cluster: &Cluster) -> Owner {
    Owner::controller("DaskCluster", &cluster.meta.name, &cluster.meta.uid)
}

/// Labels and annotations of what belongs to the scheduler.
pub(crate) fn scheduler_meta(cluster: &Cluster) -> ChildMeta {
    let mut meta = effective(&for_children(&cluster.meta), cluster.spec.scheduler.metadata.as_ref());
    meta.labels.extend(scheduler_labels(&cluster.meta.name));
    meta
}

#[cfg(test)]
mod tests;
