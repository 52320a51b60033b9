//! Our four kinds: defaults, pruning, unknown fields, and what their schemas and rules refuse.

use anyhow::{Result, ensure};
use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::same,
    ground::Patch,
    manifests::{autoscaler, cluster, group, job, pod, service},
    refused::{Row, refused},
};

pub(super) const CASES: &[Case] = &[
    Case::new("schema: defaults", |g| defaults(g).boxed_local()),
    Case::new("schema: null in place of a default", |g| nulls(g).boxed_local()),
    Case::new("schema: unknown fields are dropped", |g| pruned(g).boxed_local()),
    Case::new("schema: unknown fields are told as asked", |g| field_validation(g).boxed_local()),
    Case::new("schema: unknown fields of built-in kinds", |g| built_in_fields(g).boxed_local()),
    Case::new("schema: unknown fields in patches", |g| patched_fields(g).boxed_local()),
    Case::new("schema: fields that stand twice", |g| twice(g).boxed_local()),
    Case::new("schema: nullable", |g| nullable(g).boxed_local()),
    Case::new("schema: numbers", |g| numbers(g).boxed_local()),
    Case::new("refused: clusters", |g| refused(g, "daskclusters", cluster("c"), clusters()).boxed_local()),
    Case::new("refused: templates of pods", |g| {
        refused(g, "daskclusters", cluster("c"), templates()).boxed_local()
    }),
    Case::new("refused: groups", |g| refused(g, "daskworkergroups", group("g"), groups()).boxed_local()),
    Case::new("refused: autoscalers", |g| {
        refused(g, "daskautoscalers", autoscaler("a"), autoscalers()).boxed_local()
    }),
    Case::new("refused: jobs", |g| refused(g, "daskjobs", job("j"), jobs()).boxed_local()),
    Case::new("refused: two faults", |g| two_faults(g).boxed_local()),
    Case::new("refused: a group that moves", |g| moved(g).boxed_local()),
];

async fn defaults(ground: Ground) -> Result<()> {
    let mut body = cluster("a");
    if let Some(worker) = body["spec"]["worker"].as_object_mut() {
        worker.remove("replicas");
    }
    ground.told("schema/cluster", ground.post("daskclusters", &body).await?)?;
    ground.told("schema/job", ground.post("daskjobs", &job("a")).await?)?;
    ground.told("schema/autoscaler", ground.post("daskautoscalers", &autoscaler("a")).await?)
}

async fn nulls(ground: Ground) -> Result<()> {
    let mut body = cluster("a");
    body["spec"]["worker"]["replicas"] = Value::Null;
    body["spec"]["idleTimeout"] = Value::Null;
    body["spec"]["worker"]["resources"] = Value::Null;
    body["spec"]["worker"]["spec"]["nodeSelector"] = Value::Null;
    body["spec"]["scheduler"]["service"]["selector"] = Value::Null;
    ground.told("schema/nulls", ground.post("daskclusters", &body).await?)
}

async fn pruned(ground: Ground) -> Result<()> {
    let mut body = group("a");
    body["spec"]["nope"] = json!(1);
    body["spec"]["worker"]["spec"]["containers"][0]["nope"] = json!({"a": [1]});
    body["nope"] = json!(1);
    body["metadata"]["nope"] = json!(1);
    ground.told("schema/pruned", ground.post("daskworkergroups?fieldValidation=Ignore", &body).await?)
}

fn unknown(name: &str) -> Value {
    let mut body = group(name);
    body["spec"]["nope"] = json!(1);
    body["spec"]["worker"]["spec"]["containers"][0]["nope"] = json!(1);
    body
}

async fn field_validation(ground: Ground) -> Result<()> {
    for how in ["Strict", "Warn", "Ignore", "Nope"] {
        let answer =
            ground.post(&format!("daskworkergroups?dryRun=All&fieldValidation={how}"), &unknown("a")).await?;
        ground.told(&format!("schema/{how}"), answer)?;
    }
    ground.told("schema/unsaid", ground.post("daskworkergroups?dryRun=All", &unknown("a")).await?)?;
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let mut body = unknown("a");
    body["metadata"] = made["metadata"].clone();
    ground.told("schema/Strict put", ground.put("daskworkergroups/a?fieldValidation=Strict", &body).await?)
}

async fn built_in_fields(ground: Ground) -> Result<()> {
    let mut body = pod("a");
    body["spec"]["nope"] = json!(1);
    body["spec"]["containers"][0]["nope"] = json!(1);
    body["metadata"]["nope"] = json!(1);
    for how in ["Strict", "Warn", "Ignore"] {
        let answer = ground.post(&format!("pods?dryRun=All&fieldValidation={how}"), &body).await?;
        ground.told(&format!("schema/{how} of a pod"), answer)?;
    }
    Ok(())
}

