//! A cluster: its scheduler, its Service and its default group exist, and its status tells how they are.

mod children;
mod dry_run;
mod idle;
pub mod input;
mod planner_state;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use dask_crds::{DaskClusterStatus, Phase};
use serde_json::json;

pub(crate) use dry_run::{candidates_of_job, of_job};
pub use input::Input;
pub use planner_state::PlannerState;

use crate::{
    model::names,
    plan::{
        action::{Action, Decision, Patch},
        conditions,
        kind::Kind,
        metadata_patch,
        scheduler_need::SchedulerNeed,
    },
    validation::{dry_run::Tried, stuck_pods},
    worker_group::pod_counts,
};

/// How long phase `Created` is shown at least: clients poll for it as the first phase, once in a few
/// hundred milliseconds, and expect `Running` within a second.
pub const CREATED_SHOWN: Duration = Duration::from_millis(500);

/// What to do about a cluster.
pub fn decide(input: Input<'_>) -> Decision<DaskClusterStatus> {
    let decision = plan(&input);
    input.memory.decided(&decision.status, input.now);
    decision
}

fn plan(input: &Input<'_>) -> Decision<DaskClusterStatus> {
    let old = &input.cluster.status;
    let mut actions = Vec::new();
    let meta = &input.cluster.meta;
    let kopf = metadata_patch::Metadata::new().without_kopf(&meta.finalizers, &meta.kopf).patch();
    actions.extend(kopf.map(|metadata| {
        Action::Patch(Patch {
            kind: Kind::Cluster,
            name: input.cluster.meta.name.clone(),
            resource_version: input.cluster.meta.resource_version.clone(),
            body: json!({ "metadata": metadata }),
        })
    }));
    let mut decision = Decision { actions, status: old.clone(), requeue: None, need: SchedulerNeed::NONE };
    if input.cluster.meta.deleting {
        return decision;
    }
    if names::cluster_name_is_valid(&input.cluster.meta.name) {
        act(input, &mut decision);
    } else {
        decision.status = status::invalid_name(input);
    }
    let events = conditions::events(&old.conditions, &decision.status.conditions);
    decision.actions.extend(events.into_iter().map(Action::Event));
    decision
}

/// What to do about a cluster whose name can be used. Nothing is made before all templates were tried: a
/// cluster is made as a whole or not at all.
fn act(input: &Input<'_>, decision: &mut Decision<DaskClusterStatus>) {
    let old = input.cluster.status.phase;
    let tried = dry_run::tried(input);
    if !tried.open.is_empty() {
        decision.actions.push(Action::DryRun(tried.open));
        if old.is_none() {
            let tried = Tried { open: Vec::new(), ..tried };
            decision.status = status::build(input, Phase::Created, None, &tried);
            decision.status.conditions.retain(|c| c.type_ != conditions::ACCEPTED);
        }
        return;
    }
    if !tried.again.is_empty() {
        decision.actions.push(Action::DryRun(tried.again.clone()));
    }
    // A cluster that was made keeps every part that can be; one that was not is not begun.
    let was_made = old.is_some_and(|p| matches!(p, Phase::Pending | Phase::Running));
    let is_valid = |kind: Kind| tried.invalid.iter().all(|(k, _)| was_made && *k != kind);
    let children = children::plan_children(input, &is_valid);
    let may_begin = tried.invalid.is_empty() && old.is_none_or(|p| p == Phase::Error);
    let (phase, wait) = if may_begin {
        (Phase::Created, None)
    } else if !tried.invalid.is_empty() && !children.all_exist && !was_made {
        (Phase::Error, None)
    } else {
        phase(input, &children)
    };
    let retry = children.waiting.is_some().then_some(Duration::from_secs(2));
    decision.requeue = wait.or(retry).into_iter().chain(tried.recheck_after).min();
    decision.status = status::build(input, phase, children.waiting.as_ref(), &tried);
    if !may_begin {
        decision.actions.extend(children.actions);
        let idle = idle::delete_when_idle(input, phase, decision);
        status::add(input, &mut decision.status, idle);
        explain(input, decision);
    }
}

/// A scheduler pod that does not get ready and does not say why is asked about.
fn explain(input: &Input<'_>, decision: &mut Decision<DaskClusterStatus>) {
    let silent = || input.scheduler_pods.iter().filter(|p| stuck_pods::is_silent(p, input.now));
    let known = silent().find(|p| input.memory.explained.as_ref().is_some_and(|e| e.uid == p.uid));
    if let Some(pod) = known.or_else(|| silent().next())
        && input.event_trouble(pod).1
    {
        decision.actions.push(Action::ReadPodEvents(pod_counts::reference(pod)));
    }
    let looks = input.scheduler_pods.iter().filter_map(|p| stuck_pods::recheck_after(p, input.now));
    decision.requeue = decision.requeue.into_iter().chain(looks).min();
}

/// The phase as dask-kubernetes means it: whether the parts exist, not whether they work.
fn phase(input: &Input<'_>, children: &children::Plan) -> (Phase, Option<Duration>) {
    let before = input.cluster.status.phase.unwrap_or(Phase::Created);
    let Some(service) = input.service.filter(|_| children.all_exist) else {
        return (before, None);
    };
    if before == Phase::Created
        && let Some(written) = input.memory.created
    {
        let left = CREATED_SHOWN.saturating_sub(input.now.since(written));
        if !left.is_zero() {
            return (Phase::Created, Some(left));
        }
    }
    let balancer = service.spec["type"] == "LoadBalancer";
    (if balancer && !service.has_ingress { Phase::Pending } else { Phase::Running }, None)
}
