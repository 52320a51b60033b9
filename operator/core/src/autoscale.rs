//! An autoscaler: reads what the scheduler would like, and sets the size of one worker group.

pub mod policy;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use dask_crds::{DaskAutoscalerStatus, MAX_REPLICAS};
use serde_json::json;

use crate::{
    action::{Action, Decision, EventRecord, Kind, Patch, SchedulerNeed},
    conditions::{self, Observed},
    drift, names,
    record::{Autoscaler, Cluster, Group},
    refusal::{self, Refused},
    scheduler::{SPEAKS_TLS, SchedulerState},
    template,
    time::Timestamp,
};
use policy::Samples;

/// What is observed of an autoscaler.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The autoscaler.
    pub autoscaler: &'a Autoscaler,
    /// All autoscalers of the namespace, this one included.
    pub all: &'a [&'a Autoscaler],
    /// The cluster it names.
    pub cluster: Option<&'a Cluster>,
    /// The group it scales.
    pub group: Option<&'a Group>,
    /// Worker processes that run in one pod of the group, as registered; at least 1.
    pub processes_per_pod: u32,
    /// Worker processes that the cluster's other groups have or will have.
    pub processes_elsewhere: u32,
    /// What is known of the scheduler.
    pub scheduler: &'a SchedulerState,
    /// Now.
    pub now: Timestamp,
    /// The Kubernetes cluster's DNS domain.
    pub domain: &'a str,
}

/// What this process remembers of an autoscaler. Losing it delays a shrink by a few samples.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    samples: Samples,
    /// What the API server answered to our last writes, and how often in a row it refused them.
    pub refused: Refused,
}

/// Name of the group that an autoscaler scales.
pub fn group_name(autoscaler: &Autoscaler) -> String {
    let spec = &autoscaler.spec;
    spec.worker_group.clone().unwrap_or_else(|| names::default_group(&spec.cluster))
}

/// The autoscaler that acts on this group: the oldest of those that name it.
pub fn acting<'a>(
    all: impl IntoIterator<Item = &'a Autoscaler>,
    cluster: &str,
    group: &str,
) -> Option<&'a Autoscaler> {
    all.into_iter()
        .filter(|a| !a.meta.deleting && a.spec.cluster == cluster && group_name(a) == group)
        .min_by_key(|a| (a.meta.created, a.meta.name.clone()))
}

/// What to do about an autoscaler.
pub fn decide(input: &Input<'_>, memory: &mut Memory) -> Decision<DaskAutoscalerStatus> {
    let mut actions: Vec<Action> = metadata(input).into_iter().collect();
    if input.autoscaler.meta.deleting {
        let status = input.autoscaler.status.clone();
        return Decision { actions, status, requeue: None, need: SchedulerNeed::None };
    }
    let mut status = status::base(input);
    let mut need = SchedulerNeed::None;
    let mut observed = match subject(input) {
        Err(why) => why,
        Ok(group) => {
            need = SchedulerNeed::Target;
            scale(input, group, memory, &mut status, &mut actions)
        }
    };
    observed.push(refusal::condition(refusal::lasting(&memory.refused)));
    status::finish(&mut status, observed, input);
    let events = conditions::events(&input.autoscaler.status.conditions, &status.conditions);
    actions.extend(events.into_iter().map(Action::Event));
    let requeue = (need != SchedulerNeed::None).then_some(Duration::from_secs(5));
    Decision { actions, status, requeue, need }
}

/// The group that this autoscaler may scale now; else what to say.
fn subject<'a>(input: &Input<'a>) -> Result<&'a Group, Vec<Observed>> {
    let inactive =
        |reason: &str, message: String| Err(vec![conditions::no(conditions::ACTIVE, reason, message)]);
    let spec = &input.autoscaler.spec;
    let (minimum, maximum) = bounds(input);
    if minimum > maximum {
        return inactive(
            "InvalidBounds",
            format!(
                "spec.minimum ({minimum}) must not exceed spec.maximum ({maximum}); lower the one or raise the other"
            ),
        );
    }
    if input.cluster.is_none() {
        if drift::is_owned_by(&input.autoscaler.meta.owners, "DaskCluster", &spec.cluster) {
            return inactive("NotReady", "its cluster is gone, and it goes with it".into());
        }
        return inactive(
            "ClusterNotFound",
            format!(
                "spec.cluster: there is no DaskCluster {:?} in namespace {:?}; create it, or correct the name",
                spec.cluster, input.autoscaler.meta.namespace
            ),
        );
    }
    let name = group_name(input.autoscaler);
    if is_a_formers(input) {
        return inactive("NotReady", "it belongs to a former cluster of that name, and goes with it".into());
    }
    let Some(group) = input.group.filter(|g| g.spec.cluster == spec.cluster) else {
        return inactive(
            "WorkerGroupNotFound",
            format!(
                "spec.workerGroup: DaskCluster {:?} has no DaskWorkerGroup {name:?}; create it, or correct the name",
                spec.cluster
            ),
        );
    };
    let acting = acting(input.all.iter().copied(), &spec.cluster, &name);
    if let Some(older) = acting.filter(|a| a.meta.uid != input.autoscaler.meta.uid) {
        let message = format!(
            "DaskAutoscaler {:?} is older and scales {name:?} already; delete one of the two",
            older.meta.name
        );
        return Err(vec![
            conditions::no(conditions::ACTIVE, "Conflict", message.clone()),
            conditions::yes(conditions::CONFLICT, "OlderExists", message),
        ]);
    }
    Ok(group)
}

