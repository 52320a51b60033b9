//! Slim records of cached objects: a few hundred bytes a pod instead of sixty thousand.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::model::restarts::Restarts;
pub use crate::model::runner::{ContainerRecord, End, Runner};

use crate::model::{node::Toleration, time::Timestamp};

/// What the operator remembers of a worker or scheduler pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodRecord {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// UID of the controlling owner.
    pub owner_uid: Option<String>,
    /// Whether it has owners, of which none need be the controller.
    pub has_owners: bool,
    /// Value of the cluster label.
    pub cluster: String,
    /// Value of the worker group label.
    pub group: Option<String>,
    /// Whether it is labelled as scheduler.
    pub is_scheduler: bool,
    /// `status.phase`; of a worker's pod that lives on after its worker, how the worker's container ended.
    pub phase: PodPhase,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// That timestamp: when its grace period is over.
    pub gone_by: Option<Timestamp>,
    /// Whether a node was found for it.
    pub scheduled: bool,
    /// Whether scheduling gates hold it back.
    pub gated: bool,
    /// Since when it is ready.
    pub ready_since: Option<Timestamp>,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// When its last container ended, if it is over.
    pub finished: Option<Timestamp>,
    /// Its IP, which is its node's if it shares that node's network (see `host_network`).
    pub ip: Option<String>,
    /// Whether it shares its node's network (then its IP says nothing).
    pub host_network: bool,
    /// Container port named `tcp-comm`.
    pub comm_port: Option<u16>,
    /// Hash of the template it was made from.
    pub template_hash: Option<String>,
    /// That it was chosen to leave.
    pub mark: Option<Mark>,
    /// What keeps it from running, or ended it.
    pub trouble: Option<Trouble>,
    /// Hash of what its agent is and comes from, if it has one.
    pub agent_hash: Option<String>,
    /// Whether the agent's init container is what keeps it from running.
    pub agent_is_in_trouble: bool,
    /// What its agent said when it ended and its workers had not left in order: a word, a colon, a sentence.
    pub last_words: Option<String>,
    /// How often its containers were started again.
    pub restarts: Restarts,
    /// Whether something outside ended it: eviction, preemption, a lost node.
    pub disrupted: bool,
    /// `spec.nodeName`.
    pub node: Option<String>,
    /// Which taints of nodes it bears, as far as that can matter.
    pub tolerations: Vec<Toleration>,
    /// The Deployment it belongs to: workers of dask-kubernetes are made by one Deployment each.
    pub deployment: Option<String>,
    /// Whether this stands for such a Deployment: then name, UID, version and mark are the Deployment's.
    pub is_deployment: bool,
    /// What is kept of a job's runner in addition.
    pub runner: Option<Box<Runner>>,
}

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodPhase {
    /// Not all containers have started.
    #[default]
    Pending,
    /// At least one container runs.
    Running,
    /// All containers ended with exit code 0.
    Succeeded,
    /// All containers ended, one of them badly.
    Failed,
    /// The node does not answer.
    Unknown,
}

/// Why a pod does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// One CamelCase word, Kubernetes' own where it has one (`ImagePullBackOff`, `Unschedulable`).
    pub reason: String,
    /// Kubernetes' sentence, shortened.
    pub message: String,
}

/// Reason of the trouble of a pod that was evicted because it used more than its own limits allow.
pub const OWN_LIMIT: &str = "OwnLimitExceeded";

/// The record on a pod that it was chosen to leave. Written before anything else is done to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When it was chosen (milliseconds since the Unix epoch).
    pub at: Timestamp,
    /// Identity of the scheduler that offered it.
    pub scheduler: String,
}

impl Mark {
    /// As it is written in the annotation. An unparsable annotation still counts as a retirement mark.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or(Self { at: Timestamp(0), scheduler: String::new() })
    }

    /// Whether its time is in the future by more than clocks differ. It is not waited for then.
    pub fn is_in_the_future(&self, now: Timestamp) -> bool {
        self.at.since(now) > Duration::from_secs(60)
    }
}

