//! The kinds of `kubernetes.dask.org/v1` as Rust types, and nothing else.
//!
//! The names, the defaults and the shape are those of dask-kubernetes, so that its manifests and its
//! Python client work unchanged; what this project adds is optional and marked *addition*.

mod agent;
mod autoscaler;
mod cluster;
mod condition;
mod job;
mod reference;
mod schema;
mod template;
mod worker_group;

pub use agent::{AgentMode, AgentSpec};
pub use autoscaler::{
    AutoscalerMode, Behavior, DaskAutoscaler, DaskAutoscalerSpec, DaskAutoscalerStatus, DemandProbe,
    ScaleDown, SizeChange,
};
pub use cluster::{DaskCluster, DaskClusterSpec, DaskClusterStatus, Phase, SchedulerSpec};
pub use condition::{Condition, ConditionStatus};
pub use job::{DaskJob, DaskJobSpec, DaskJobStatus, JobClusterSpec, JobStatus, JobTemplate};
pub use reference::reference_pages;
pub use schema::{crd_documents, definitions};
pub use template::{PodSpecJson, ServiceSpecJson, TemplateMetadata};
pub use worker_group::{
    DaskWorkerGroup, DaskWorkerGroupSpec, DaskWorkerGroupStatus, MAX_REPLICAS, WorkerCounts, WorkerSpec,
};

/// The API group of all four kinds.
pub const GROUP: &str = "kubernetes.dask.org";
/// The served and stored version of all four kinds.
pub const VERSION: &str = "v1";
