//! Slim records of cached objects: a few hundred bytes a pod instead of sixty thousand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::model::restarts::Restarts;
pub use crate::model::runner::{ContainerRecord, End, Runner};

use crate::model::{pod::Trouble, time::Timestamp};

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
