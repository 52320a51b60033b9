//! A worker group: create what is missing, remove what is too much, say why where that waits.

mod crash_backoff;
mod delete_pod;
mod findings;
pub mod input;
mod node_disruption;
mod observation_times;
mod pass;
mod planner_state;
pub(crate) mod pod_counts;
mod replace_unstarted;
mod scale_down;
mod scale_up;
mod status;
mod stray_pods;
mod template_dry_run;
mod termination_messages;
#[cfg(test)]
pub mod testing;
mod worker_addresses;

use std::time::Duration;

use dask_crds::{DaskWorkerGroupStatus, Phase};
use serde_json::json;

pub use input::Input;
pub use planner_state::{CreateOutcome, PlannerState};
pub use pod_counts::PodCounts;
pub(crate) use scale_down::blocked_reasons::speaks_tls;
pub use scale_down::headroom::MEMORY_TARGET;
pub(crate) use status::{is_crash, remedy};
pub(crate) use template_dry_run::{candidate, check};
pub(crate) use worker_addresses::WorkerAddresses;

use crate::{
    model::{names, object::Cluster, pod::PodRecord, trouble::Trouble},
    plan::{
        action::{Action, Decision, Patch},
        conditions::{self, Observed},
        kind::Kind,
        metadata_patch,
        scheduler_need::SchedulerNeed,
    },
    resources,
    validation::{api_rejection, stuck_pods},
    worker_group::{findings::Findings, pass::Pass},
};

/// How long a shrink that a person asked for waits for refusing or executing workers by default.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(300);

/// How soon to look again while something is in progress that no watch reports.
const POLL: Duration = Duration::from_secs(1);

/// What to do about a group. `memory` is what this process remembers of it; losing it is safe.
pub fn decide(input: &Input<'_>, memory: &mut PlannerState) -> Decision<DaskWorkerGroupStatus> {
    let mut found = Findings::default();
    if input.group.meta.deleting {
        remove_kopf_finalizers(input, &mut found);
        return Decision {
            actions: found.actions,
            status: input.group.status.clone(),
            requeue: None,
            need: SchedulerNeed::NONE,
        };
    }
    memory.watched.begin(input);
    let counts = PodCounts::of(input);
    let addresses = WorkerAddresses::of(input, memory);
    let mut pass = Pass { input, counts: &counts, addresses: &addresses, memory, found };
    match usable_cluster(input) {
        Ok(cluster) => steps(&mut pass, cluster),
        Err(why) => {
            pass.found.failures = crash_backoff::Failures::of(&input.group.status);
            pass.found.untried = true;
            pass.found.conditions.push(why);
        }
    }
    let Pass { memory, mut found, .. } = pass;
    memory.forget_all_but(input.pods);
    memory.watched.end(found.shrinking && !input.autoscaled, &found.actions, input.now);
    found.conditions.push(api_rejection::condition(memory.rejections.lasting()));
    let explained = explain(input, &counts, memory, &mut found);
    let silent = status::SilentTrouble { explained, last_end: memory.last_end.as_ref() };
    let status = status::build(input, &counts, silent, &mut found);
    let mut actions = found.actions;
    actions.extend(
        conditions::events(&input.group.status.conditions, &status.conditions).into_iter().map(Action::Event),
    );
    Decision { actions, status, requeue: found.requeue, need: found.need.into() }
}

/// The steps of a pass. Their order matters: no pod is chosen to leave, or deleted as empty, that an earlier step has
/// dealt with, and a node's end waits for what is created or marked first.
fn steps(pass: &mut Pass<'_>, cluster: &Cluster) {
    let input = pass.input;
    patch_metadata(input, cluster, &mut pass.found);
    reap(pass);
    stray_pods::adopt_or_report(input, &mut pass.found);
    termination_messages::report(input, &mut pass.memory.heard, &mut pass.found);
    template_dry_run::request_dry_run(input, cluster, &mut pass.found);
    scale_down::stale_marks::revalidate(pass);
    scale_up::create_missing(pass, cluster);
    replace_unstarted::delete_unstarted(pass);
    scale_down::retire::progress(pass);
    scale_down::late_acceptance::mark_again(pass);
    scale_down::shrink::shrink(pass);
    node_disruption::replace_disrupted(pass);
}