impl PodRecord {
    /// One of dask-kubernetes' workers: a Deployment, and the pod that it has now. It is named, marked and
    /// deleted by its Deployment; the worker has the Deployment's name. `None` if it has no pod by intent.
    pub fn of_deployment(name: &str, deployment: &DeploymentRecord, pods: &[&Self]) -> Option<Self> {
        if deployment.replicas < 1 {
            return None;
        }
        let live = pods.iter().filter(|p| p.is_live());
        let pod = live.max_by_key(|p| (p.is_ready(), p.phase == PodPhase::Running, p.scheduled));
        let absent = Self { phase: PodPhase::Pending, ..Self::default() };
        let pod = pod.map_or(absent, |p| (*p).clone());
        Some(Self {
            name: name.into(),
            uid: deployment.uid.clone(),
            resource_version: deployment.resource_version.clone(),
            owner_uid: deployment.owners.iter().find(|o| o.controller).map(|o| o.uid.clone()),
            created: deployment.created,
            deleting: deployment.deleting,
            mark: deployment.annotations.get(crate::model::names::RETIRING).map(|m| Mark::read(m)),
            trouble: pod.trouble.clone().or_else(|| deployment.trouble.clone()),
            template_hash: None,
            is_deployment: true,
            ..pod
        })
    }

    /// Exists, is not being deleted, and is pending or running.
    pub fn is_live(&self) -> bool {
        !self.deleting && matches!(self.phase, PodPhase::Pending | PodPhase::Running)
    }

    /// Is over, and not deleted yet.
    pub fn is_finished(&self) -> bool {
        !self.deleting && matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed)
    }

    /// Live and ready.
    pub fn is_ready(&self) -> bool {
        self.is_live() && self.ready_since.is_some()
    }
}

/// What the operator remembers of a Deployment: a scheduler's, or one of dask-kubernetes' workers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentRecord {
    /// Whether it is labelled as worker.
    pub is_worker: bool,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations` of ours and of the user's.
    pub annotations: BTreeMap<String, String>,
    /// `metadata.ownerReferences`, as they are.
    pub owners: Vec<Owner>,
    /// `spec.replicas`.
    pub replicas: i64,
    /// `spec.strategy.type`.
    pub strategy: String,
    /// Why no pod can be made, if so (`ReplicaFailure`).
    pub trouble: Option<Trouble>,
}

/// What the operator remembers of a scheduler Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceRecord {
    /// Annotations that kopf left on it.
    pub kopf: Vec<String>,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `metadata.ownerReferences`, as they are.
    pub owners: Vec<Owner>,
    /// `spec`.
    pub spec: Value,
    /// Whether a load balancer has given it an address.
    pub has_ingress: bool,
}

/// One owner reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Group and version of the owner.
    pub api_version: String,
    /// Kind of the owner.
    pub kind: String,
    /// Name of the owner.
    pub name: String,
    /// UID of the owner.
    pub uid: String,
    /// Whether it is the controller.
    #[serde(default)]
    pub controller: bool,
    /// Whether the owner's foreground deletion waits for this object.
    #[serde(default)]
    pub block_owner_deletion: bool,
}

impl Owner {
    /// A controlling owner of one of our kinds.
    pub fn controller(kind: &str, name: &str, uid: &str) -> Self {
        Self {
            api_version: format!("{}/{}", dask_crds::GROUP, dask_crds::VERSION),
            kind: kind.into(),
            name: name.into(),
            uid: uid.into(),
            controller: true,
            block_owner_deletion: true,
        }
    }
}

/// What our own objects have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `metadata.ownerReferences`.
    pub owners: Vec<Owner>,
    /// `metadata.finalizers`.
    pub finalizers: Vec<String>,
    /// Annotations that kopf left on it; they are not in `annotations`.
    pub kopf: Vec<String>,
}

/// One of our objects: what it is called, what is asked, what is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Object<Spec, Status> {
    /// Its metadata.
    pub meta: Meta,
    /// Its spec.
    pub spec: Spec,
    /// Its status, as last read.
    pub status: Status,
}

/// A DaskCluster.
pub type Cluster = Object<dask_crds::DaskClusterSpec, dask_crds::DaskClusterStatus>;
/// A DaskWorkerGroup.
pub type Group = Object<dask_crds::DaskWorkerGroupSpec, dask_crds::DaskWorkerGroupStatus>;
/// A DaskJob.
pub type Job = Object<dask_crds::DaskJobSpec, dask_crds::DaskJobStatus>;
/// A DaskAutoscaler.
pub type Autoscaler = Object<dask_crds::DaskAutoscalerSpec, dask_crds::DaskAutoscalerStatus>;
