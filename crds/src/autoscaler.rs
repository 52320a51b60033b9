//! `DaskAutoscaler`: lets the scheduler's demand decide the size of a worker group.

#![allow(
    clippy::duplicated_attributes,
    reason = "columns are told apart by name, which the lint does not see"
)]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Condition;

/// Scales one worker group with the demand that the cluster's scheduler reports.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kubernetes.dask.org",
    version = "v1",
    kind = "DaskAutoscaler",
    doc = "Lets the scheduler's demand decide the size of a worker group.",
    plural = "daskautoscalers",
    namespaced,
    status = "DaskAutoscalerStatus",
    derive = "PartialEq",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.cluster"),
    printcolumn(name = "Minimum", type_ = "integer", json_path = ".spec.minimum"),
    printcolumn(name = "Maximum", type_ = "integer", json_path = ".spec.maximum"),
    printcolumn(
        name = "Desired",
        type_ = "integer",
        description = "Size last asked of the worker group",
        json_path = ".status.desired"
    ),
    printcolumn(
        name = "Ready",
        type_ = "integer",
        description = "Workers of the group that are ready",
        json_path = ".status.ready"
    ),
    printcolumn(
        name = "Waiting",
        type_ = "integer",
        description = "Tasks of the cluster that are ready and wait for a worker",
        json_path = ".status.waitingTasks"
    ),
    printcolumn(
        name = "Limit",
        type_ = "string",
        description = "What keeps the size from being what the work asks for",
        json_path = ".status.limitedBy"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::schema::minimum_up_to_maximum)]
pub struct DaskAutoscalerSpec {
    /// Name of the DaskCluster, in the same namespace.
    #[schemars(transform = crate::schema::scaled_cluster_name)]
    pub cluster: String,
    /// *Addition.* Name of the DaskWorkerGroup to scale. Default `<cluster>-default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = crate::schema::group_name)]
    pub worker_group: Option<String>,
    /// Fewest workers. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub minimum: Option<i32>,
    /// Most workers. Default: the operator's (1,000; `--autoscaler-default-maximum`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub maximum: Option<i32>,
    /// *Addition.* Whether the operator asks the scheduler what waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand_probe: Option<DemandProbe>,
    /// *Addition.* Seconds in which the work that waits should be done. Default 5, as that of Dask's `Adaptive`. Where workers
    /// take longer to start, three quarters of that time count if they are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub target_duration: Option<i64>,
    /// *Addition.* How fast the size changes: a part of what Kubernetes' HorizontalPodAutoscaler has under this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<Behavior>,
    /// *Addition.* Which of a cluster's groups grows for work that more than one can do: the one with the highest number; it
    /// shrinks last. Default 0. Among equals, groups whose workers have abstract resources come last, then the older one
    /// comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000))]
    pub priority: Option<i32>,
    /// *Addition.* Whether the autoscaler acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<AutoscalerMode>,
}

/// How fast the size changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Behavior {
    /// When it becomes smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScaleDown>,
}

/// When the size becomes smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleDown {
    /// Seconds for which the most counts that was asked for: so long, idle workers stay. Default: two fifths of the time that a
    /// worker takes to start. Of several autoscalers of a cluster, the longest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3_600))]
    pub stabilization_window_seconds: Option<i64>,
}

/// *Addition.* Whether the autoscaler acts. Default `Active`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AutoscalerMode {
    /// It sets the size of its group.
    Active,
    /// It says in its status which size it would set, and sets none.
    DryRun,
    /// It decides nothing; the size is set by hand.
    Paused,
}

/// *Addition.* Whether the operator gives the scheduler an operation of its own that tells what waits and what it needs.
/// Default `Auto`. With `"Off"` (in quotes: YAML takes a bare `Off` for `false`), and where the scheduler's configuration
/// forbids it, sizes follow Dask's `adaptive_target`, which also counts work that no worker can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DemandProbe {
    /// Where the scheduler lets it.
    Auto,
    /// Never.
    Off,
}

/// What is known of an autoscaler.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaskAutoscalerStatus {
    /// The `metadata.generation` this status was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many workers of the cluster the scheduler's work last asked for, before bounds and steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<i32>,
    /// Tasks of the cluster that are ready and wait for a worker, as far as the scheduler tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_tasks: Option<i64>,
    /// Size last asked of the worker group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<i32>,
    /// What keeps the size from being what the work asks for: `Maximum` or `DefaultMaximum` (the operator's), `Minimum`,
    /// `Step` (more is added with the next answer of the scheduler), `PodsFailing` (the group's pods do not come) or `Keep`
    /// (idle workers stay for a while, because another start would cost more).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited_by: Option<String>,
    /// Seconds that a worker of the group takes to start, from the request for its pod until it is ready: the median of the
    /// last ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup_seconds: Option<i64>,
    /// Worker pods of the group that exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<i32>,
    /// Worker pods of the group that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<i32>,
    /// Worker pods of the group that are leaving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring: Option<i32>,
    /// When the size was last changed (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub last_scale_time: Option<String>,
    /// The last ten changes of size, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<SizeChange>,
    /// Where the demand is read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler_address: Option<String>,
    /// The cluster's dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboard_address: Option<String>,
    /// What is observed, with a reason and a remedy for each: see `docs/conditions.md`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One change of a group's size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SizeChange {
    /// When (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// The size before.
    #[schemars(range(min = 0))]
    pub from: i32,
    /// The size after.
    #[schemars(range(min = 0))]
    pub to: i32,
    /// Why.
    pub reason: String,
}