/// A pod that does not get ready and does not say why is asked about, one at a time.
fn explain<'a>(
    input: &Input<'a>,
    counts: &PodCounts<'a>,
    memory: &'a PlannerState,
    found: &mut Findings,
) -> Option<(&'a PodRecord, &'a Trouble)> {
    let known = memory.explained.as_ref();
    let silent = |p: &&PodRecord| stuck_pods::is_silent(p, input.now);
    let asked = |p: &&PodRecord| known.is_some_and(|e| e.uid == p.uid);
    let pod = counts.all_live().filter(silent).find(asked).or_else(|| counts.all_live().find(silent));
    if let Some(wait) = counts.all_live().filter_map(|p| stuck_pods::recheck_after(p, input.now)).min() {
        found.requeue_in(wait);
    }
    let pod = pod?;
    let (trouble, ask) = stuck_pods::event_trouble(pod, known, input.now);
    if ask {
        found.actions.push(Action::ReadPodEvents(pod_counts::reference(pod)));
    }
    trouble.map(|t| (pod, t))
}

/// The cluster, if pods may be made for it; else what to say.
fn usable_cluster<'a>(input: &Input<'a>) -> Result<&'a Cluster, Observed> {
    let name = &input.group.spec.cluster;
    if input.group.meta.name.len() > names::MAX_LABEL {
        return Err(conditions::no(
            conditions::READY,
            "InvalidName",
            format!(
                "metadata.name: has {} characters, and as a label value it may have at most {}; \
                 create the group again with a shorter name",
                input.group.meta.name.len(),
                names::MAX_LABEL
            ),
        ));
    }
    let cluster = input.cluster.ok_or_else(|| {
        if metadata_patch::is_owned_by(&input.group.meta.owners, "DaskCluster", name) {
            return conditions::no(conditions::READY, "NotReady", "its cluster is gone, and it goes with it");
        }
        let message = format!(
            "spec.cluster: there is no DaskCluster {name:?} in namespace {:?}; create it, or create the \
             group again for another cluster",
            input.group.meta.namespace
        );
        conditions::no(conditions::READY, "ClusterNotFound", message)
    })?;
    let owner = resources::cluster_owner(cluster);
    if metadata_patch::is_from_previous_owner(&input.group.meta.owners, &owner) {
        let message = "it belongs to a former cluster of that name, and goes with it";
        return Err(conditions::no(conditions::READY, "NotReady", message));
    }
    if cluster.meta.deleting {
        return Err(conditions::no(conditions::READY, "NotReady", "the cluster is being deleted"));
    }
    if cluster.status.phase == Some(Phase::Error) {
        let message = format!("DaskCluster {name:?} is in phase Error; its conditions say why");
        return Err(conditions::no(conditions::READY, "ClusterInError", message));
    }
    Ok(cluster)
}

fn patch_metadata(input: &Input<'_>, cluster: &Cluster, found: &mut Findings) {
    let meta = &input.group.meta;
    let patch = metadata_patch::Metadata::new()
        .owner(&resources::cluster_owner(cluster), &meta.owners)
        .without_kopf(&meta.finalizers, &meta.kopf)
        .patch();
    push_patch(input, patch, found);
}

fn remove_kopf_finalizers(input: &Input<'_>, found: &mut Findings) {
    let meta = &input.group.meta;
    let patch = metadata_patch::Metadata::new().without_kopf(&meta.finalizers, &meta.kopf).patch();
    push_patch(input, patch, found);
}

fn push_patch(input: &Input<'_>, metadata: Option<serde_json::Value>, found: &mut Findings) {
    if let Some(metadata) = metadata {
        found.actions.push(Action::Patch(Patch {
            kind: Kind::Group,
            name: input.group.meta.name.clone(),
            resource_version: input.group.meta.resource_version.clone(),
            body: json!({ "metadata": metadata }),
        }));
    }
}

/// Pods that are over hold nothing; they go, so that they are replaced.
fn reap(pass: &mut Pass<'_>) {
    let Pass { input, counts, memory, found, .. } = pass;
    found.failures = crash_backoff::Failures::of(&input.group.status).after(input, counts);
    memory.last_end = crash_backoff::last_end(input, counts, memory.last_end.take());
    if let Some(wait) = found.failures.recheck_after(input, counts) {
        found.requeue_in(wait);
    }
    for pod in &counts.finished {
        found.actions.push(delete_pod::always(pod, "it is over"));
    }
}

#[cfg(test)]
mod tests;