async fn patched_fields(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    let patch = json!({"spec": {"nope": 1}});
    for how in ["Strict", "Warn", "Ignore"] {
        let path = format!("daskworkergroups/a?dryRun=All&fieldValidation={how}");
        ground.told(&format!("schema/{how} merge patch"), ground.merge(&path, &patch).await?)?;
    }
    let patch = json!([{"op": "add", "path": "/spec/nope", "value": 1}]);
    let answer =
        ground.patch(Patch::Json, "daskworkergroups/a?dryRun=All&fieldValidation=Strict", &patch).await?;
    ground.told("schema/Strict JSON patch", answer)
}

async fn twice(ground: Ground) -> Result<()> {
    let text = group("a").to_string().replace(r#""cluster":"nobody""#, r#""cluster":"x","cluster":"nobody""#);
    ensure!(text.contains(r#""x""#), "nothing stands twice");
    let headers = [("content-type", "application/json")];
    for how in ["Strict", "Warn", "Ignore"] {
        let path = format!("daskworkergroups?dryRun=All&fieldValidation={how}");
        ground.told(
            &format!("schema/{how} twice"),
            ground.ask(Method::POST, &path, &headers, text.clone()).await?,
        )?;
    }
    Ok(())
}

async fn nullable(ground: Ground) -> Result<()> {
    ground.create("daskjobs", &job("a")).await?;
    let patch = json!([{"op": "add", "path": "/status", "value": {"jobStatus": null, "startTime": null}}]);
    let seen = ground.patch(Patch::Json, "daskjobs/a/status", &patch).await?.ok(200)?;
    same("status", &seen["status"], &json!({"jobStatus": null, "startTime": null}))?;
    let mut body = seen.clone();
    body["status"] = json!({"jobStatus": "JobCreated", "startTime": null});
    let seen = ground.put("daskjobs/a/status", &body).await?.ok(200)?;
    same("status", &seen["status"], &json!({"jobStatus": "JobCreated", "startTime": null}))
}

async fn numbers(ground: Ground) -> Result<()> {
    let mut body = group("a");
    body["spec"]["worker"]["replicas"] = json!(3.0);
    let seen = ground.post("daskworkergroups?dryRun=All", &body).await?;
    ground.told("schema/3.0", seen)?;
    let text = body.to_string().replace("3.0", "3e0");
    let headers = [("content-type", "application/json")];
    let answer = ground.ask(Method::POST, "daskworkergroups?dryRun=All", &headers, text).await?;
    ground.told("schema/3e0", answer)
}

fn clusters() -> Vec<Row> {
    let labels = |value: &str| json!({"labels": {"l": value}});
    vec![
        ("spec", Value::Null),
        ("spec", json!("x")),
        ("spec", json!({})),
        ("spec.worker.replicas", json!(-1)),
        ("spec.worker.replicas", json!(1_000_000)),
        ("spec.worker.replicas", json!(2_147_483_648_u64)),
        ("spec.worker.replicas", json!("3")),
        ("spec.worker.replicas", json!(2.5)),
        ("spec.worker.replicas", json!(true)),
        ("spec.worker.drainTimeout", json!(-1)),
        ("spec.worker.metadata", labels(&"x".repeat(64))),
        ("spec.worker.metadata", labels("a b")),
        ("spec.worker.metadata", json!({"labels": {"l": 1}})),
        ("spec.scheduler", Value::Null),
        ("spec.scheduler.spec", Value::Null),
        ("spec.scheduler.spec.activeDeadlineSeconds", json!(1)),
        ("spec.scheduler.service", json!({})),
        ("spec.scheduler.service.type", json!("Nope")),
        ("spec.scheduler.service.ports", json!([])),
        ("spec.scheduler.service.ports", json!([{"name": "a", "port": 8786}, {"name": "b", "port": 8786}])),
        ("spec.scheduler.service.ports", json!([{"name": "a", "port": 0}])),
        ("spec.scheduler.service.ports", json!([{"name": "a", "port": 70_000}])),
        ("spec.scheduler.service.ports", json!([{"name": "a", "port": "x"}])),
        ("spec.scheduler.service.ports", json!([{"name": "a"}])),
        ("spec.scheduler.service.selector", json!({"a": 1})),
        ("spec.idleTimeout", json!(-5)),
        ("spec.idleTimeout", json!("10m")),
        ("spec.idleTimeout", json!(1_000_000_000_000_u64)),
        ("metadata.labels", json!({"l": "a b"})),
        ("metadata.name", json!("a_b")),
        ("metadata.name", json!("x".repeat(254))),
        ("metadata.annotations", json!({"a": 1})),
    ]
}

fn templates() -> Vec<Row> {
    let container = |name: &str| json!({"name": name, "image": "i"});
    let effect = json!([{"operator": "Exists", "effect": "NOPE"}]);
    const CONTAINERS: &str = "spec.worker.spec.containers";
    vec![
        (CONTAINERS, json!([])),
        (CONTAINERS, Value::Null),
        (CONTAINERS, json!({"name": "a"})),
        (CONTAINERS, json!(["a"])),
        (CONTAINERS, json!([container("a"), container("a")])),
        (CONTAINERS, json!([{"image": "i"}])),
        ("spec.worker.spec.initContainers", json!([{"name": "a"}])),
        ("spec.worker.spec.containers.0.image", Value::Null),
        ("spec.worker.spec.containers.0.image", json!("")),
        ("spec.worker.spec.containers.0.image", json!(3)),
        ("spec.worker.spec.containers.0.image", json!("dask latest")),
        ("spec.worker.spec.containers.0.image", json!(" dask")),
        ("spec.worker.spec.containers.0.resources.limits.cpu", json!("INVALID")),
        ("spec.worker.spec.containers.0.resources.limits.cpu", json!(-1)),
        ("spec.worker.spec.containers.0.resources.limits.cpu", json!([])),
        ("spec.worker.spec.containers.0.resources.requests.memory", json!("1 Gi")),
        ("spec.worker.spec.containers.0.env", json!([{"name": "A", "value": 1}])),
        ("spec.worker.spec.containers.0.env", json!([{"value": "x"}])),
        ("spec.worker.spec.containers.0.ports", json!([{"containerPort": "x"}])),
        ("spec.worker.spec.containers.0.args", json!(["a", 1])),
        ("spec.worker.spec.containers.0.args", json!("a")),
        ("spec.worker.spec.volumes", json!([{"emptyDir": {}}])),
        ("spec.worker.spec.tolerations", effect),
        ("spec.worker.spec.serviceAccountName", json!("INVALID_NAME")),
        ("spec.worker.spec.restartPolicy", json!("Sometimes")),
        ("spec.worker.spec.hostNetwork", json!("yes")),
        ("spec.scheduler.spec.containers.0.image", json!("a b")),
    ]
}

fn groups() -> Vec<Row> {
    vec![
        ("spec.cluster", Value::Null),
        ("spec.cluster", json!("ns/c")),
        ("spec.cluster", json!("")),
        ("spec.worker", Value::Null),
        ("spec.worker.replicas", json!(100_001)),
        ("spec.worker.spec.containers.0.image", Value::Null),
        ("status", json!({"replicas": "x"})),
    ]
}

fn autoscalers() -> Vec<Row> {
    vec![
        ("spec.minimum", json!(5)),
        ("spec.minimum", json!(-1)),
        ("spec.minimum", json!("x")),
        ("spec.maximum", json!(-1)),
        ("spec.cluster", json!("ns/c")),
        ("spec.cluster", json!("")),
        ("spec.cluster", Value::Null),
        ("spec.workerGroup", json!("ns/g")),
    ]
}

fn jobs() -> Vec<Row> {
    vec![
        ("spec.job", Value::Null),
        ("spec.job.spec.containers", Value::Null),
        ("spec.job.spec.restartPolicy", json!("Always")),
        ("spec.job.spec.restartPolicy", json!("Nope")),
        ("spec.job.startTimeout", json!(-1)),
        ("spec.job.startTimeout", json!("1m")),
        ("spec.job.metadata", json!({"labels": {"l": "a/b"}})),
        ("spec.cluster.spec.worker.replicas", json!(-1)),
        ("spec.cluster.spec.scheduler.spec.activeDeadlineSeconds", json!(9)),
        ("spec.cluster.spec.worker.spec.containers.0.image", json!("a b")),
    ]
}

async fn two_faults(ground: Ground) -> Result<()> {
    let mut body = cluster("a");
    body["spec"]["worker"]["replicas"] = json!(-1);
    body["spec"]["scheduler"]["spec"]["activeDeadlineSeconds"] = json!(1);
    body["spec"]["scheduler"]["service"]["type"] = json!("Nope");
    body["spec"]["worker"]["spec"]["containers"][0]["image"] = json!("a b");
    ground.told("refused/two of ours", ground.post("daskclusters", &body).await?)?;
    let mut body = service("a");
    body["spec"]["ports"] = json!([{"port": 0, "protocol": "X"}]);
    ground.told("refused/two of a service", ground.post("services", &body).await?)
}

async fn moved(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    let other = json!({"spec": {"cluster": "other"}});
    ground.told("refused/moved", ground.merge("daskworkergroups/a", &other).await?)?;
    let bad = json!({"spec": {"worker": {"replicas": -1}}});
    ground.told("refused/merge patch", ground.merge("daskworkergroups/a", &bad).await?)
}
