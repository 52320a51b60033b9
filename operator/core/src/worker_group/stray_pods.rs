//! Pods that carry the group's labels and have lost their owner: taken back where they are ours beyond doubt, else told.

use serde_json::json;

use crate::{
    model::{names, owner::Owner, pod::PodRecord},
    plan::{
        action::{Action, Patch},
        conditions::{self, Observed, STRAY_PODS},
        kind::Kind,
    },
    worker_group::{findings::Findings, input::Input},
};

/// Takes back the group's own pods, which count as there from now on, and says which others are in the way.
pub(crate) fn adopt_or_report(input: &Input<'_>, found: &mut Findings) {
    let strays = input.strays.iter().filter(|p| !p.deleting);
    let (ours, others): (Vec<&PodRecord>, Vec<&PodRecord>) = strays.partition(|p| is_ours(input, p));
    let meta = &input.group.meta;
    let owner = Owner::controller("DaskWorkerGroup", &meta.name, &meta.uid);
    for pod in &ours {
        found.adopted += usize::from(pod.is_live());
        found.actions.push(Action::Patch(Patch {
            kind: Kind::Pod,
            name: pod.name.clone(),
            resource_version: pod.resource_version.clone(),
            body: json!({"metadata": {"uid": pod.uid, "ownerReferences": [owner]}}),
        }));
    }
    found.conditions.push(told(input, &others));
}

/// Labels can be copied. Names of our pods come from the group's UID and from a number that the group has reserved,
/// and a pod that also has another owner is not the group's alone.
fn is_ours(input: &Input<'_>, pod: &PodRecord) -> bool {
    let meta = &input.group.meta;
    let reserved = input.group.status.reserved_pod_numbers.unwrap_or(0);
    let number = names::worker_number(&meta.name, &meta.uid, &pod.name);
    !pod.has_owners
        && pod.template_hash.is_some()
        && pod.cluster == input.group.spec.cluster
        && number.is_some_and(|n| n < reserved)
}

fn told(input: &Input<'_>, others: &[&PodRecord]) -> Observed {
    let Some(first) = others.first() else {
        return conditions::no(STRAY_PODS, "None", "all pods with this group's labels are its own");
    };
    let message = format!(
        "{} pods have this group's labels and no owner, {} among them; it was not made by this group, or it is not \
         the group's alone, so it is neither counted nor deleted; delete it (kubectl -n {} delete pod {}), or take \
         the labels dask.org/* off it",
        others.len(),
        first.name,
        input.group.meta.namespace,
        first.name
    );
    conditions::yes(STRAY_PODS, "NotOurs", message)
}

impl PodRecord {
    /// The group whose labels the pod carries as a worker though nothing controls it.
    pub fn stray_of(&self) -> Option<&str> {
        let is_worker = !self.is_scheduler && self.runner.is_none() && self.deployment.is_none();
        self.group.as_deref().filter(|_| is_worker && self.owner_uid.is_none())
    }
}
