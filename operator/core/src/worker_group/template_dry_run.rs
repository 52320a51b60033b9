//! A worker template is tried on the API server once before pods are made of it.

use dask_crds::WorkerSpec;

use crate::{
    model::object::{Cluster, Group},
    plan::{
        action::Action,
        check::Check,
        conditions::{self, Observed},
        kind::Kind,
    },
    resources::{
        self, Site,
        agent_plan::{Plan, Settings},
    },
    validation::dry_run::{self, Candidate},
    worker_group::{findings::Findings, input::Input},
};

const PATHS: [(&str, &str); 3] = [
    ("spec", "spec.worker.spec"),
    ("metadata.labels", "spec.worker.metadata.labels"),
    ("metadata.annotations", "spec.worker.metadata.annotations"),
];

/// A worker template that may have been tried.
pub(crate) fn candidate<'a>(
    worker: &WorkerSpec,
    namespace: &str,
    settings: &Settings,
    check: impl Fn(String) -> Check + 'a,
) -> Candidate<'a> {
    let mut hash = resources::hash(&worker.spec, worker.metadata.as_ref());
    if let Some(mode) = Plan::of(worker, settings).mode() {
        hash = format!("{hash}-{}", mode.name());
    }
    Candidate::new(Kind::Pod, namespace, &hash, check)
}

/// The group's worker as it would be made.
pub(crate) fn check(key: String, group: &Group, cluster: &Cluster, site: Site<'_>) -> Check {
    let pod = resources::worker_pod(group, cluster, 0, site).body;
    let check = Check::new(key, Kind::Pod, pod, &PATHS);
    let is_first = Plan::of(&group.spec.worker, site.agent).mode().is_some();
    if is_first { check.with_ours_first("spec.initContainers") } else { check }
}

/// Looks up what the API server says, or asks.
pub(crate) fn request_dry_run(input: &Input<'_>, cluster: &Cluster, found: &mut Findings) {
    let status = &input.group.status;
    let is_same = status.template_hash == found.failures.template
        && Plan::of(&input.group.spec.worker, input.agent).is_told_by(&status.conditions);
    if dry_run::is_known(&status.conditions, |_| is_same) {
        return;
    }
    let group = input.group;
    let candidate = candidate(&group.spec.worker, &group.meta.namespace, input.agent, |key| {
        check(key, group, cluster, input.site())
    });
    found.tried = dry_run::look_up(input.verdicts, vec![candidate], input.now);
    if !found.tried.again.is_empty() {
        found.actions.push(Action::DryRun(std::mem::take(&mut found.tried.again)));
    }
    if let Some(wait) = found.tried.recheck_after {
        found.requeue_in(wait);
    }
    if !found.tried.open.is_empty() {
        found.actions.push(Action::DryRun(std::mem::take(&mut found.tried.open)));
        found.untried = true;
    }
}

/// Whether the API server takes the template, as a condition; as it was while that is not known.
pub(crate) fn accepted(input: &Input<'_>, found: &Findings) -> Option<Observed> {
    if found.untried {
        return None;
    }
    Some(match found.tried.invalid.first() {
        None if found.tried.unproved => {
            let text = "it could not be tried; what the API server says of it is told when pods are made";
            conditions::yes(conditions::ACCEPTED, dry_run::UNPROVED, text)
        }
        None => conditions::yes(
            conditions::ACCEPTED,
            dry_run::PROVED,
            "the API server takes pods of this template",
        ),
        Some((_, why)) => {
            let text =
                format!("{why}; correct it and apply again; {} pods stay as they are", input.pods.len());
            conditions::no(conditions::ACCEPTED, "InvalidTemplate", text)
        }
    })
}
