//! The end of a job: its cluster goes, and nothing of its runner goes on.

use dask_crds::DaskJobStatus;
use serde_json::json;

use super::{
    Outcome,
    input::{Child, Input},
    runner,
};
use crate::{
    model::object::Cluster,
    plan::{
        action::{Action, Decision, Patch},
        kind::Kind,
    },
};

/// The outcome is known: the cluster goes, what still runs of the runner ends, and the status tells.
pub(super) fn finish(input: &Input<'_>, outcome: &Outcome, decision: &mut Decision<DaskJobStatus>) {
    end_runner(input, decision);
    if let Child::Ours(cluster) = input.cluster() {
        decision.actions.push(delete_cluster(cluster));
        return;
    }
    decision.status = outcome.status(input.job);
}

/// A job that is over has no cluster and nothing that runs.
pub(super) fn leave_nothing(input: &Input<'_>, decision: &mut Decision<DaskJobStatus>) {
    if let Child::Ours(cluster) = input.cluster() {
        decision.actions.push(delete_cluster(cluster));
    }
    end_runner(input, decision);
}

fn delete_cluster(cluster: &Cluster) -> Action {
    Action::Delete {
        kind: Kind::Cluster,
        name: cluster.meta.name.clone(),
        uid: cluster.meta.uid.clone(),
        resource_version: None,
        why: "its job is over",
    }
}

/// Sidecars end, and a program that never started does not start any more; the pod stays, with its logs. One
/// without a node has none, and no kubelet to end it.
fn end_runner(input: &Input<'_>, decision: &mut Decision<DaskJobStatus>) {
    let Child::Ours(pod) = input.runner() else { return };
    // A pod whose containers have all ended tells so itself, soon.
    let runs = pod.runner.as_ref().is_none_or(|r| r.containers.values().any(|c| c.end.is_none()));
    let never_started = runner::started(pod).is_none();
    if !pod.is_live() || !(runs || never_started) {
        return;
    }
    if !pod.scheduled {
        decision.actions.push(Action::Delete {
            kind: Kind::Pod,
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            resource_version: None,
            why: "its job is over, and it never had a node",
        });
    } else if pod.runner.as_ref().is_some_and(|r| r.deadline.is_none_or(|d| d > 1)) {
        decision.actions.push(Action::Patch(Patch {
            kind: Kind::Pod,
            name: pod.name.clone(),
            resource_version: pod.resource_version.clone(),
            body: json!({"spec": {"activeDeadlineSeconds": 1}}),
        }));
    }
}
