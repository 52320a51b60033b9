//! `DaskJob`: a cluster that lives as long as one program.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DaskClusterSpec, PodSpecJson, TemplateMetadata};

/// A program, and a cluster that exists while the program runs.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kubernetes.dask.org",
    version = "v1",
    kind = "DaskJob",
    doc = "A program, and a Dask cluster that exists while the program runs.",
    plural = "daskjobs",
    shortname = "djb",
    namespaced,
    status = "DaskJobStatus",
    derive = "PartialEq",
    printcolumn(name = "Status", type_ = "string", json_path = ".status.jobStatus"),
    printcolumn(name = "Workers", type_ = "integer", json_path = ".spec.cluster.spec.worker.replicas"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct DaskJobSpec {
    /// The program's pod.
    pub job: JobTemplate,
    /// The cluster it runs on.
    pub cluster: JobClusterSpec,
}

/// The pod that runs the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobTemplate {
    /// Labels and annotations for the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// The pod.
    #[schemars(transform = crate::schema::restart_on_failure, transform = crate::schema::ends)]
    pub spec: PodSpecJson,
    /// *Addition.* Seconds the runner may take to start before the job fails; 0 means no limit. Default 1800.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub start_timeout: Option<i64>,
}

/// The cluster of a job. dask-kubernetes tolerates more keys here than it reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct JobClusterSpec {
    /// The cluster's spec, as in a DaskCluster.
    pub spec: DaskClusterSpec,
}

/// What is known of a job: the five keys of dask-kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DaskJobStatus {
    /// How far the job is: JobCreated, ClusterCreated, Running, Successful or Failed.
    #[serde(default, deserialize_with = "if_known")]
    pub job_status: Option<JobStatus>,
    /// The DaskCluster made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// The pod that runs the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_runner_pod_name: Option<String>,
    /// When the program started (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub start_time: Option<String>,
    /// When the program ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub end_time: Option<String>,
}

/// Go clients write "" before they know.
fn if_known<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<JobStatus>, D::Error> {
    let text = Option::<serde_json::Value>::deserialize(d)?.unwrap_or_default();
    Ok(serde_json::from_value(text).ok())
}

/// How far a job is: `JobCreated`, `ClusterCreated`, `Running`, `Successful` or `Failed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum JobStatus {
    /// Seen.
    JobCreated,
    /// Cluster and runner were made.
    ClusterCreated,
    /// The runner runs.
    Running,
    /// The runner ended well.
    Successful,
    /// The runner ended badly, or never started.
    Failed,
}
