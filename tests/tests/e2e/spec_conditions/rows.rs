//! Bad input that the API server takes, and what is told of it.

use anyhow::Result;
use dask_operator_tests::{dask::Wanted, manifest};
use serde_json::{Value, json};

/// Name, path in the manifest, bad value, condition that tells and words in it.
pub struct Row(
    pub &'static str,
    pub &'static str,
    pub Value,
    pub Wanted<'static>,
    pub &'static [&'static str],
);

const INVALID: Wanted<'static> = Wanted("Accepted", false, "InvalidTemplate");
/// The first container of a worker.
const WORKER: &str = "/spec/worker/spec/containers/0";

/// What a cluster says wrongly. Nothing is made where `Accepted` is false.
pub fn clusters() -> Vec<Row> {
    [pod_templates(), services_and_names(), warnings()].into_iter().flatten().collect()
}

fn port(name: &str, port: i32) -> Value {
    json!({"name": name, "port": port})
}

/// Pod templates that the API server would refuse in a pod.
fn pod_templates() -> Vec<Row> {
    const SCHEDULER: &str = "/spec/scheduler/spec/containers/0";
    let topology = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "NO T"}]}});
    vec![
        Row(
            "requests",
            WORKER,
            json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
            INVALID,
            &["spec.worker.spec.containers[0].resources.requests", "must be less than or equal to cpu limit"],
        ),
        Row(
            "affinity",
            "/spec/worker/spec",
            json!({"affinity": topology}),
            INVALID,
            &["topologyKey", "NO T"],
        ),
        Row(
            "probe",
            SCHEDULER,
            json!({"livenessProbe": {"periodSeconds": 5}}),
            INVALID,
            &["spec.scheduler.spec.containers[0].livenessProbe", "must specify a handler type"],
        ),
        Row(
            "probe-port",
            WORKER,
            json!({"livenessProbe": {"tcpSocket": {"port": 0}}}),
            INVALID,
            &["spec.worker.spec.containers[0].livenessProbe.tcpSocket.port", "between 1 and 65535"],
        ),
    ]
}

/// Names and ports that the API server would refuse.
fn services_and_names() -> Vec<Row> {
    vec![
        Row(
            "1abc",
            "/metadata/name",
            json!("1abc"),
            Wanted("Accepted", false, "InvalidName"),
            &["metadata.name", "1abc"],
        ),
        Row(
            "port-names",
            "/spec/scheduler/service/ports",
            json!([port("tcp-comm", 8786), port("tcp-comm", 8787)]),
            INVALID,
            &["spec.scheduler.service.ports[1].name", "Duplicate value"],
        ),
        Row(
            "label-key",
            "/spec/scheduler",
            json!({"metadata": {"labels": {"a b": "c"}}}),
            INVALID,
            &["spec.scheduler.metadata.labels", "a b"],
        ),
    ]
}

/// What is taken, and is hardly meant so.
fn warnings() -> Vec<Row> {
    vec![
        Row(
            "typo",
            WORKER,
            json!({"resources": {"limit": {"cpu": "1"}}}),
            Wanted("SpecWarning", true, "UnknownField"),
            &["spec.worker.spec.containers[0].resources.limit", "check its spelling"],
        ),
        Row(
            "selector",
            "/spec/scheduler/service",
            json!({"selector": {"app": "x"}}),
            Wanted("SpecWarning", true, "Selector"),
            &["spec.scheduler.service.selector[app]", "use dask.org/cluster-name"],
        ),
        Row(
            "port-name",
            "/spec/scheduler/service/ports",
            json!([port("comm", 8786), port("http-dashboard", 8787)]),
            Wanted("SpecWarning", true, "Ports"),
            &["none is named \"tcp-comm\"", "8786"],
        ),
        Row(
            "env",
            WORKER,
            json!({"env": [{"name": "DASK_SCHEDULER_ADDRESS", "value": "x"}]}),
            Wanted("SpecWarning", true, "Environment"),
            &["spec.worker.spec.containers[0].env", "DASK_SCHEDULER_ADDRESS"],
        ),
        Row(
            "env-twice",
            WORKER,
            json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}),
            Wanted("SpecWarning", true, "Environment"),
            &["A is set twice"],
        ),
        Row(
            "label",
            "/spec/worker",
            json!({"metadata": {"labels": {"dask.org/component": "x"}}}),
            Wanted("SpecWarning", true, "Labels"),
            &["spec.worker.metadata.labels[dask.org/component]", "remove it"],
        ),
    ]
}

/// What keeps workers from running, as a group's template says it; the word may be one of several.
pub fn groups() -> Result<Vec<Row>> {
    Ok(failing_pods()?.into_iter().chain(failing_containers()).collect())
}

fn failing(reason: &'static str) -> Wanted<'static> {
    Wanted("PodsFailing", true, reason)
}

/// Pods that cannot be made, placed, or set up.
fn failing_pods() -> Result<Vec<Row>> {
    const POD: &str = "/spec/worker/spec";
    let container = &manifest::group("g", "c", 1)?["spec"]["worker"]["spec"]["containers"][0];
    let mounted = |mut volume: Value| {
        volume["name"] = json!("v");
        let mut container = container.clone();
        container["volumeMounts"] = json!([{"name": "v", "mountPath": "/v"}]);
        json!({"volumes": [volume], "containers": [container]})
    };
    Ok(vec![
        Row(
            "account",
            POD,
            json!({"serviceAccountName": "nobody"}),
            failing("CreateRejected"),
            &["serviceaccount \"nobody\" not found"],
        ),
        Row(
            "priority",
            POD,
            json!({"priorityClassName": "nobody"}),
            failing("CreateRejected"),
            &["no PriorityClass with name nobody was found"],
        ),
        Row(
            "configmap",
            POD,
            mounted(json!({"configMap": {"name": "nothing"}})),
            failing("FailedMount"),
            &["configmap \"nothing\" not found", "ConfigMaps"],
        ),
        Row(
            "claim",
            POD,
            mounted(json!({"persistentVolumeClaim": {"claimName": "nothing"}})),
            failing("Unschedulable"),
            &["persistentvolumeclaim \"nothing\" not found"],
        ),
    ])
}

/// Containers that cannot start, or are never ready.
fn failing_containers() -> Vec<Row> {
    vec![
        Row(
            "secret",
            WORKER,
            json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "nothing", "key": "k"}}}]}),
            failing("CreateContainerConfigError"),
            &["secret \"nothing\" not found"],
        ),
        Row(
            "image",
            WORKER,
            json!({"image": "localhost/UPPER:1"}),
            failing("InvalidImageName"),
            &["localhost/UPPER:1", "check the image's name"],
        ),
        Row(
            "probe",
            WORKER,
            json!({"readinessProbe": {"httpGet": {"path": "/", "port": 9}, "periodSeconds": 1}}),
            failing("Unhealthy"),
            &["Readiness probe failed", "probes"],
        ),
    ]
}
