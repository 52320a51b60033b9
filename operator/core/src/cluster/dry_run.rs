//! What is made of a cluster's spec, tried before it is made.

use dask_crds::DaskClusterStatus;
use serde_json::{Value, json};

use super::input::Input;
use crate::{
    model::{
        hash, names,
        object::{Cluster, Group, Job, Meta, Object},
    },
    plan::{
        check::Check,
        conditions::{self, Observed},
        kind::Kind,
    },
    resources::{self, Site},
    validation::dry_run::{self, Candidate, Tried},
    worker_group,
};

const DEPLOYMENT: [(&str, &str); 5] = [
    ("spec.template.spec", "spec.scheduler.spec"),
    ("spec.template.metadata", "spec.scheduler.metadata"),
    ("spec.template.labels", "spec.scheduler.metadata.labels"),
    ("metadata.labels", "spec.scheduler.metadata.labels"),
    ("metadata.annotations", "spec.scheduler.metadata.annotations"),
];
const SERVICE: [(&str, &str); 3] = [
    ("spec", "spec.scheduler.service"),
    ("metadata.labels", "spec.scheduler.metadata.labels"),
    ("metadata.annotations", "spec.scheduler.metadata.annotations"),
];

fn candidates<'a>(
    cluster: &'a Cluster,
    has_service: bool,
    root: &'static str,
    site: Site<'a>,
) -> Vec<Candidate<'a>> {
    let (namespace, scheduler) = (&cluster.meta.namespace, &cluster.spec.scheduler);
    let deployment = resources::hash(&scheduler.spec, scheduler.metadata.as_ref());
    // A Service's name has rules of its own.
    let service = hash::of_json(&json!([cluster.meta.name, scheduler.service.0, scheduler.metadata]));
    // What only one Service can have at a time counts while this one is still to be made.
    let service = if has_service { service } else { format!("new-{service}") };
    vec![
        Candidate::new(Kind::Deployment, namespace, &deployment, move |key| {
            Check::new(key, Kind::Deployment, resources::scheduler_deployment(cluster), &DEPLOYMENT)
                .below(root)
        }),
        Candidate::new(Kind::Service, namespace, &service, move |key| {
            let service = resources::scheduler_service(cluster);
            let service = if has_service { unbound(service) } else { service };
            Check::new(key, Kind::Service, service, &SERVICE).below(root)
        }),
        worker_group::candidate(&cluster.spec.worker, namespace, site.agent, move |key| {
            worker_group::check(key, &default_group(cluster), cluster, site).below(root)
        }),
    ]
}

/// Whether the Service asks for what only one Service can have at a time. A dry run does not tell all of it: not that a
/// port is outside of the range, nor that two Services ask at the same time.
pub(super) fn binds(service: &Value) -> bool {
    let spec = &service["spec"];
    let is_set = |v: &Value| v.as_i64().is_some_and(|n| n != 0);
    let address = spec["clusterIP"].as_str().or_else(|| spec["clusterIPs"][0].as_str()).unwrap_or("None");
    let ports = spec["ports"].as_array();
    ports.into_iter().flatten().any(|p| is_set(&p["nodePort"]))
        || is_set(&spec["healthCheckNodePort"])
        || !matches!(address, "" | "None")
}

/// Without what only one Service can have at a time: the cluster's own has it.
fn unbound(mut service: Value) -> Value {
    const BOUND: [&str; 3] = ["clusterIP", "clusterIPs", "healthCheckNodePort"];
    if let Some(spec) = service["spec"].as_object_mut() {
        spec.retain(|key, _| !BOUND.contains(&key.as_str()));
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
            port.remove("nodePort");
        }
    }
    service
}

/// The cluster that will be made for a job.
pub(crate) fn of_job(job: &Job) -> Cluster {
    let body = resources::job_cluster(job);
    let meta = Meta { name: job.meta.name.clone(), ..meta(&body, &job.meta.namespace) };
    Object { meta, spec: job.spec.cluster.spec.clone(), status: DaskClusterStatus::default() }
}

/// The templates of the cluster that will be made for a job.
pub(crate) fn candidates_of_job<'a>(cluster: &'a Cluster, site: Site<'a>) -> Vec<Candidate<'a>> {
    candidates(cluster, false, "spec.cluster.", site)
}

/// The default group as it will be made.
fn default_group(cluster: &Cluster) -> Group {
    let body = resources::default_group(cluster);
    let meta =
        Meta { name: names::default_group(&cluster.meta.name), ..meta(&body, &cluster.meta.namespace) };
    let spec = dask_crds::DaskWorkerGroupSpec {
        cluster: cluster.meta.name.clone(),
        worker: cluster.spec.worker.clone(),
    };
    Object { meta, spec, status: dask_crds::DaskWorkerGroupStatus::default() }
}

fn meta(body: &serde_json::Value, namespace: &str) -> Meta {
    let strings = |key: &str| serde_json::from_value(body["metadata"][key].clone()).unwrap_or_default();
    Meta {
        namespace: namespace.into(),
        labels: strings("labels"),
        annotations: strings("annotations"),
        ..Meta::default()
    }
}

/// What the API server says of this cluster's templates. An earlier process may have asked about this very
/// spec: then it is not asked again.
pub(crate) fn tried(input: &Input<'_>) -> Tried {
    let generation = Some(input.cluster.meta.generation);
    if dry_run::is_known(&input.cluster.status.conditions, |c| c.observed_generation == generation) {
        return Tried::default();
    }
    let has_service = input.service.is_some();
    let site = Site { domain: input.domain, agent: input.agent };
    let candidates = candidates(input.cluster, has_service, "", site);
    dry_run::look_up(input.verdicts, candidates, input.now)
}

/// Whether the API server takes the spec, as a condition.
pub(crate) fn accepted(tried: &Tried) -> Observed {
    if tried.invalid.is_empty() {
        let (reason, text) = if tried.unproved {
            (
                dry_run::UNPROVED,
                "a part of it could not be tried; what the API server says of it is told when it is made",
            )
        } else {
            (dry_run::PROVED, "the API server takes what is made of the spec")
        };
        return conditions::yes(conditions::ACCEPTED, reason, text);
    }
    let name = tried.invalid.iter().any(|(_, t)| t.starts_with("metadata.name:"));
    let (reason, remedy) = if name {
        ("InvalidName", "delete it and create it with another name")
    } else {
        ("InvalidTemplate", "correct it and apply again")
    };
    let mut told: Vec<&str> = tried.invalid.iter().map(|(_, text)| text.as_str()).collect();
    told.dedup();
    conditions::no(conditions::ACCEPTED, reason, format!("{}; {remedy}", told.join("; ")))
}
