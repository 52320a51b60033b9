//! What is kept of a Deployment.

use std::collections::BTreeMap;

use crate::model::{owner::Owner, time::Timestamp, trouble::Trouble, uid::Uid};

/// What the operator remembers of a Deployment: a scheduler's, or one of dask-kubernetes' workers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentRecord {
    /// Whether it is labelled as worker.
    pub is_worker: bool,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// `metadata.uid`.
    pub uid: Uid,
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
