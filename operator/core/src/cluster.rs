//! A cluster: its scheduler, its Service and its default group exist, and its status tells how they are.

mod children;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use dask_crds::{DaskClusterStatus, Phase};
use serde_json::json;

use crate::{
    action::{Action, Decision, Kind, Patch, SchedulerNeed},
    conditions, drift, names,
    record::{Cluster, DeploymentRecord, Group, PodRecord, ServiceRecord, Trouble},
    scheduler::SchedulerState,
    time::Timestamp,
};

/// How long phase `Created` is shown at least: clients poll for it as the first phase, once in a few
/// hundred milliseconds, and expect `Running` within a second.
pub const CREATED_SHOWN: Duration = Duration::from_millis(500);

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
    /// Now.
    pub now: Timestamp,
    /// The Kubernetes cluster's DNS domain.
    pub domain: &'a str,
}

/// What to do about a cluster.
pub fn decide(input: &Input<'_>) -> Decision<DaskClusterStatus> {
    let old = &input.cluster.status;
    let mut actions = Vec::new();
    let kopf = drift::Metadata::new().without_kopf(&input.cluster.meta.finalizers).patch();
    actions.extend(kopf.map(|metadata| {
        Action::Patch(Patch {
            kind: Kind::Cluster,
            name: input.cluster.meta.name.clone(),
            resource_version: input.cluster.meta.resource_version.clone(),
            body: json!({ "metadata": metadata }),
        })
    }));
    let mut decision = Decision { actions, status: old.clone(), requeue: None, need: SchedulerNeed::None };
    if input.cluster.meta.deleting {
        return decision;
    }
    if !names::cluster_name_is_valid(&input.cluster.meta.name) {
        decision.status = status::invalid_name(input);
    } else if old.phase.is_none_or(|p| p == Phase::Error) {
        decision.status =
            DaskClusterStatus { phase: Some(Phase::Created), ..status::build(input, Phase::Created, None) };
    } else {
        let children = children::plan(input);
        let (phase, wait) = phase(input, &children);
        decision.requeue = wait.or(children.waiting.is_some().then_some(Duration::from_secs(2)));
        decision.status = status::build(input, phase, children.waiting.as_ref());
        decision.actions.extend(children.actions);
    }
    let events = conditions::events(&old.conditions, &decision.status.conditions);
    decision.actions.extend(events.into_iter().map(Action::Event));
    decision
}

/// The phase as dask-kubernetes means it: whether the parts exist, not whether they work.
fn phase(input: &Input<'_>, children: &children::Plan) -> (Phase, Option<Duration>) {
    let before = input.cluster.status.phase.unwrap_or(Phase::Created);
    let Some(service) = input.service.filter(|_| children.all_exist) else {
        return (before, None);
    };
    if before == Phase::Created
        && let Some(written) = input.created_written
    {
        let left = CREATED_SHOWN.saturating_sub(input.now.since(written));
        if !left.is_zero() {
            return (Phase::Created, Some(left));
        }
    }
    let balancer = service.spec["type"] == "LoadBalancer";
    (if balancer && !service.has_ingress { Phase::Pending } else { Phase::Running }, None)
}
