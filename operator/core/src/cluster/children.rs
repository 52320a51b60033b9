//! The three children of a cluster: made when missing, put right when changed by hand.

use std::collections::{BTreeMap, BTreeSet};

use dask_crds::WorkerSpec;
use serde_json::{Map, Value, json};

use crate::{
    cluster::{dry_run, input::Input},
    model::{deployment::DeploymentRecord, names, object::Group, owner::Owner, service::ServiceRecord},
    plan::{
        action::{Action, Patch},
        conditions::{self, Observed},
        kind::Kind,
        merge_patch, metadata_patch,
    },
    resources::{self, ChildMeta},
};

/// What must be done for the children to be as they should.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub actions: Vec<Action>,
    pub all_exist: bool,
    valid: BTreeSet<Kind>,
    /// Why a child cannot be made now.
    pub waiting: Option<Observed>,
}

/// `is_valid` tells of which kinds the API server would take what the spec says; of the others nothing is made.
/// (Workers are the group's, and count by their pods.)
pub(crate) fn plan_children(input: &Input<'_>, is_valid: &dyn Fn(Kind) -> bool) -> Plan {
    let valid = [Kind::Deployment, Kind::Service, Kind::Pod].into_iter().filter(|k| is_valid(*k)).collect();
    let mut plan = Plan { all_exist: true, valid, ..Plan::default() };
    let owner = resources::cluster_owner(input.cluster);
    deployment(input, &owner, &mut plan);
    service(input, &owner, &mut plan);
    default_group(input, &owner, &mut plan);
    service_first(&mut plan);
    plan
}

/// A Service that may be refused for what others have is made alone: without it nothing else is of use.
fn service_first(plan: &mut Plan) {
    let is_bold =
        |a: &Action| matches!(a, Action::Create { kind: Kind::Service, body } if dry_run::binds(body));
    if plan.actions.iter().any(is_bold) {
        plan.actions.retain(|a| is_bold(a) || !matches!(a, Action::Create { .. }));
    }
}

/// The scheduler's template and selector are never changed: that would restart it, and with it all work.
fn deployment(input: &Input<'_>, owner: &Owner, plan: &mut Plan) {
    let Some(have) = input.deployment else {
        plan.all_exist = false;
        // Two scheduler pods would confuse every client, so the old ones go first.
        match input.scheduler_pods.first() {
            Some(pod) => {
                plan.waiting = Some(wait(
                    "OldScheduler",
                    format!(
                        "pod {} of an earlier scheduler is still there; a new one starts when it is gone",
                        pod.name
                    ),
                ))
            }
            None => plan.create(Kind::Deployment, resources::scheduler_deployment(input.cluster)),
        }
        return;
    };
    let child = Existing { kind: "Deployment", owners: &have.owners, deleting: have.deleting };
    if !usable(child, owner, input, plan) {
        return;
    }
    let mut desired = resources::scheduler_deployment_meta(input.cluster);
    // The hash says what the running template was made from: it is written once.
    if !have.annotations.contains_key(names::TEMPLATE_HASH) {
        desired.annotations.insert(names::TEMPLATE_HASH.into(), resources::scheduler_hash(input.cluster));
    }
    let mut body = metadata(&desired, (&have.labels, &have.annotations, &have.owners, &[]), owner);
    let mut spec = Map::new();
    if have.replicas != 1 {
        spec.insert("replicas".into(), json!(1));
    }
    if have.strategy != "Recreate" {
        spec.insert("strategy".into(), json!({"type": "Recreate", "rollingUpdate": null}));
    }
    if !spec.is_empty() {
        body.insert("spec".into(), spec.into());
    }
    let name = names::scheduler(&input.cluster.meta.name);
    plan.patch(Kind::Deployment, name, &have.resource_version, body);
}

fn service(input: &Input<'_>, owner: &Owner, plan: &mut Plan) {
    let Some(have) = input.service else {
        plan.all_exist = false;
        plan.create(Kind::Service, resources::scheduler_service(input.cluster));
        return;
    };
    let ServiceRecord { labels, annotations, owners, kopf, spec, resource_version, deleting, .. } = have;
    if !usable(Existing { kind: "Service", owners, deleting: *deleting }, owner, input, plan) {
        return;
    }
    let desired = resources::scheduler_meta(input.cluster);
    let mut body = metadata(&desired, (labels, annotations, owners, kopf), owner);
    let desired = resources::scheduler_service_spec(input.cluster);
    let mut diff = merge_patch::missing(&desired, spec).unwrap_or_else(|| json!({}));
    // A key too many in the selector leaves the Service without endpoints.
    if let Some(selector) = merge_patch::difference(&desired["selector"], &spec["selector"]) {
        diff["selector"] = selector;
    }
    if plan.valid.contains(&Kind::Service) && diff != json!({}) {
        body.insert("spec".into(), diff);
    }
    plan.patch(Kind::Service, names::scheduler(&input.cluster.meta.name), resource_version, body);
}

