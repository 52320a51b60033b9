//! What the validation of built-in kinds refuses, as far as templates can get it wrong.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    manifests::{pod, service, with},
};

pub(super) const CASES: &[Case] = &[
    Case::new("refused: pods, their containers", |g| {
        refused(g, "pods", pod("a"), containers()).boxed_local()
    }),
    Case::new("refused: pods, their resources", |g| refused(g, "pods", pod("a"), resources()).boxed_local()),
    Case::new("refused: pods, the rest", |g| refused(g, "pods", pod("a"), pods()).boxed_local()),
    Case::new("refused: pods, wrong shapes", |g| refused(g, "pods", pod("a"), shapes()).boxed_local()),
    Case::new("refused: services", |g| refused(g, "services", service("a"), services()).boxed_local()),
];

/// Where a value is put, and which.
pub(super) type Row = (&'static str, Value);

/// Creates the object with each of the values in a dry run; all answers are recorded, of those that are accepted, too.
pub(super) async fn refused(ground: Ground, resource: &str, object: Value, rows: Vec<Row>) -> Result<()> {
    ground.post(&format!("{resource}?dryRun=All"), &object).await?.ok(201)?;
    let mut wrong = Vec::new();
    for (path, value) in rows {
        let answer = ground.post(&format!("{resource}?dryRun=All"), &with(&object, path, &value)).await?;
        if let Err(error) = ground.told(&format!("refused/{resource} {path}={value}"), answer) {
            wrong.push(error.to_string());
        }
    }
    ensure!(wrong.is_empty(), "{} values: {}", wrong.len(), wrong.join("; "));
    Ok(())
}

const CONTAINERS: &str = "spec.containers";

fn containers() -> Vec<Row> {
    let container = |name: &str| json!({"name": name, "image": "i"});
    vec![
        (CONTAINERS, Value::Null),
        (CONTAINERS, json!([])),
        (CONTAINERS, json!([container("a"), container("a")])),
        (CONTAINERS, json!([container("A_b")])),
        (CONTAINERS, json!([container(&"x".repeat(64))])),
        (CONTAINERS, json!([{"image": "i"}])),
        ("spec.initContainers", json!([{"name": "a"}])),
        ("spec.initContainers", json!([container("main")])),
        ("spec.initContainers", json!([{"name": "a", "image": "i", "restartPolicy": "Never"}])),
        ("spec.containers.0.image", Value::Null),
        ("spec.containers.0.image", json!("")),
        ("spec.containers.0.image", json!(" i")),
        ("spec.containers.0.imagePullPolicy", json!("Sometimes")),
        ("spec.containers.0.env", json!([{"value": "x"}])),
        ("spec.containers.0.env", json!([{"name": "a=b"}])),
        (
            "spec.containers.0.env",
            json!([{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        ),
        (
            "spec.containers.0.env",
            json!([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nope"}}}]),
        ),
        ("spec.containers.0.env", json!([{"name": "A", "valueFrom": {}}])),
        ("spec.containers.0.envFrom", json!([{}])),
        ("spec.containers.0.ports", json!([{"containerPort": 0}])),
        ("spec.containers.0.ports", json!([{"containerPort": 70_000}])),
        ("spec.containers.0.ports", json!([{"containerPort": 1, "protocol": "X"}])),
        ("spec.containers.0.ports", json!([{"containerPort": 1, "name": "A B"}])),
        (
            "spec.containers.0.ports",
            json!([{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
        ),
        ("spec.containers.0.volumeMounts", json!([{"name": "gone", "mountPath": "/x"}])),
        ("spec.containers.0.volumeMounts", json!([{"name": "gone"}])),
        ("spec.containers.0.livenessProbe", json!({})),
        ("spec.containers.0.livenessProbe", json!({"httpGet": {"port": 0}})),
        ("spec.containers.0.readinessProbe", json!({"tcpSocket": {"port": 1}, "periodSeconds": -1})),
        ("spec.containers.0.lifecycle", json!({"preStop": {}})),
        ("spec.containers.0.terminationMessagePolicy", json!("Nope")),
    ]
}

fn resources() -> Vec<Row> {
    const RESOURCES: &str = "spec.containers.0.resources";
    vec![
        (RESOURCES, json!({"limits": {"cpu": "INVALID"}})),
        (RESOURCES, json!({"limits": {"cpu": "-1"}})),
        (RESOURCES, json!({"limits": {"cpu": -1}})),
        (RESOURCES, json!({"requests": {"memory": "1 Gi"}})),
        (RESOURCES, json!({"limits": {"memory": "1GB"}})),
        (RESOURCES, json!({"limits": {"cpu": ""}})),
        (RESOURCES, json!({"limits": {"cpu": true}})),
        (RESOURCES, json!({"limits": {"cpu": "1"}, "requests": {"cpu": "2"}})),
        (RESOURCES, json!({"limits": {"nope": "1"}})),
        (RESOURCES, json!({"limits": {"example.org/gpu": "1"}, "requests": {"example.org/gpu": "2"}})),
        (RESOURCES, json!({"requests": {"example.org/gpu": "1"}})),
        (RESOURCES, json!({"limits": {"example.org/gpu": "0.5"}})),
        (RESOURCES, json!({"limits": {"hugepages-2Mi": "2Mi"}})),
    ]
}

fn pods() -> Vec<Row> {
    let term = json!([{"weight": 0, "preference": {}}]);
    vec![
        ("spec.restartPolicy", json!("Sometimes")),
        ("spec.dnsPolicy", json!("Nope")),
        ("spec.activeDeadlineSeconds", json!(0)),
        ("spec.terminationGracePeriodSeconds", json!(-1)),
        ("spec.serviceAccountName", json!("INVALID_NAME")),
        ("spec.serviceAccountName", json!("is-not-there")),
        ("spec.nodeSelector", json!({"a b": "c"})),
        ("spec.nodeName", json!("A_b")),
        ("spec.hostname", json!("A_b")),
        ("spec.priorityClassName", json!("is-not-there")),
        ("spec.priority", json!(5)),
        ("spec.imagePullSecrets", json!([{"name": "A_b"}])),
        ("spec.tolerations", json!([{"operator": "Exists", "effect": "NOPE"}])),
        ("spec.tolerations", json!([{"operator": "Nope", "key": "k"}])),
        ("spec.tolerations", json!([{"operator": "Exists", "key": "k", "value": "v"}])),
        ("spec.tolerations", json!([{"value": "v"}])),
        ("spec.tolerations", json!([{"key": "k", "operator": "Exists", "tolerationSeconds": 1}])),
        ("spec.volumes", json!([{"name": "v"}, {"name": "v"}])),
        ("spec.volumes", json!([{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}])),
        ("spec.volumes", json!([{"name": "A_b", "emptyDir": {}}])),
        ("spec.volumes", json!([{"name": "v", "persistentVolumeClaim": {"claimName": ""}}])),
        ("spec.volumes", json!([{"name": "v", "configMap": {}}])),
        (
            "spec.affinity",
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}),
        ),
        ("spec.affinity", json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": term}})),
        (
            "spec.affinity",
            json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}),
        ),
        (
            "spec.topologySpreadConstraints",
            json!([{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "X"}]),
        ),
        ("spec.securityContext", json!({"runAsUser": -1})),
        ("spec.hostAliases", json!([{"ip": "x"}])),
        ("metadata.labels", json!({"l": "a b"})),
        ("metadata.labels", json!({"l": "x".repeat(64)})),
        ("metadata.annotations", json!({"a b": "x"})),
        ("metadata.name", json!("x".repeat(254))),
        ("metadata.generateName", json!("A_b")),
    ]
}

fn shapes() -> Vec<Row> {
    vec![
        ("spec", json!("x")),
        ("spec", Value::Null),
        (CONTAINERS, json!("x")),
        (CONTAINERS, json!(["x"])),
        ("spec.containers.0.image", json!(3)),
        ("spec.containers.0.args", json!("x")),
        ("spec.containers.0.args", json!(["x", 1])),
        ("spec.containers.0.env", json!([{"name": "A", "value": 1}])),
        ("spec.containers.0.ports", json!([{"containerPort": "x"}])),
        ("spec.containers.0.resources", json!({"limits": []})),
        ("spec.hostNetwork", json!("yes")),
        ("spec.nodeSelector", json!({"a": 1})),
        ("spec.terminationGracePeriodSeconds", json!("x")),
        ("spec.terminationGracePeriodSeconds", json!(1.5)),
        ("metadata", json!("x")),
        ("metadata.labels", json!({"a": 1})),
        ("metadata.labels", json!(["a"])),
        ("metadata.creationTimestamp", json!("yesterday")),
    ]
}

fn services() -> Vec<Row> {
    const PORTS: &str = "spec.ports";
    vec![
        (PORTS, json!([])),
        (PORTS, json!([{"port": 0}])),
        (PORTS, json!([{"port": 70_000}])),
        (PORTS, json!([{"port": 1}, {"port": 2}])),
        (PORTS, json!([{"name": "a", "port": 1}, {"name": "b", "port": 1}])),
        (PORTS, json!([{"name": "a", "port": 1}, {"name": "a", "port": 2}])),
        (PORTS, json!([{"name": "A_b", "port": 1}])),
        (PORTS, json!([{"port": 1, "protocol": "X"}])),
        (PORTS, json!([{"port": 1, "targetPort": "A B"}])),
        (PORTS, json!([{"port": 1, "targetPort": 0, "nodePort": 1}])),
        (PORTS, json!([{"port": "x"}])),
        ("spec.type", json!("Nope")),
        ("spec.type", json!("ExternalName")),
        ("spec.selector", json!({"a b": "c"})),
        ("spec.clusterIP", json!("x")),
        ("spec.clusterIP", json!("1.2.3.4")),
        ("spec.sessionAffinity", json!("Nope")),
        ("spec.externalTrafficPolicy", json!("Local")),
        ("metadata.name", json!("1a")),
        ("metadata.name", json!("a.b")),
        ("metadata.name", json!("x".repeat(64))),
    ]
}
