//! From what the API server sends to slim records: decoded, projected, dropped.

use std::collections::BTreeMap;

use dask_operator_core::{
    model::{
        deployment::DeploymentRecord,
        names,
        object::{Meta, Object as Ours},
        owner::Owner,
        pod::{AgentRecord, Mark, PodPhase, PodRecord},
        service::ServiceRecord,
        time::Timestamp,
    },
    plan::conditions::shorten,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use kube::Resource;

mod node;
mod restarts;
mod runner;
mod trouble;
mod worker;

pub use node::node;

use super::partial_types::{PodSpec, PodStatus, RawDeployment, RawPod, RawService};
use crate::object_ref::ObjectKey;

/// Longest text kept of a pod's trouble.
const TEXT: usize = 300;

/// What is kept of a pod.
pub fn pod(raw: RawPod) -> Option<(ObjectKey, PodRecord)> {
    let (meta, spec) = (raw.metadata, raw.spec.unwrap_or_default());
    let status = raw.status.unwrap_or_default();
    let mut labels = meta.labels.clone().unwrap_or_default();
    let annotations = meta.annotations.as_ref();
    let annotation = |k: &str| annotations.and_then(|a| a.get(k)).cloned();
    let agent_hash = annotation(names::AGENT_HASH);
    let component = labels.get(names::COMPONENT).cloned().unwrap_or_default();
    let phase = effective_phase(&component, &spec, &status);
    let key = key(&meta)?;
    let controller = owners(&meta).into_iter().find(|o| o.controller);
    let record = PodRecord {
        name: key.name.clone(),
        uid: meta.uid.clone().unwrap_or_default().into(),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        has_owners: meta.owner_references.as_ref().is_some_and(|owners| !owners.is_empty()),
        owner_uid: controller.as_ref().map(|o| o.uid.clone()),
        deployment: controller.and_then(|o| deployment_of(&o, &labels)),
        is_deployment: false,
        runner: (component == names::RUNNER).then(|| Box::new(runner::runner_of_pod(&meta, &spec, &status))),
        cluster: labels.remove(names::CLUSTER).unwrap_or_default(),
        group: labels.remove(names::GROUP),
        is_scheduler: component == names::SCHEDULER,
        phase,
        deleting: meta.deletion_timestamp.is_some(),
        gone_by: meta.deletion_timestamp.as_ref().map(|t| time(Some(t))),
        scheduled: spec.node_name.is_some(),
        gated: is_gated(&status),
        ready_since: ready_since(&status),
        created: time(meta.creation_timestamp.as_ref()),
        finished: finished(&status),
        host_network: spec.host_network,
        comm_port: comm_port(&spec),
        tolerations: spec.tolerations.into_iter().filter_map(node::toleration).collect(),
        node: spec.node_name,
        template_hash: annotation(names::TEMPLATE_HASH),
        mark: annotation(names::RETIRING).map(|m| Mark::read(&m)),
        trouble: trouble::trouble_of_pod(&status, phase),
        agent: AgentRecord {
            is_in_trouble: agent_hash.is_some() && trouble::is_of_the_agent(&status),
            hash: agent_hash,
            last_words: last_words(&status),
        },
        restarts: restarts::count_restarts(&status.container_statuses),
        disrupted: trouble::is_from_outside(&status),
        ip: status.pod_ip,
    };
    Some((key, record))
}

/// The pod's phase; that of a worker's pod is over when its worker has ended.
fn effective_phase(component: &str, spec: &PodSpec, status: &PodStatus) -> PodPhase {
    let over = worker::ended(spec, status).filter(|_| component == names::WORKER);
    match phase(status.phase.as_deref()) {
        // It may still wait for another container, which is of no use any more.
        alive @ (PodPhase::Pending | PodPhase::Running) => over.unwrap_or(alive),
        ended => ended,
    }
}

fn is_gated(status: &PodStatus) -> bool {
    let scheduled = status.conditions.iter().find(|c| c.type_ == "PodScheduled");
    scheduled.is_some_and(|c| c.status == "False" && c.reason.as_deref() == Some("SchedulingGated"))
}

fn ready_since(status: &PodStatus) -> Option<Timestamp> {
    let ready = status.conditions.iter().find(|c| c.type_ == "Ready" && c.status == "True")?;
    Some(ready.last_transition_time.as_deref().and_then(Timestamp::parse).unwrap_or_default())
}

/// The Deployment behind the ReplicaSet that controls a pod: its name is the ReplicaSet's without the hash of
/// the template, which the pod has as a label.
fn deployment_of(owner: &Owner, labels: &BTreeMap<String, String>) -> Option<String> {
    let hash = labels.get("pod-template-hash").filter(|_| owner.kind == "ReplicaSet")?;
    owner.name.strip_suffix(hash.as_str())?.strip_suffix('-').map(String::from)
}

fn phase(text: Option<&str>) -> PodPhase {
    match text {
        Some("Running") => PodPhase::Running,
        Some("Succeeded") => PodPhase::Succeeded,
        Some("Failed") => PodPhase::Failed,
        Some("Unknown") => PodPhase::Unknown,
        _ => PodPhase::Pending,
    }
}

fn comm_port(spec: &PodSpec) -> Option<u16> {
    let mut ports = spec.containers.iter().flat_map(|c| &c.ports);
    ports.find(|p| p.name.as_deref() == Some("tcp-comm")).map(|p| p.container_port)
}

fn finished(status: &PodStatus) -> Option<Timestamp> {
    let ends = status.container_statuses.iter().filter_map(|c| c.state.terminated.as_ref());
    ends.filter_map(|t| t.finished_at.as_deref().and_then(Timestamp::parse)).max()
}

/// What the agent wrote down when its workers did not leave in order (`worker/src/supervisor.rs`).
fn last_words(status: &PodStatus) -> Option<String> {
    let ended = status.container_statuses.iter().filter_map(|c| c.state.terminated.as_ref());
    let words = ended.filter_map(|t| t.message.as_deref()?.trim().strip_prefix("dask-agent: "));
    words.map(|w| shorten(w, TEXT)).next()
}

/// What is kept of a Deployment.
pub fn deployment(raw: RawDeployment) -> Option<(ObjectKey, DeploymentRecord)> {
    let (key, meta) = (key(&raw.metadata)?, raw.metadata);
    let spec = raw.spec.unwrap_or_default();
    let conditions = raw.status.unwrap_or_default().conditions;
    let failure = conditions.into_iter().find(|c| c.type_ == "ReplicaFailure" && c.status == "True");
    let component = meta.labels.as_ref().and_then(|l| l.get(names::COMPONENT)).cloned();
    let record = DeploymentRecord {
        owners: owners(&meta),
        deleting: meta.deletion_timestamp.is_some(),
        uid: meta.uid.unwrap_or_default().into(),
        resource_version: meta.resource_version.unwrap_or_default(),
        is_worker: component.is_some_and(|c| c == names::WORKER),
        created: time(meta.creation_timestamp.as_ref()),
        labels: meta.labels.unwrap_or_default(),
        annotations: without_kubectl(meta.annotations),
        replicas: spec.replicas,
        strategy: spec.strategy.type_,
        trouble: failure.map(|c| {
            trouble::text(
                c.reason.as_deref().unwrap_or("ReplicaFailure"),
                c.message.as_deref().unwrap_or_default(),
            )
        }),
    };
    Some((key, record))
}

/// What is kept of a scheduler Service.
pub fn service(raw: RawService) -> Option<(ObjectKey, ServiceRecord)> {
    let (key, meta) = (key(&raw.metadata)?, raw.metadata);
    let ingress = raw.status.as_ref().and_then(|s| s["loadBalancer"]["ingress"].as_array());
    let record = ServiceRecord {
        owners: owners(&meta),
        kopf: kopf(&meta),
        deleting: meta.deletion_timestamp.is_some(),
        uid: meta.uid.unwrap_or_default().into(),
        resource_version: meta.resource_version.unwrap_or_default(),
        labels: meta.labels.unwrap_or_default(),
        annotations: without_kubectl(meta.annotations),
        spec: raw.spec.unwrap_or_default(),
        has_ingress: ingress.is_some_and(|i| !i.is_empty()),
    };
    Some((key, record))
}

/// One of our own objects.
pub fn ours<Spec, Status>(
    meta: ObjectMeta,
    spec: Spec,
    status: Status,
) -> Option<(ObjectKey, Ours<Spec, Status>)> {
    let key = key(&meta)?;
    let meta = Meta {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        owners: owners(&meta),
        kopf: kopf(&meta),
        deleting: meta.deletion_timestamp.is_some(),
        created: time(meta.creation_timestamp.as_ref()),
        generation: meta.generation.unwrap_or_default(),
        uid: meta.uid.unwrap_or_default().into(),
        resource_version: meta.resource_version.unwrap_or_default(),
        labels: meta.labels.unwrap_or_default(),
        annotations: without_kubectl(meta.annotations),
        finalizers: meta.finalizers.unwrap_or_default(),
    };
    Some((key, Ours { meta, spec, status }))
}

/// Annotations that kopf left.
fn kopf(meta: &ObjectMeta) -> Vec<String> {
    let keys = meta.annotations.iter().flatten().map(|(k, _)| k);
    keys.filter(|k| k.starts_with(names::KOPF_PREFIX)).cloned().collect()
}

/// kubectl's copy of the whole object is as big as the object.
fn without_kubectl(annotations: Option<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let mut annotations = annotations.unwrap_or_default();
    annotations.retain(|k, _| k != LAST_APPLIED && !k.starts_with(names::KOPF_PREFIX));
    annotations
}

/// Namespace, which a node has none of, and name.
pub fn key(meta: &ObjectMeta) -> Option<ObjectKey> {
    Some(ObjectKey::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone()?))
}

/// Namespace and name of a resource.
pub fn key_of<K: Resource>(object: &K) -> Option<ObjectKey> {
    key(object.meta())
}

fn owners(meta: &ObjectMeta) -> Vec<Owner> {
    let owner = |o: &OwnerReference| Owner {
        api_version: o.api_version.clone(),
        kind: o.kind.clone(),
        name: o.name.clone(),
        uid: o.uid.clone().into(),
        controller: o.controller.unwrap_or(false),
        block_owner_deletion: o.block_owner_deletion.unwrap_or(false),
    };
    meta.owner_references.iter().flatten().map(owner).collect()
}

fn time(time: Option<&Time>) -> Timestamp {
    time.map(|t| Timestamp(t.0.as_millisecond())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
