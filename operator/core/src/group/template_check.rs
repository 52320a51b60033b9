//! A worker template is tried on the API server once before pods are made of it.

use dask_crds::WorkerSpec;

use crate::{
    action::{Action, Kind},
    check::{self, Candidate, Check},
    conditions::{self, Observed},
    group::{Findings, Input},
    record::{Cluster, Group},
    template,
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
    check: impl Fn(String) -> Check + 'a,
) -> Candidate<'a> {
    Candidate::new(Kind::Pod, namespace, &template::hash(&worker.spec, worker.metadata.as_ref()), check)
}

/// The group's worker as it would be made.
pub(crate) fn check(
    key: String,
    group: &Group,
    cluster: &Cluster,
    root: &'static str,
    domain: &str,
) -> Check {
    Check::new(key, Kind::Pod, template::worker_pod(group, cluster, 0, domain).body, root, &PATHS)
}

/// Looks up what the API server says, or asks.
pub(crate) fn plan(input: &Input<'_>, cluster: &Cluster, found: &mut Findings) {
    let status = &input.group.status;
    let is_same = status.template_hash == found.failures.template;
    if check::is_known(&status.conditions, |_| is_same) {
        return;
    }
    let group = input.group;
    let candidate = candidate(&group.spec.worker, &group.meta.namespace, |key| {
        check(key, group, cluster, "", input.domain)
    });
    found.tried = check::look_up(input.verdicts, vec![candidate], input.now);
    if !found.tried.again.is_empty() {
        found.actions.push(Action::Check(std::mem::take(&mut found.tried.again)));
    }
    if let Some(wait) = found.tried.look_in {
        found.again_in(wait);
    }
    if !found.tried.open.is_empty() {
        found.actions.push(Action::Check(std::mem::take(&mut found.tried.open)));
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
            conditions::yes(conditions::ACCEPTED, check::UNPROVED, text)
        }
        None => {
            conditions::yes(conditions::ACCEPTED, check::PROVED, "the API server takes pods of this template")
        }
        Some((_, why)) => {
            let text =
                format!("{why}; correct it and apply again; {} pods stay as they are", input.pods.len());
            conditions::no(conditions::ACCEPTED, "InvalidTemplate", text)
        }
    })
}
