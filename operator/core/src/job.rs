//! A job: a cluster, a pod that runs a program, and five status keys that tell how far it is.
//!
//! The status goes one step at a time, from what is observed. How the program ended is written down
//! (annotation `kubernetes.dask.org/outcome`) before the cluster is deleted: whatever fails after that, and
//! whatever becomes of the pod, changes nothing about it.

mod adopt;
mod create;
mod end;
pub mod input;
mod outcome;
mod planner_state;
mod runner;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use dask_crds::{DaskJobStatus, JobStatus, Phase};
use serde_json::{Value, json};

pub use input::Input;
pub use outcome::{Outcome, START_TIMEOUT};
pub use planner_state::PlannerState;

use crate::{
    model::{names, object::Cluster},
    plan::{
        action::{Action, Decision, Patch},
        events::EventRecord,
        kind::Kind,
        metadata_patch,
        scheduler_need::SchedulerNeed,
    },
    worker_group::{pod_counts, remedy},
};
use input::Child;

/// How soon to look again while something is in the way that no watch may report.
const RETRY: Duration = Duration::from_secs(5);

/// What to do about a job.
pub fn decide(input: Input<'_>) -> Decision<DaskJobStatus> {
    let is_whole = !input.cluster().is_missing() && !input.runner().is_missing();
    input.memory.begin(is_whole, input.now);
    plan(&input)
}

fn plan(input: &Input<'_>) -> Decision<DaskJobStatus> {
    let mut decision = Decision {
        actions: remove_kopf_finalizers(input),
        status: input.job.status.clone(),
        requeue: None,
        need: SchedulerNeed::NONE,
    };
    if input.job.meta.deleting {
        return decision;
    }
    decision.actions.extend(adopt::adopt_orphans(input));
    match input.job.status.job_status {
        Some(JobStatus::Successful | JobStatus::Failed) => end::leave_nothing(input, &mut decision),
        _ => match advanced(input) {
            Some(status) => {
                if input.job.status.job_status.is_none() {
                    let (name, namespace) = (&input.job.meta.name, &input.job.meta.namespace);
                    let text = format!("A DaskJob has been created called {name} in {namespace}");
                    decision.actions.push(Action::Event(EventRecord::normal("JobCreated", &text)));
                }
                decision.status = status;
            }
            None => go_on(input, &mut decision),
        },
    }
    decision
}

/// The status one step further, where that is reached.
fn advanced(input: &Input<'_>) -> Option<DaskJobStatus> {
    let mut status = input.job.status.clone();
    match status.job_status {
        None => status.job_status = Some(JobStatus::JobCreated),
        Some(JobStatus::JobCreated) => {
            let (Child::Ours(cluster) | Child::Going(cluster), Child::Ours(pod) | Child::Going(pod)) =
                (input.cluster(), input.runner())
            else {
                return None;
            };
            status.job_status = Some(JobStatus::ClusterCreated);
            status.cluster_name = Some(cluster.meta.name.clone());
            status.job_runner_pod_name = Some(pod.name.clone());
        }
        Some(JobStatus::ClusterCreated) => {
            let (Child::Ours(pod) | Child::Going(pod)) = input.runner() else { return None };
            let started = runner::started(pod)?;
            status.job_status = Some(JobStatus::Running);
            status.start_time = Some(started.unwrap_or(input.now).rfc3339());
        }
        _ => return None,
    }
    Some(status)
}

/// The status stays: make what is missing, or end the job.
fn go_on(input: &Input<'_>, decision: &mut Decision<DaskJobStatus>) {
    if let Some(outcome) = Outcome::of(input.job) {
        return end::finish(input, &outcome, decision);
    }
    if let Some(outcome) = outcome::observed(input) {
        decision.actions.push(Action::Event(outcome.event()));
        decision.actions.push(own_patch(input, json!({"annotations": {names::OUTCOME: outcome.text()}})));
        return;
    }
    decision.requeue = outcome::recheck_after(input);
    decision.actions.extend(trouble(input).map(Action::Event));
    if let Child::Ours(pod) = input.runner()
        && runner::started(pod).is_none()
        && input.event_trouble(pod).1
    {
        decision.actions.push(Action::ReadPodEvents(pod_counts::reference(pod)));
    }
    if input.job.status.job_status == Some(JobStatus::JobCreated) {
        create::create_missing(input, decision);
    }
}

/// What keeps the runner from starting. The status has no place for it.
fn trouble(input: &Input<'_>) -> Option<EventRecord> {
    if let Some(refused) = input.memory.rejections.lasting() {
        return Some(EventRecord { once: true, ..EventRecord::warning(&refused.reason, &refused.message) });
    }
    let Child::Ours(pod) = input.runner() else { return None };
    let explained = input.event_trouble(pod).0;
    let trouble = pod.trouble.as_ref().filter(|_| runner::started(pod).is_none()).or(explained)?;
    let remedy = remedy(&trouble.reason);
    let text = format!("pod {} does not start: {}{remedy}", pod.name, trouble.message);
    Some(EventRecord { once: true, ..EventRecord::warning(&trouble.reason, &text) })
}

fn own_patch(input: &Input<'_>, metadata: Value) -> Action {
    let meta = &input.job.meta;
    Action::Patch(Patch {
        kind: Kind::Job,
        name: meta.name.clone(),
        resource_version: meta.resource_version.clone(),
        body: json!({ "metadata": metadata }),
    })
}

/// What kopf left on the job and on its runner goes.
fn remove_kopf_finalizers(input: &Input<'_>) -> Vec<Action> {
    let meta = &input.job.meta;
    let own = metadata_patch::Metadata::new().without_kopf(&meta.finalizers, &meta.kopf).patch();
    let mut actions: Vec<Action> = own.map(|m| own_patch(input, m)).into_iter().collect();
    if let Child::Ours(pod) = input.runner()
        && let Some(runner) = pod.runner.as_ref()
    {
        let patch = metadata_patch::Metadata::new().without_kopf(&[], &runner.kopf).patch();
        actions.extend(patch.map(|metadata| {
            Action::Patch(Patch {
                kind: Kind::Pod,
                name: pod.name.clone(),
                resource_version: pod.resource_version.clone(),
                body: json!({ "metadata": metadata }),
            })
        }));
    }
    actions
}

/// Whether the job's cluster cannot be acted on.
fn cluster_error(cluster: &Cluster) -> Option<String> {
    if cluster.status.phase != Some(Phase::Error) {
        return None;
    }
    let said = cluster.status.conditions.iter().find(|c| c.type_ == crate::plan::conditions::READY);
    Some(said.map(|c| c.message.clone()).unwrap_or_default())
}
