//! `DaskCluster`: a scheduler, its Service and a default group of workers.

#![allow(
    clippy::duplicated_attributes,
    reason = "columns are told apart by name, which the lint does not see"
)]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Condition, PodSpecJson, ServiceSpecJson, TemplateMetadata, WorkerCounts, WorkerSpec};

/// A Dask cluster: one scheduler, its Service, and workers.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kubernetes.dask.org",
    version = "v1",
    kind = "DaskCluster",
    doc = "A Dask cluster: one scheduler, its Service, and workers.",
    plural = "daskclusters",
    shortname = "daskcluster",
    shortname = "dsk",
    namespaced,
    status = "DaskClusterStatus",
    derive = "PartialEq",
    scale(
        spec_replicas_path = ".spec.worker.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "Workers",
        type_ = "integer",
        description = "Workers of the default group that are wanted",
        json_path = ".status.workers.desired"
    ),
    printcolumn(
        name = "Ready",
        type_ = "integer",
        description = "Workers of the default group that are ready",
        json_path = ".status.workers.ready"
    ),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Scheduler", type_ = "string", json_path = ".status.schedulerAddress", priority = 1),
    printcolumn(name = "Dashboard", type_ = "string", json_path = ".status.dashboardAddress", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct DaskClusterSpec {
    /// Seconds without work after which the cluster is deleted; 0 means never.
    #[serde(default, deserialize_with = "null_is_zero")]
    #[schemars(range(min = 0, max = 2_147_483_647), with = "i64")]
    pub idle_timeout: i64,
    /// The default worker group.
    pub worker: WorkerSpec,
    /// The scheduler and its Service.
    pub scheduler: SchedulerSpec,
}

fn null_is_zero<'de, D: serde::Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

/// The scheduler pod and its Service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SchedulerSpec {
    /// Labels and annotations for the scheduler's Deployment, pod and Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// The scheduler pod.
    #[schemars(transform = crate::schema::no_deadline)]
    pub spec: PodSpecJson,
    /// The Service in front of the scheduler.
    pub service: ServiceSpecJson,
}

/// What is known of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaskClusterStatus {
    /// Whether the parts exist (not whether they work: see the conditions).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The `metadata.generation` this status was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Worker pods of the default group (read by the scale subresource).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Label selector of the default group's pods (read by the scale subresource).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Workers of the default group by what they are doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkerCounts>,
    /// Where a Dask client in the Kubernetes cluster connects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_address: Option<String>,
    /// Where the dashboard is served in the Kubernetes cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard_address: Option<String>,
    /// What is observed, with a reason and a remedy for each: see `docs/conditions.md`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Whether a cluster's parts exist, as dask-kubernetes reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Seen; scheduler, Service and default group are being made.
    Created,
    /// All parts exist, the Service has no address yet.
    Pending,
    /// All parts exist and the Service has an address.
    Running,
    /// The object cannot be acted on; a condition says why.
    Error,
}