fn is_a_formers(input: &Input<'_>) -> bool {
    let owners = &input.autoscaler.meta.owners;
    input.cluster.is_some_and(|c| drift::is_of_a_former(owners, &template::cluster_owner(c)))
}

fn bounds(input: &Input<'_>) -> (i32, i32) {
    let spec = &input.autoscaler.spec;
    (spec.minimum.unwrap_or(0).max(0), spec.maximum.unwrap_or(MAX_REPLICAS).clamp(0, MAX_REPLICAS))
}

/// Takes a sample, and changes the group's size if the policy says so.
fn scale(
    input: &Input<'_>,
    group: &Group,
    memory: &mut Memory,
    status: &mut DaskAutoscalerStatus,
    actions: &mut Vec<Action>,
) -> Vec<Observed> {
    let current = group.spec.worker.replicas;
    let target = input.scheduler.known().and_then(|s| s.target.map(|t| (s, t)));
    if let Some((snapshot, target)) = target {
        status.target = i32::try_from(target).ok();
        let pods = policy::pods_wanted(target, input.processes_elsewhere, input.processes_per_pod);
        memory.samples.add(&snapshot.id, snapshot.at, pods);
    } else if !matches!(input.scheduler, SchedulerState::Unknown) {
        memory.samples.clear();
    }
    let last = status.last_scale_time.as_deref().and_then(Timestamp::parse);
    let (minimum, maximum) = bounds(input);
    let limits = policy::Limits { minimum, maximum };
    let size = policy::next_size(current, &memory.samples, limits, last, input.now);
    status.desired = Some(size);
    if size != current {
        status.last_scale_time = Some(input.now.rfc3339());
        let why = target
            .map_or_else(|| "its bounds ask for it".into(), |(_, t)| format!("the scheduler would like {t}"));
        actions.push(Action::Scale {
            group: group.meta.name.clone(),
            resource_version: group.meta.resource_version.clone(),
            replicas: size,
        });
        let message = format!("{} from {current} to {size} workers: {why}", group.meta.name);
        actions.push(Action::Event(EventRecord::normal("Scaled", &message)));
    }
    vec![active(input)]
}

fn active(input: &Input<'_>) -> Observed {
    let (reason, message) = match input.scheduler {
        SchedulerState::Known(snapshot) if snapshot.target.is_none() && snapshot.unanswered.is_some() => {
            let why = snapshot.unanswered.as_deref().unwrap_or_default();
            ("NoTarget", format!("the scheduler does not tell what it would like ({why}); the size stays"))
        }
        SchedulerState::Known(_) => {
            return conditions::yes(conditions::ACTIVE, "Scaling", "it follows the scheduler's demand");
        }
        SchedulerState::Unknown => ("Starting", "the scheduler has not been asked yet".to_string()),
        SchedulerState::Absent => ("Starting", "there is no scheduler pod; the size stays".to_string()),
        SchedulerState::Starting => ("Starting", "the scheduler starts; the size stays".to_string()),
        SchedulerState::SpeaksTls => (
            SPEAKS_TLS,
            "the scheduler speaks TLS and the operator does not, so that its demand is not known; the size stays: \
             set replicas by hand, or let the scheduler listen without TLS"
                .to_string(),
        ),
        SchedulerState::Unreachable { why } => (
            "SchedulerUnreachable",
            format!("the scheduler's pod runs and does not answer ({why}); the size stays until it does"),
        ),
    };
    conditions::no(conditions::ACTIVE, reason, message)
}

fn metadata(input: &Input<'_>) -> Option<Action> {
    let meta = &input.autoscaler.meta;
    let usable = |c: &&Cluster| !c.meta.deleting && !meta.deleting && !is_a_formers(input);
    let owner = input.cluster.filter(usable).map(template::cluster_owner);
    let mut patch = drift::Metadata::new().without_kopf(&meta.finalizers, &meta.kopf);
    if let Some(owner) = &owner {
        patch = patch.owner(owner, &meta.owners);
    }
    Some(Action::Patch(Patch {
        kind: Kind::Autoscaler,
        name: meta.name.clone(),
        resource_version: meta.resource_version.clone(),
        body: json!({ "metadata": patch.patch()? }),
    }))
}
