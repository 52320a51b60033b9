//! What is observed of a cluster.

use crate::{
    model::{
        objects::{Cluster, DeploymentRecord, Group, ServiceRecord},
        pod::{PodRecord, Trouble},
        scheduler::SchedulerState,
        time::Timestamp,
    },
    resources::agent_plan,
    validation::{dry_run::Verdicts, stuck_pods::Explanation},
};

/// What is observed of a cluster.
#[derive(Clone, Copy, Debug)]
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
    /// When this process first wrote phase `Created`, if it did.
    pub created_written: Option<Timestamp>,
    /// What the API server answered to the last writes, if it refused them more than once.
    pub refused: Option<&'a Trouble>,
    /// What Kubernetes' events say of the scheduler's pod where its status does not.
    pub explained: Option<&'a Explanation>,
    /// What the API server says of templates.
    pub verdicts: &'a Verdicts,
    /// Now.
    pub now: Timestamp,
    /// The Kubernetes cluster's DNS domain.
    pub domain: &'a str,
    /// What the operator was told about the agent of its workers.
    pub agent: &'a agent_plan::Settings,
}
