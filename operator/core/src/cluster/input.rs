//! What is observed of a cluster.

use super::PlannerState;
use crate::{
    model::{
        deployment::DeploymentRecord,
        object::{Cluster, Group},
        pod::PodRecord,
        scheduler::SchedulerState,
        service::ServiceRecord,
        time::Timestamp,
        trouble::Trouble,
    },
    resources::agent_plan,
    validation::{dry_run::Verdicts, stuck_pods},
};

/// What is observed of a cluster.
#[derive(Debug)]
pub struct Input<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The Deployment with the scheduler's name.
    pub deployment: Option<&'a DeploymentRecord>,
    /// The Service with the scheduler's name.
    pub service: Option<&'a ServiceRecord>,
    /// The worker group with the default group's name.
    pub default_group: Option<&'a Group>,
    /// Pods with the labels of this cluster's scheduler, also those that are being deleted.
    pub scheduler_pods: &'a [&'a PodRecord],
    /// What is known of the scheduler.
    pub scheduler: &'a SchedulerState,
    /// What this process remembers of the cluster.
    pub memory: &'a mut PlannerState,
    /// What the API server says of templates.
    pub verdicts: &'a Verdicts,
    /// Now.
    pub now: Timestamp,
    /// The Kubernetes cluster's DNS domain.
    pub domain: &'a str,
    /// What the operator was told about the agent of its workers.
    pub agent: &'a agent_plan::Settings,
}

impl Input<'_> {
    /// What Kubernetes' events say of a scheduler's pod whose status does not say what keeps it, and whether to ask for them.
    pub(crate) fn event_trouble<'s>(&'s self, pod: &PodRecord) -> (Option<&'s Trouble>, bool) {
        stuck_pods::event_trouble(pod, self.memory.explained.as_ref(), self.now)
    }
}
