//! Objects of Kubernetes' kinds as they are watched: decoded only as far as they are looked at.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::slim_metadata::Object;

/// A pod as it is watched.
pub type RawPod = Object<PodSpec, PodStatus>;
/// A Deployment as it is watched.
pub type RawDeployment = Object<DeploymentSpec, DeploymentStatus>;
/// A node as it is watched.
pub type RawNode = Object<NodeSpec, NodeStatus>;
/// A Service as it is watched.
pub type RawService = Object<Value, Value>;

/// The part of a pod's spec that is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    pub(super) host_network: bool,
    pub(super) node_name: Option<String>,
    pub(super) restart_policy: Option<String>,
    pub(super) active_deadline_seconds: Option<i64>,
    pub(super) containers: Vec<Container>,
    pub(super) tolerations: Vec<Toleration>,
}

/// Which taints a pod bears.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Toleration {
    pub(super) key: Option<String>,
    pub(super) operator: Option<String>,
    pub(super) value: Option<String>,
    pub(super) effect: Option<String>,
}

/// The part of a node's spec that is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    pub(super) taints: Vec<Taint>,
}

/// A taint of a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Taint {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) effect: String,
}

/// Nothing of a node's status is looked at: with its list of images it is the bigger part.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NodeStatus {}

/// A container of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    pub(super) name: String,
    pub(super) ports: Vec<Port>,
    pub(super) volume_mounts: Vec<VolumeMount>,
    pub(super) restart_policy: Option<String>,
    pub(super) restart_policy_rules: Vec<IgnoredAny>,
}

/// A volume in a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct VolumeMount {
    pub(super) name: String,
}

/// A port of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Port {
    pub(super) name: Option<String>,
    pub(super) container_port: u16,
}

/// The part of a pod's status that is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    pub(super) phase: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<String>,
    pub(super) conditions: Vec<Condition>,
    pub(super) init_container_statuses: Vec<ContainerStatus>,
    pub(super) container_statuses: Vec<ContainerStatus>,
}

/// A condition of a pod or Deployment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub(super) type_: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) last_transition_time: Option<String>,
}

/// How a container is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    pub(super) name: String,
    pub(super) restart_count: u32,
    pub(super) state: ContainerState,
    pub(super) last_state: ContainerState,
}

/// What a container does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    pub(super) running: Option<Running>,
    pub(super) waiting: Option<Waiting>,
    pub(super) terminated: Option<Terminated>,
}

/// Since when a container runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Running {
    pub(super) started_at: Option<String>,
}

/// Why a container waits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Waiting {
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terminated {
    pub(super) exit_code: i64,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) started_at: Option<String>,
    pub(super) finished_at: Option<String>,
}

/// The part of a Deployment's spec that is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeploymentSpec {
    pub(super) replicas: i64,
    pub(super) strategy: Strategy,
}

/// How a Deployment replaces pods.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Strategy {
    #[serde(rename = "type")]
    pub(super) type_: String,
}

/// The part of a Deployment's status that is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeploymentStatus {
    pub(super) conditions: Vec<Condition>,
}
