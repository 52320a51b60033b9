//! What is kept of a scheduler's Service.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{owner::Owner, uid::Uid};

/// What the operator remembers of a scheduler Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceRecord {
    /// Annotations that kopf left on it.
    pub kopf: Vec<String>,
    /// `metadata.uid`.
    pub uid: Uid,
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
