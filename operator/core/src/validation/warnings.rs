//! What a spec says that is valid and probably not meant: told in a condition, never refused.

mod address;
mod metadata;

use std::collections::BTreeSet;

use dask_crds::{PodSpecJson, WorkerSpec};
use serde_json::Value;

use crate::{
    model::{
        names,
        object::{Cluster, Job},
    },
    plan::conditions::{self, Observed, UNKNOWN_FIELD},
    resources,
};

/// Most warnings that are told at once.
const TOLD: usize = 4;

/// Most of an author's word that a warning repeats.
const MOST: usize = 64;

/// A reason and a sentence with path, value, rule and remedy.
pub type Warning = (&'static str, String);

/// Warnings about a cluster.
pub fn cluster(cluster: &Cluster) -> Vec<Warning> {
    let spec = &cluster.spec;
    let mut out = service(cluster);
    out.extend(metadata::check_metadata("spec.scheduler.metadata", spec.scheduler.metadata.as_ref()));
    out.extend(variables("spec.scheduler.spec", &spec.scheduler.spec, &[]));
    out.extend(worker(&spec.worker, &cluster.meta.name));
    out
}

/// Warnings about workers of the cluster with this name.
pub fn worker(worker: &WorkerSpec, cluster: &str) -> Vec<Warning> {
    let managed = ["DASK_SCHEDULER_ADDRESS", "DASK_WORKER_NAME"];
    let mut out = metadata::check_metadata("spec.worker.metadata", worker.metadata.as_ref());
    out.extend(variables("spec.worker.spec", &worker.spec, &managed));
    out.extend(address::check_address(worker, cluster));
    out
}

/// Warnings about a job's program; those about its cluster are the cluster's.
pub fn job(job: &Job) -> Vec<Warning> {
    metadata::check_metadata("spec.job.metadata", job.spec.job.metadata.as_ref())
}

/// The condition that tells them, with fields that the API server does not know.
pub fn condition(warnings: Vec<Warning>, unknown: &[String]) -> Observed {
    let dropped = unknown.iter().map(|path| {
        let text =
            format!("{path}: this Kubernetes does not know the field and drops it; check its spelling");
        (UNKNOWN_FIELD, text)
    });
    let all: Vec<Warning> = dropped.chain(warnings).collect();
    let Some((reason, _)) = all.first() else {
        return conditions::no(conditions::SPEC_WARNING, "NothingSuspicious", "the spec looks as it should");
    };
    let mut told: Vec<&str> = all.iter().take(TOLD).map(|(_, text)| text.as_str()).collect();
    let more = format!("and {} more", all.len().saturating_sub(TOLD));
    if all.len() > TOLD {
        told.push(&more);
    }
    conditions::yes(conditions::SPEC_WARNING, *reason, told.join("; "))
}

fn service(cluster: &Cluster) -> Vec<Warning> {
    const SERVICE: &str = "spec.scheduler.service";
    let mut out = Vec::new();
    let service = resources::scheduler_service_spec(cluster);
    let labels = resources::scheduler_pod_labels(cluster);
    let selector = service.get("selector").and_then(Value::as_object);
    let wrong =
        selector.into_iter().flatten().find(|(k, v)| labels.get(*k).map(String::as_str) != v.as_str());
    let remedy = format!(
        "use {}: {} and {}: {}",
        names::CLUSTER,
        cluster.meta.name,
        names::COMPONENT,
        names::SCHEDULER
    );
    if let Some((key, value)) = wrong {
        out.push(("Selector", format!(
            "{SERVICE}.selector[{key}]: {value} selects no scheduler pod of this cluster, so no worker and no client reaches it; {remedy}"
        )));
    } else if selector.is_none_or(serde_json::Map::is_empty) {
        out.push(("Selector", format!("{SERVICE}.selector: is empty and selects no pod; {remedy}")));
    }
    let ports: Vec<&Value> = service.get("ports").and_then(Value::as_array).into_iter().flatten().collect();
    for (names, number) in [(&["tcp-comm"][..], 8786), (&["http-dashboard", "dashboard"], 8787)] {
        if !ports.iter().any(|p| p["name"].as_str().is_some_and(|n| names.contains(&n))) {
            out.push(("Ports", format!(
                "{SERVICE}.ports: none is named {:?}, by which clients look for it; add it with port {number}", names[0]
            )));
        }
    }
    out.extend(ports.iter().filter_map(|p| target(cluster, p)));
    out
}

/// A Service port whose named target no container has.
fn target(cluster: &Cluster, port: &Value) -> Option<Warning> {
    let wanted = port["targetPort"].as_str()?;
    let containers = cluster.spec.scheduler.spec.0.get("containers").and_then(Value::as_array);
    let ports = containers.into_iter().flatten().filter_map(|c| c["ports"].as_array()).flatten();
    let known: BTreeSet<&str> = ports.filter_map(|p| p["name"].as_str()).collect();
    (!known.contains(wanted)).then(|| {
        let text = format!(
            "spec.scheduler.service.ports: targetPort {wanted:?} is the name of no container port; add it to the \
             scheduler's container, or give the number"
        );
        ("Ports", text)
    })
}

/// Variables that are set twice, or in place of the operator's.
fn variables(path: &str, spec: &PodSpecJson, managed: &[&str]) -> Vec<Warning> {
    let mut out = Vec::new();
    let containers = spec.0.get("containers").and_then(Value::as_array);
    for (i, container) in containers.into_iter().flatten().enumerate() {
        let mut seen = BTreeSet::new();
        let env = container["env"].as_array();
        for name in env.into_iter().flatten().filter_map(|v| v["name"].as_str()) {
            if !seen.insert(name) {
                out.push((
                    "Environment",
                    format!(
                        "{path}.containers[{i}].env: {name} is set twice, and the last one counts; remove one"
                    ),
                ));
            } else if managed.contains(&name) {
                out.push(("Environment", format!(
                    "{path}.containers[{i}].env: {name} overrides the operator's; workers may not join, or not be \
                     found; remove it"
                )));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::worker_group::testing;

    fn warnings(edit: impl FnOnce(&mut Cluster)) -> Vec<String> {
        let mut c = testing::cluster("c");
        c.spec.scheduler.spec.0["containers"][0]["ports"] =
            json!([{"name": "tcp-comm", "containerPort": 8786}]);
        c.spec.scheduler.service.0 = serde_json::from_value(json!({
            "selector": {"dask.org/cluster-name": "c", "dask.org/component": "scheduler"},
            "ports": [{"name": "tcp-comm", "port": 8786, "targetPort": "tcp-comm"}, {"name": "dashboard", "port": 8787}],
        }))
        .unwrap();
        edit(&mut c);
        cluster(&c).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn what_is_as_usual_is_not_mentioned() {
        assert_eq!(warnings(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn each_oddity_is_told_with_its_place() {
        for (place, edit) in [
            (
                "service.selector[dask.org/cluster-name]: \"other\"",
                (|c: &mut Cluster| {
                    c.spec.scheduler.service.0["selector"]["dask.org/cluster-name"] = json!("other");
                }) as fn(&mut Cluster),
            ),
            ("service.selector: is empty", |c| drop(c.spec.scheduler.service.0.remove("selector"))),
            ("service.ports: none is named \"tcp-comm\"", |c| {
                c.spec.scheduler.service.0["ports"][0]["name"] = json!("comm");
            }),
            ("none is named \"http-dashboard\"", |c| {
                c.spec.scheduler.service.0["ports"][1]["name"] = json!("web");
            }),
            ("targetPort \"nowhere\"", |c| {
                c.spec.scheduler.service.0["ports"][0]["targetPort"] = json!("nowhere");
            }),
            ("spec.worker.spec.containers[0].env: DASK_SCHEDULER_ADDRESS overrides", |c| {
                c.spec.worker.spec.0["containers"][0]["env"] =
                    json!([{"name": "DASK_SCHEDULER_ADDRESS", "value": "x"}]);
            }),
            ("env: A is set twice", |c| {
                c.spec.worker.spec.0["containers"][0]["env"] = json!([{"name": "A"}, {"name": "A"}]);
            }),
            ("service.selector[app.kubernetes.io/instance]: \"b\"", |c| {
                c.meta.labels.insert("app.kubernetes.io/instance".into(), "a".into());
                c.spec.scheduler.service.0["selector"]["app.kubernetes.io/instance"] = json!("b");
            }),
            ("spec.worker.metadata.labels[dask.org/component]", |c| {
                c.spec.worker.metadata =
                    serde_json::from_value(json!({"labels": {"dask.org/component": "x"}})).unwrap();
            }),
            ("spec.worker.metadata.annotations[kubernetes.dask.org/retiring]: \"x\" is left out", |c| {
                c.spec.worker.metadata =
                    serde_json::from_value(json!({"annotations": {"kubernetes.dask.org/retiring": "x"}}))
                        .unwrap();
            }),
            ("spec.scheduler.metadata.labels[kubernetes.dask.org/x]: \"y\"", |c| {
                c.spec.scheduler.metadata =
                    serde_json::from_value(json!({"labels": {"kubernetes.dask.org/x": "y"}})).unwrap();
            }),
            ("containers[0].args: \"tcp://c-service.ns.svc:8786\" is not this cluster's scheduler", |c| {
                c.spec.worker.spec.0["containers"][0]["args"] =
                    json!(["dask", "worker", "tcp://c-service.ns.svc:8786"]);
            }),
        ] {
            let told = warnings(edit);
            assert!(told.len() == 1 && told[0].contains(place), "{place}: {told:?}");
        }
    }

    #[test]
    fn a_selector_that_is_completed_or_met_is_no_oddity() {
        for (labels, selector) in [
            (json!({}), json!({"dask.org/component": "scheduler"})),
            (
                json!({"app.kubernetes.io/instance": "a"}),
                json!({"dask.org/component": "scheduler", "app.kubernetes.io/instance": "a"}),
            ),
        ] {
            let told = warnings(|c| {
                c.meta.labels = serde_json::from_value(labels.clone()).unwrap();
                c.spec.scheduler.service.0["selector"] = selector.clone();
            });
            assert_eq!(told, Vec::<String>::new(), "{selector}");
        }
    }

    #[test]
    fn the_own_scheduler_and_what_is_not_known_are_no_oddity() {
        for address in [
            "c-scheduler:8786",
            "tcp://c-scheduler.ns.svc.cluster.local:8786",
            "tls://c-scheduler.ns:8786",
            "localhost:8786",
            "tcp://127.0.0.1:8786",
            "tcp://[::1]:8786",
            "$(DASK_SCHEDULER_ADDRESS)",
            "tcp://$(HOST):8786",
            "--nthreads",
        ] {
            let told = warnings(|c| {
                c.spec.worker.spec.0["containers"][0]["args"] = json!(["dask", "worker", address]);
            });
            assert_eq!(told, Vec::<String>::new(), "{address}");
        }
        for address in ["other-scheduler:8786", "tcp://10.0.0.1:8786", "tls://[fd00::1]:8786"] {
            let told = warnings(|c| {
                c.spec.worker.spec.0["containers"][0]["args"] =
                    json!(["sh", "-c", format!("exec dask worker {address}")]);
            });
            assert!(told.len() == 1 && told[0].contains("write c-scheduler"), "{address}: {told:?}");
        }
    }

    #[test]
    fn unknown_fields_come_first() {
        let c = condition(vec![("Ports", "p".into())], &["spec.x".into()]);
        assert_eq!(c.reason(), UNKNOWN_FIELD);
        assert!(c.holds() && c.message().contains("spec.x") && c.message().ends_with("; p"));
        assert!(!condition(Vec::new(), &[]).holds());
    }
}
