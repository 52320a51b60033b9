//! A job's cluster or runner that has lost its owner: taken back where it says which job it was made for, else told.

use dask_crds::JobStatus;
use serde_json::json;

use super::input::{Child, Input};
use crate::{
    model::names,
    plan::{
        action::{Action, Patch},
        events::EventRecord,
        kind::Kind,
    },
    resources,
};

/// Takes back what is the job's beyond doubt. Of the rest it is said that it is neither waited for nor deleted with
/// the job, as long as the job is not over: afterwards its name is free.
pub(super) fn adopt_orphans(input: &Input<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let back = |kind, name: &str, uid: &str, resource_version: &str| {
        let owners = [resources::job_owner(input.job)];
        Action::Patch(Patch {
            kind,
            name: name.into(),
            resource_version: resource_version.into(),
            body: json!({"metadata": {"uid": uid, "ownerReferences": owners}}),
        })
    };
    match input.cluster() {
        Child::Ours(c) if c.meta.owners.is_empty() => {
            actions.push(back(Kind::Cluster, &c.meta.name, &c.meta.uid, &c.meta.resource_version));
        }
        Child::Taken(None) if is_under_way(input) => {
            actions.push(told(input, "daskcluster", &input.job.meta.name));
        }
        _ => {}
    }
    match input.runner() {
        Child::Ours(p) if p.runner.as_ref().is_some_and(|r| r.owners.is_empty()) => {
            actions.push(back(Kind::Pod, &p.name, &p.uid, &p.resource_version));
        }
        Child::Taken(None) if is_under_way(input) => {
            actions.push(told(input, "pod", &names::runner(&input.job.meta.name)));
        }
        _ => {}
    }
    actions
}

/// Whether both were made, and the job is not over.
fn is_under_way(input: &Input<'_>) -> bool {
    matches!(input.job.status.job_status, Some(JobStatus::ClusterCreated | JobStatus::Running))
}

fn told(input: &Input<'_>, what: &str, name: &str) -> Action {
    let text = format!(
        "metadata.ownerReferences of {what} {name:?} is empty, and it does not say that it was made for this job: the job \
         waits, and does not delete it; put the reference to this DaskJob back, or delete it (kubectl -n {} delete \
         {what} {name})",
        input.job.meta.namespace
    );
    Action::Event(EventRecord { once: true, ..EventRecord::warning("OwnerRemoved", &text) })
}
