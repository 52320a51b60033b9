//! Objects of our own kinds: metadata, spec and status.

use std::collections::BTreeMap;

use crate::model::{owner::Owner, time::Timestamp, uid::Uid};

/// What our own objects have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Uid,
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
