//! Values that are refused.

use anyhow::Result;
use dask_operator_tests::manifest;
use serde_json::{Value, json};

use super::job;

/// A value that is refused at a path, the words of the rule, and a value in its place that is accepted.
pub(crate) struct Row(pub &'static str, pub Value, pub &'static str, pub Value);

pub(crate) const AT_LEAST_0: &str = "should be greater than or equal to 0";
pub(crate) const AT_MOST: &str = "should be less than or equal to 100000";
pub(crate) const INTEGER: &str = "must be of type integer";
const DEADLINE: &str = "must not have a deadline, its end loses all results of its workers: remove the field";
const BOUNDS: &str = "spec.minimum must not exceed spec.maximum: lower minimum or raise maximum";
const REQUIRED: &str = "Required value";
const PATTERN: &str = "should match '";

/// The API server tells only the type of a value of a wrong type and of what our rules on numbers refuse, and nothing
/// of a missing or empty one.
pub(crate) fn value_is_untold(bad: &Value, rule: &str) -> bool {
    let plain = bad.is_number() || bad.as_str().is_some_and(|text| !text.is_empty());
    !plain || [INTEGER, DEADLINE, BOUNDS].contains(&rule)
}

/// Objects, and what is refused in them.
pub(crate) fn rows() -> Result<[(Value, Vec<Row>); 6]> {
    Ok([
        (manifest::cluster("c", 1)?, clusters()),
        (manifest::cluster("c", 1)?, pods()?),
        (manifest::cluster("c", 1)?, large_pods()),
        (manifest::group("g", "c", 1)?, groups()),
        (manifest::autoscaler("a", "c", 1, 3), autoscalers()),
        (job()?, jobs()?),
    ])
}

