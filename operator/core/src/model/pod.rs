//! What is kept of a pod: a few hundred bytes instead of sixty thousand.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{
    deployment::DeploymentRecord, restarts::Restarts, runner::Runner, taints::Toleration, time::Timestamp,
    trouble::Trouble, uid::Uid,
};

/// What the operator remembers of a worker or scheduler pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodRecord {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// UID of the controlling owner.
    pub owner_uid: Option<Uid>,
    /// Whether it has owners, of which none need be the controller.
    pub has_owners: bool,
    /// Value of the cluster label.
    pub cluster: String,
    /// Value of the worker group label.
    pub group: Option<String>,
    /// Whether it is labelled as scheduler.
    pub is_scheduler: bool,
    /// `status.phase`; of a worker's pod that lives on after its worker, how the worker's container ended.
    pub phase: PodPhase,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// That timestamp: when its grace period is over.
    pub gone_by: Option<Timestamp>,
    /// Whether a node was found for it.
    pub scheduled: bool,
    /// Whether scheduling gates hold it back.
    pub gated: bool,
    /// Since when it is ready.
    pub ready_since: Option<Timestamp>,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// When its last container ended, if it is over.
    pub finished: Option<Timestamp>,
    /// Its IP, which is its node's if it shares that node's network (see `host_network`).
    pub ip: Option<String>,
    /// Whether it shares its node's network (then its IP says nothing).
    pub host_network: bool,
    /// Container port named `tcp-comm`.
    pub comm_port: Option<u16>,
    /// Hash of the template it was made from.
    pub template_hash: Option<String>,
    /// That it was chosen to leave.
    pub mark: Option<Mark>,
    /// What keeps it from running, or ended it.
    pub trouble: Option<Trouble>,
    /// What is kept of its agent.
    pub agent: AgentRecord,
    /// How often its containers were started again.
    pub restarts: Restarts,
    /// Whether something outside ended it: eviction, preemption, a lost node.
    pub disrupted: bool,
    /// `spec.nodeName`.
    pub node: Option<String>,
    /// Which taints of nodes it bears, as far as that can matter.
    pub tolerations: Vec<Toleration>,
    /// The Deployment it belongs to: workers of dask-kubernetes are made by one Deployment each.
    pub deployment: Option<String>,
    /// Whether this stands for such a Deployment: then name, UID, version and mark are the Deployment's.
    pub is_deployment: bool,
    /// What is kept of a job's runner in addition.
    pub runner: Option<Box<Runner>>,
}

/// What is kept of the agent of a worker's pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentRecord {
    /// Hash of what it is and comes from, if there is one.
    pub hash: Option<String>,
    /// Whether its init container is what keeps the pod from running.
    pub is_in_trouble: bool,
    /// What it said when it ended and its workers had not left in order: a word, a colon, a sentence.
    pub last_words: Option<String>,
}

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodPhase {
    /// Not all containers have started.
    #[default]
    Pending,
    /// At least one container runs.
    Running,
    /// All containers ended with exit code 0.
    Succeeded,
    /// All containers ended, one of them badly.
    Failed,
    /// The node does not answer.
    Unknown,
}

/// The record on a pod that it was chosen to leave. Written before anything else is done to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When it was chosen (milliseconds since the Unix epoch).
    pub at: Timestamp,
    /// Identity of the scheduler that offered it.
    pub scheduler: String,
}

impl Mark {
    /// As it is written in the annotation. An unparsable annotation still counts as a retirement mark.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or(Self { at: Timestamp(0), scheduler: String::new() })
    }

    /// Whether its time is in the future by more than clocks differ. It is not waited for then.
    pub fn is_in_the_future(&self, now: Timestamp) -> bool {
        self.at.since(now) > Duration::from_secs(60)
    }
}

impl PodRecord {
    /// One of dask-kubernetes' workers: a Deployment, and the pod that it has now. It is named, marked and
    /// deleted by its Deployment; the worker has the Deployment's name. `None` if it has no pod by intent.
    pub fn of_deployment(name: &str, deployment: &DeploymentRecord, pods: &[&Self]) -> Option<Self> {
        if deployment.replicas < 1 {
            return None;
        }
        let live = pods.iter().filter(|p| p.is_live());
        let pod = live.max_by_key(|p| (p.is_ready(), p.phase == PodPhase::Running, p.scheduled));
        let absent = Self { phase: PodPhase::Pending, ..Self::default() };
        let pod = pod.map_or(absent, |p| (*p).clone());
        Some(Self {
            name: name.into(),
            uid: deployment.uid.clone(),
            resource_version: deployment.resource_version.clone(),
            owner_uid: deployment.owners.iter().find(|o| o.controller).map(|o| o.uid.clone()),
            created: deployment.created,
            deleting: deployment.deleting,
            mark: deployment.annotations.get(crate::model::names::RETIRING).map(|m| Mark::read(m)),
            trouble: pod.trouble.clone().or_else(|| deployment.trouble.clone()),
            template_hash: None,
            is_deployment: true,
            ..pod
        })
    }

    /// Exists, is not being deleted, and is pending or running.
    pub fn is_live(&self) -> bool {
        !self.deleting && matches!(self.phase, PodPhase::Pending | PodPhase::Running)
    }

    /// Is over, and not deleted yet.
    pub fn is_finished(&self) -> bool {
        !self.deleting && matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed)
    }

    /// Live and ready.
    pub fn is_ready(&self) -> bool {
        self.is_live() && self.ready_since.is_some()
    }

    /// Whether no worker can run in it, whatever a scheduler says. A Deployment's record may show no pod while a new one
    /// has come: then only the registry knows.
    pub fn has_not_started(&self) -> bool {
        let is_pending = self.phase == PodPhase::Pending && self.ip.is_none();
        !self.is_deployment && (!self.scheduled || is_pending)
    }
}