/// The default group has its own number of replicas: the cluster's is copied only when the *cluster's*
/// changed since it was last copied, so that what a client or an autoscaler set stands.
fn default_group(input: &Input<'_>, owner: &Owner, plan: &mut Plan) {
    let Some(have) = input.default_group else {
        plan.all_exist = false;
        plan.create(Kind::Group, resources::default_group(input.cluster));
        return;
    };
    let child = Existing { kind: "DaskWorkerGroup", owners: &have.meta.owners, deleting: have.meta.deleting };
    if !usable(child, owner, input, plan) {
        return;
    }
    let replicas = input.cluster.spec.worker.replicas;
    let copied = have.meta.annotations.get(names::COPIED_REPLICAS).and_then(|v| v.parse::<i32>().ok());
    let is_ours = is_made_by_an_operator(have, input);
    let mut body = if is_ours {
        let desired = resources::default_group_meta(input.cluster);
        metadata(&desired, (&have.meta.labels, &have.meta.annotations, &have.meta.owners, &[]), owner)
    } else {
        // A user made it: the labels are the user's.
        let note = BTreeMap::from([(names::COPIED_REPLICAS.to_string(), replicas.to_string())]);
        as_body(
            metadata_patch::Metadata::new()
                .strings("annotations", &note, &have.meta.annotations)
                .owner(owner, &have.meta.owners)
                .patch(),
        )
    };
    let mut worker = Map::new();
    if is_ours && plan.valid.contains(&Kind::Pod) {
        let (want, have) = (&input.cluster.spec.worker, &have.spec.worker);
        // Its number of replicas is its own.
        let is_same = |w: &WorkerSpec, h: &WorkerSpec| {
            let WorkerSpec { replicas: _, metadata, drain_timeout, agent, spec } = w;
            (metadata, drain_timeout, agent, spec) == (&h.metadata, &h.drain_timeout, &h.agent, &h.spec)
        };
        if !is_same(want, have)
            && let Some(Value::Object(mut diff)) = merge_patch::difference(&json!(want), &json!(have))
        {
            diff.remove("replicas");
            worker = diff;
        }
    }
    if copied.is_some_and(|c| c != replicas) && have.spec.worker.replicas != replicas {
        worker.insert("replicas".into(), json!(replicas));
    }
    if !worker.is_empty() {
        body.insert("spec".into(), json!({ "worker": worker }));
    }
    plan.patch(Kind::Group, have.meta.name.clone(), &have.meta.resource_version, body);
}

fn is_made_by_an_operator(group: &Group, input: &Input<'_>) -> bool {
    let label = |k: &str| group.meta.labels.get(k).map(String::as_str);
    label(names::COMPONENT) == Some(names::WORKER_GROUP)
        && label(names::CLUSTER) == Some(&input.cluster.meta.name)
}

/// What there is under the name of a child.
struct Existing<'a> {
    kind: &'static str,
    owners: &'a [Owner],
    deleting: bool,
}

/// Whether the child with that name is the cluster's and stays.
fn usable(child: Existing<'_>, owner: &Owner, input: &Input<'_>, plan: &mut Plan) -> bool {
    let Existing { kind, owners, deleting } = child;
    let waiting = if deleting || metadata_patch::is_from_previous_owner(owners, owner) {
        wait("OldChild", format!("the {kind} of an earlier cluster of this name is still being deleted"))
    } else if metadata_patch::is_foreign(owners, owner) {
        let by = owners.iter().find(|o| o.controller).map_or("another owner", |o| o.name.as_str());
        wait(
            "NameTaken",
            format!(
                "there is a {kind} with the name this cluster ({}) needs, and {by} controls it; delete it, or \
                 give the cluster another name",
                input.cluster.meta.name
            ),
        )
    } else {
        return true;
    };
    plan.all_exist = false;
    plan.waiting = Some(waiting);
    false
}

fn wait(reason: &str, message: String) -> Observed {
    conditions::no(conditions::SCHEDULER_READY, reason, message)
}

/// Labels, annotations, owners, and annotations that kopf left.
type Have<'a> = (&'a BTreeMap<String, String>, &'a BTreeMap<String, String>, &'a [Owner], &'a [String]);

/// What is missing of the metadata.
fn metadata(desired: &ChildMeta, have: Have<'_>, owner: &Owner) -> Map<String, Value> {
    as_body(
        metadata_patch::Metadata::new()
            .strings("labels", &desired.labels, have.0)
            .strings("annotations", &desired.annotations, have.1)
            .owner(owner, have.2)
            .without_kopf(&[], have.3)
            .patch(),
    )
}

fn as_body(metadata: Option<Value>) -> Map<String, Value> {
    metadata.map(|m| Map::from_iter([("metadata".to_string(), m)])).unwrap_or_default()
}

impl Plan {
    fn create(&mut self, kind: Kind, body: Value) {
        let made_of = if kind == Kind::Group { Kind::Pod } else { kind };
        if self.valid.contains(&made_of) {
            self.actions.push(Action::Create { kind, body });
        }
    }

    fn patch(&mut self, kind: Kind, name: String, version: &str, body: Map<String, Value>) {
        if !body.is_empty() {
            let patch = Patch { kind, name, resource_version: version.into(), body: body.into() };
            self.actions.push(Action::Patch(patch));
        }
    }
}

/// Whether the scheduler runs another template than the cluster asks for.
pub(crate) fn scheduler_is_outdated(input: &Input<'_>, deployment: &DeploymentRecord) -> bool {
    let made_from = deployment.annotations.get(names::TEMPLATE_HASH);
    made_from.is_some_and(|h| *h != resources::scheduler_hash(input.cluster))
}