fn clusters() -> Vec<Row> {
    let label = |value: &str| json!({"labels": {"l": value}});
    let twice = json!([{"name": "a", "port": 8786}, {"name": "b", "port": 8786}]);
    let once = json!([{"name": "a", "port": 8786}, {"name": "b", "port": 8787}]);
    vec![
        Row("spec.worker.replicas", json!(-1), AT_LEAST_0, json!(0)),
        Row("spec.worker.replicas", json!(1_000_000), AT_MOST, json!(100_000)),
        Row("spec.worker.replicas", json!(2_147_483_648_u64), AT_MOST, json!(1)),
        Row("spec.worker.replicas", json!("3"), INTEGER, json!(3)),
        Row("spec.worker.replicas", json!(2.5), INTEGER, Value::Null),
        Row("spec.worker.drainTimeout", json!(-1), AT_LEAST_0, json!(0)),
        Row(
            "spec.worker.metadata",
            label(&"x".repeat(64)),
            "may not be more than 63",
            label(&"x".repeat(63)),
        ),
        Row("spec.worker.metadata", label("a b"), PATTERN, label("a_b.C-1")),
        Row("spec.scheduler.metadata", label("-a"), PATTERN, label("")),
        Row(
            "spec.scheduler.spec",
            Value::Null,
            REQUIRED,
            json!({"containers": [{"name": "s", "image": "i"}]}),
        ),
        Row("spec.scheduler.spec.activeDeadlineSeconds", json!(1), DEADLINE, Value::Null),
        Row(
            "spec.scheduler.service.type",
            json!("Nope"),
            r#"supported values: "ClusterIP", "#,
            json!("NodePort"),
        ),
        Row("spec.scheduler.service.ports", twice, r#"[1]: Duplicate value: {"port":8786,"#, once),
        Row("spec.idleTimeout", json!(-5), AT_LEAST_0, Value::Null),
        Row("spec.idleTimeout", json!("10m"), INTEGER, json!(600)),
        Row(
            "spec.idleTimeout",
            json!(1_000_000_000_000_u64),
            "less than or equal to 2147483647",
            json!(2_147_483_647),
        ),
    ]
}

/// The rules of a pod template, which all templates share.
fn pods() -> Result<Vec<Row>> {
    const IMAGE: &str = "spec.worker.spec.containers.0.image";
    const CPU: &str = "spec.worker.spec.containers.0.resources.limits.cpu";
    let worker = manifest::cluster("c", 1)?["spec"]["worker"]["spec"]["containers"].clone();
    let container = |name: &str| json!({"name": name, "image": "i"});
    let twice = json!([container("a"), container("a")]);
    let effect = |effect: &str| json!([{"operator": "Exists", "effect": effect}]);
    Ok(vec![
        Row("spec.worker.spec.containers", json!([]), "at least 1 items", worker.clone()),
        Row("spec.worker.spec.containers", Value::Null, REQUIRED, worker),
        Row(
            "spec.worker.spec.containers",
            twice,
            r#"[1]: Duplicate value: {"name":"a"}"#,
            json!([container("a"), container("b")]),
        ),
        Row(
            "spec.worker.spec.initContainers",
            json!([{"name": "a"}]),
            "[0].image: Required value",
            json!([container("a")]),
        ),
        Row(IMAGE, Value::Null, REQUIRED, json!("dask")),
        Row(IMAGE, json!(""), "at least 1 chars", json!("host:5000/dask:1")),
        Row(IMAGE, json!("dask latest"), PATTERN, json!("dask:latest")),
        Row(IMAGE, json!(" dask"), PATTERN, json!(format!("dask@sha256:{}", "0".repeat(64)))),
        Row("spec.scheduler.spec.containers.0.image", json!("a b"), PATTERN, json!("UPPER/x")),
        Row(CPU, json!("INVALID"), PATTERN, json!("500m")),
        Row(CPU, json!("-1"), PATTERN, json!("1")),
        Row(CPU, json!(-1), AT_LEAST_0, json!(1)),
        Row("spec.worker.spec.containers.0.resources.requests.memory", json!("1 Gi"), PATTERN, json!("1Gi")),
        Row("spec.worker.spec.resources.limits.memory", json!("1GB"), PATTERN, json!("1G")),
        Row(
            "spec.worker.spec.tolerations",
            effect("NOPE"),
            r#"[0].effect: Unsupported value: "NOPE": supported values: "NoSchedule", "#,
            effect("NoExecute"),
        ),
        Row("spec.worker.spec.serviceAccountName", json!("INVALID_NAME"), PATTERN, json!("dask.worker-1")),
    ])
}

/// Lists and texts of a pod template that are too long.
fn large_pods() -> Vec<Row> {
    vec![
        Row(
            "spec.worker.spec.containers.0.env",
            variables(2_001),
            "must have at most 2000 items",
            variables(2_000),
        ),
        Row("spec.worker.spec.containers.0.args", words(2_001), "must have at most 2000 items", words(2_000)),
        Row(
            "spec.worker.spec.containers.0.args",
            json!(["x".repeat(131_073)]),
            "may not be more than 131072",
            json!(["x".repeat(131_072)]),
        ),
        Row("spec.worker.metadata", annotations(257), "must have at most 256 items", annotations(256)),
    ]
}

fn variables(count: usize) -> Value {
    (0..count).map(|n| json!({"name": format!("V{n}"), "value": "x"})).collect()
}

fn words(count: usize) -> Value {
    (0..count).map(|_| json!("x")).collect()
}

fn annotations(count: usize) -> Value {
    let annotations: serde_json::Map<String, Value> =
        (0..count).map(|n| (format!("a{n}"), json!("x"))).collect();
    json!({"annotations": annotations})
}

fn groups() -> Vec<Row> {
    vec![
        Row("spec.cluster", Value::Null, REQUIRED, json!("c")),
        Row(
            "spec.cluster",
            json!("ns/c"),
            "must be the name of a DaskCluster in the same namespace",
            json!("a.b"),
        ),
        Row("spec.worker.replicas", json!(100_001), AT_MOST, json!(100_000)),
        Row("spec.worker.spec.containers.0.image", Value::Null, REQUIRED, json!("i")),
    ]
}

fn autoscalers() -> Vec<Row> {
    let group = "must be the name of a DaskWorkerGroup in the same namespace";
    vec![
        Row("spec.minimum", json!(5), BOUNDS, json!(3)),
        Row("spec.minimum", json!(-1), AT_LEAST_0, Value::Null),
        Row("spec.maximum", json!(-1), AT_LEAST_0, Value::Null),
        Row(
            "spec.cluster",
            json!("ns/c"),
            "must be the name of a DaskCluster in the same namespace",
            json!("c"),
        ),
        Row(
            "spec.cluster",
            json!(""),
            "must be the name of a DaskCluster in the same namespace",
            json!("1abc"),
        ),
        Row("spec.workerGroup", json!("ns/g"), group, json!("g")),
    ]
}

fn jobs() -> Result<Vec<Row>> {
    let containers = job()?["spec"]["job"]["spec"]["containers"].clone();
    let ends = "must be Never or OnFailure";
    let label = |value: &str| json!({"labels": {"l": value}});
    Ok(vec![
        Row("spec.job.spec.containers", Value::Null, REQUIRED, containers),
        Row("spec.job.spec.restartPolicy", json!("Always"), ends, json!("Never")),
        Row("spec.job.spec.restartPolicy", json!("Nope"), ends, Value::Null),
        Row("spec.job.startTimeout", json!(-1), AT_LEAST_0, json!(0)),
        Row("spec.job.startTimeout", json!("1m"), INTEGER, json!(60)),
        Row("spec.job.metadata", label("a/b"), PATTERN, label("a.b")),
        Row("spec.cluster.spec.worker.replicas", json!(-1), AT_LEAST_0, json!(0)),
        Row("spec.cluster.spec.scheduler.spec.activeDeadlineSeconds", json!(9), DEADLINE, Value::Null),
        Row("spec.cluster.spec.worker.spec.containers.0.image", json!("a b"), PATTERN, json!("a")),
    ])
}
