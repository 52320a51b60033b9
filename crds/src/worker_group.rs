//! `DaskWorkerGroup`: a number of equal worker pods that belong to a cluster.

#![allow(
    clippy::duplicated_attributes,
    reason = "columns are told apart by name, which the lint does not see"
)]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AgentSpec, Condition, PodSpecJson, TemplateMetadata};

/// Most workers a group can be asked for; the API server refuses more.
pub const MAX_REPLICAS: i32 = 100_000;

/// Workers of one kind. Every cluster has the group `<cluster>-default`; more may be added.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kubernetes.dask.org",
    version = "v1",
    kind = "DaskWorkerGroup",
    doc = "Equal worker pods that belong to a DaskCluster.",
    plural = "daskworkergroups",
    shortname = "daskworkers",
    namespaced,
    status = "DaskWorkerGroupStatus",
    derive = "PartialEq",
    scale(
        spec_replicas_path = ".spec.worker.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "Workers",
        type_ = "integer",
        description = "Workers asked for",
        json_path = ".spec.worker.replicas"
    ),
    printcolumn(
        name = "Ready",
        type_ = "integer",
        description = "Workers whose pod is ready",
        json_path = ".status.workers.ready"
    ),
    printcolumn(
        name = "Retiring",
        type_ = "integer",
        description = "Workers that are leaving",
        json_path = ".status.workers.retiring",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct DaskWorkerGroupSpec {
    /// Name of the DaskCluster these workers belong to, in the same namespace.
    #[schemars(transform = crate::schema::lasting_cluster_name)]
    pub cluster: String,
    /// How many workers, and what their pods look like.
    pub worker: WorkerSpec,
}

/// How many workers, and what their pods look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerSpec {
    /// Number of worker pods.
    #[serde(default = "one", deserialize_with = "null_is_one")]
    #[schemars(range(min = 0, max = MAX_REPLICAS), with = "i32")]
    pub replicas: i32,
    /// Labels and annotations for the group and its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// *Addition.* Seconds that a scale-down which no autoscaler asked for may take. Then workers that
    /// still refuse or execute are deleted, and what they hold may be lost. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub drain_timeout: Option<i64>,
    /// *Addition.* The agent: the parent process of the worker's own command. It applies to new pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentSpec>,
    /// The worker pod.
    pub spec: PodSpecJson,
}

const fn one() -> i32 {
    1
}

fn null_is_one<'de, D: serde::Deserializer<'de>>(d: D) -> Result<i32, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_else(one))
}

/// What is known of a worker group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaskWorkerGroupStatus {
    /// The `metadata.generation` this status was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Worker pods that exist (read by the scale subresource).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Label selector of the worker pods (read by the scale subresource).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Workers by what they are doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkerCounts>,
    /// Pod numbers below this one are reserved: their names are never given out again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_pod_numbers: Option<i64>,
    /// Since when more workers exist than are wanted (RFC 3339); a scale-down which no autoscaler asked
    /// for is forced `drainTimeout` later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub shrinking_since: Option<String>,
    /// Rounds of pods in a row that ended by themselves; decides how long the next one waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<i32>,
    /// When a pod last ended by itself (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub last_failure_time: Option<String>,
    /// Where the workers find their scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_address: Option<String>,
    /// The cluster's dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard_address: Option<String>,
    /// Hash of the pod template that new pods are made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_hash: Option<String>,
    /// What is observed, with a reason and a remedy for each: see `docs/conditions.md`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Workers by what they are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerCounts {
    /// Pods that the spec asks for.
    #[serde(default)]
    pub desired: i32,
    /// Pods that exist and are pending or running, retiring ones included.
    #[serde(default)]
    pub created: i32,
    /// Pods that are ready.
    #[serde(default)]
    pub ready: i32,
    /// Pods that are leaving: retiring, or deleted and not gone yet.
    #[serde(default)]
    pub retiring: i32,
    /// Pods made from an earlier template.
    #[serde(default)]
    pub outdated: i32,
    /// Pods whose nodes are about to go. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disrupted: Option<i32>,
    /// Worker processes that were started again in the pods that are there, by the kubelet or by the agent. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<i32>,
    /// Processes of these pods that the kernel ended for want of memory. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_kills: Option<i32>,
}
