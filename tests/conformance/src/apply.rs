//! Server-side apply: who owns what, conflicts, and what happens to a field that is not applied any more.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    applied::{DASK, apply, entry, managers, only_managers, scrubbed, small},
    ground::Patch,
    manifests::{config_map, deployment, pod},
};

pub(super) const CASES: &[Case] = &[
    Case::new("apply: creates, and changes nothing again", |g| creates(g).boxed_local()),
    Case::new("apply: what others own is a conflict", |g| conflict(g).boxed_local()),
    Case::new("apply: two conflicts with two managers", |g| conflicts(g).boxed_local()),
    Case::new("apply: force takes it over", |g| force(g).boxed_local()),
    Case::new("apply: the same value is shared", |g| shared(g).boxed_local()),
    Case::new("apply: a field that is dropped", |g| dropped(g).boxed_local()),
    Case::new("apply: maps of others stay", |g| maps(g).boxed_local()),
    Case::new("apply: containers are merged by name", |g| containers(g).boxed_local()),
    Case::new("apply: a scale by another manager", |g| scaled(g).boxed_local()),
    Case::new("apply: after a create by another manager", |g| after_create(g).boxed_local()),
    Case::new("apply: the status", |g| status(g).boxed_local()),
    Case::new("apply: without a manager", |g| no_manager(g).boxed_local()),
    Case::new("apply: bad requests", |g| bad_requests(g).boxed_local()),
    Case::new("apply: a dry run", |g| dry_run(g).boxed_local()),
    Case::new("apply: YAML", |g| yaml(g).boxed_local()),
    Case::new("apply: a Deployment and a Pod", |g| built_in(g).boxed_local()),
    Case::new("managed fields: of creates, patches and subresources", |g| managed(g).boxed_local()),
    Case::new("managed fields: the name of the manager", |g| manager_name(g).boxed_local()),
];

async fn creates(ground: Ground) -> Result<()> {
    let made = apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(201)?;
    let container = json!({"k:{\"name\":\"worker\"}": {".": {}, "f:image": {}, "f:name": {}}});
    let fields = json!({"f:spec": {"f:cluster": {}, "f:worker": {"f:replicas": {}, "f:spec": {"f:containers": container}}}});
    same("managers", &managers(&made), &json!([entry("one", "Apply", DASK, fields)]))?;
    let again = apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(200)?;
    same("again", &again, &made)?;
    let changed = apply(&ground, "one", "daskworkergroups/a", &small(3)).await?.ok(200)?;
    has("changed", &changed, &json!({"metadata": {"generation": 2}, "spec": {"worker": {"replicas": 3}}}))
}

async fn conflict(ground: Ground) -> Result<()> {
    apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(201)?;
    let message = "conflict with \"one\": .spec.worker.replicas";
    let words = format!("Apply failed with 1 conflict: {message}");
    let cause = json!({"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".spec.worker.replicas"});
    let answer = apply(&ground, "two", "daskworkergroups/a", &small(3)).await?;
    answer.refused(409, "Conflict", &words, json!({"causes": [cause]}))
}

async fn conflicts(ground: Ground) -> Result<()> {
    apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(201)?;
    ground
        .merge(
            "daskworkergroups/a?fieldManager=patcher",
            &json!({"metadata": {"labels": {"x": "1", "y": "1"}}}),
        )
        .await?
        .ok(200)?;
    let mut body = small(3);
    body["metadata"]["labels"] = json!({"x": "2", "y": "2"});
    ground.told("apply/conflicts", scrubbed(apply(&ground, "two", "daskworkergroups/a", &body).await?))
}

async fn force(ground: Ground) -> Result<()> {
    apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(201)?;
    let seen = apply(&ground, "two", "daskworkergroups/a?force=true", &small(3)).await?.ok(200)?;
    same("replicas", &seen["spec"]["worker"]["replicas"], &json!(3))?;
    ground.told("apply/forced", only_managers(&seen))?;
    // The first one gave it up; applying another value again is a conflict with the second one.
    let words = apply(&ground, "one", "daskworkergroups/a", &small(2)).await?;
    ground.told("apply/conflict after force", words)
}

async fn shared(ground: Ground) -> Result<()> {
    apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(201)?;
    let seen = apply(&ground, "two", "daskworkergroups/a", &small(2)).await?.ok(200)?;
    ground.told("apply/shared", only_managers(&seen))?;
    // Shared by two: the one that changes it is in conflict with the other.
    ground.told("apply/conflict of sharers", apply(&ground, "one", "daskworkergroups/a", &small(3)).await?)
}

async fn dropped(ground: Ground) -> Result<()> {
    let mut body = small(2);
    body["metadata"]["labels"] = json!({"x": "1", "y": "1"});
    body["spec"]["worker"]["drainTimeout"] = json!(7);
    apply(&ground, "one", "daskworkergroups/a", &body).await?.ok(201)?;
    let mut other = json!({"apiVersion": DASK, "kind": "DaskWorkerGroup", "metadata": {"name": "a", "labels": {"y": "1"}}});
    apply(&ground, "two", "daskworkergroups/a", &other).await?.ok(200)?;
    body["metadata"]["labels"] = json!({});
    if let Some(worker) = body["spec"]["worker"].as_object_mut() {
        worker.remove("drainTimeout");
        worker.remove("replicas");
    }
    let seen = apply(&ground, "one", "daskworkergroups/a", &body).await?.ok(200)?;
    // The default comes back; what another one applies stays.
    has(
        "object",
        &seen,
        &json!({
            "metadata": {"labels": {"y": "1"}}, "spec": {"worker": {"drainTimeout": null, "replicas": 1}},
        }),
    )?;
    ground.told("apply/dropped", only_managers(&seen))?;
    other["metadata"]["labels"] = Value::Null;
    let seen = apply(&ground, "two", "daskworkergroups/a", &other).await?.ok(200)?;
    same("labels", &seen["metadata"]["labels"], &Value::Null)
}

async fn maps(ground: Ground) -> Result<()> {
    let body = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
    apply(&ground, "one", "configmaps/a", &body(json!({"a": "1"}))).await?.ok(201)?;
    apply(&ground, "two", "configmaps/a", &body(json!({"b": "2"}))).await?.ok(200)?;
    let seen = apply(&ground, "one", "configmaps/a", &body(json!({"c": "3"}))).await?.ok(200)?;
    same("data", &seen["data"], &json!({"b": "2", "c": "3"}))?;
    ground.told("apply/maps", only_managers(&seen))
}

async fn containers(ground: Ground) -> Result<()> {
    apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(201)?;
    let more = json!({
        "apiVersion": DASK, "kind": "DaskWorkerGroup", "metadata": {"name": "a"},
        "spec": {"worker": {"spec": {"containers": [{"name": "side", "image": "s"}, {"name": "worker", "args": ["x"]}]}}},
    });
    let seen = apply(&ground, "two", "daskworkergroups/a", &more).await?.ok(200)?;
    let wanted = json!([{"name": "side", "image": "s"}, {"name": "worker", "image": "i", "args": ["x"]}]);
    // The order is that of the last one who applied.
    same("containers", &seen["spec"]["worker"]["spec"]["containers"], &wanted)?;
    ground.told("apply/containers", only_managers(&seen))?;
    // The first one stops applying its container; the second one's part alone is no whole one.
    let mut body = small(2);
    body["spec"]["worker"]["spec"]["containers"] = json!([{"name": "other", "image": "o"}]);
    ground.told("apply/container dropped", apply(&ground, "one", "daskworkergroups/a", &body).await?)
}

async fn scaled(ground: Ground) -> Result<()> {
    apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(201)?;
    ground
        .merge("daskworkergroups/a/scale?fieldManager=scaler", &json!({"spec": {"replicas": 5}}))
        .await?
        .ok(200)?;
    let seen = ground.get("daskworkergroups/a").await?.ok(200)?;
    ground.told("apply/scaled", only_managers(&seen))?;
    let answer = apply(&ground, "one", "daskworkergroups/a", &small(2)).await?;
    ground.told("apply/conflict with scale", scrubbed(answer))?;
    let mut body = small(2);
    if let Some(worker) = body["spec"]["worker"].as_object_mut() {
        worker.remove("replicas");
    }
    let seen = apply(&ground, "one", "daskworkergroups/a", &body).await?.ok(200)?;
    same("replicas", &seen["spec"]["worker"]["replicas"], &json!(5))
}

async fn after_create(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups?fieldManager=creator", &small(2)).await?;
    let seen = apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(200)?;
    ground.told("apply/after create", only_managers(&seen))?;
    ground.told(
        "apply/conflict with create",
        scrubbed(apply(&ground, "one", "daskworkergroups/a", &small(3)).await?),
    )
}

async fn status(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups?fieldManager=creator", &small(2)).await?;
    let body = |n: i32| json!({"apiVersion": DASK, "kind": "DaskWorkerGroup", "metadata": {"name": "a"}, "status": {"replicas": n}});
    let seen = apply(&ground, "one", "daskworkergroups/a/status", &body(1)).await?.ok(200)?;
    same("replicas", &seen["status"]["replicas"], &json!(1))?;
    ground.told("apply/status", only_managers(&seen))?;
    ground
        .told("apply/conflict of status", apply(&ground, "two", "daskworkergroups/a/status", &body(2)).await?)
}

async fn no_manager(ground: Ground) -> Result<()> {
    ground.told("apply/no manager", ground.patch(Patch::Apply, "daskworkergroups/a", &small(2)).await?)?;
    ground.told(
        "apply/force of a merge patch",
        ground.merge("daskworkergroups/a?force=true", &json!({})).await?,
    )
}

async fn bad_requests(ground: Ground) -> Result<()> {
    let mut body = small(2);
    body["metadata"]["managedFields"] = json!([entry("x", "Apply", DASK, json!({}))]);
    ground.told("apply/with managedFields", apply(&ground, "one", "daskworkergroups/a", &body).await?)?;
    let mut body = small(2);
    body["metadata"]["name"] = json!("b");
    ground.told("apply/other name", apply(&ground, "one", "daskworkergroups/a", &body).await?)?;
    let mut body = small(2);
    body["spec"]["nope"] = json!(1);
    ground.told("apply/unknown field", apply(&ground, "one", "daskworkergroups/a", &body).await?)?;
    ground.told(
        "apply/no kind",
        apply(&ground, "one", "daskworkergroups/a", &json!({"metadata": {"name": "a"}})).await?,
    )?;
    let mut body = small(2);
    body["metadata"]["uid"] = json!("11111111-1111-1111-1111-111111111111");
    ground.told(
        "apply/uid of what is not there",
        apply(&ground, "one", "daskworkergroups/b?dryRun=All", &body).await?,
    )?;
    let container = json!({"name": "a", "image": "i"});
    let mut body = small(2);
    body["spec"]["worker"]["spec"]["containers"] = json!([container, container]);
    ground.told("apply/container twice", apply(&ground, "one", "daskworkergroups/a", &body).await?)
}

async fn dry_run(ground: Ground) -> Result<()> {
    apply(&ground, "one", "daskworkergroups/a?dryRun=All", &small(2)).await?.ok(201)?;
    ground.get("daskworkergroups/a").await?.ok(404)?;
    let made = apply(&ground, "one", "daskworkergroups/a", &small(2)).await?.ok(201)?;
    apply(&ground, "one", "daskworkergroups/a?dryRun=All", &small(3)).await?.ok(200)?;
    same("stored", &ground.get("daskworkergroups/a").await?.ok(200)?, &made)
}

async fn yaml(ground: Ground) -> Result<()> {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n";
    let headers = [("content-type", "application/apply-patch+yaml")];
    let seen =
        ground.ask(http::Method::PATCH, "configmaps/a?fieldManager=one", &headers, text).await?.ok(201)?;
    same("data", &seen["data"], &json!({"k": "v"}))
}

async fn built_in(ground: Ground) -> Result<()> {
    let seen = apply(&ground, "one", "pods/a", &pod("a")).await?.ok(201)?;
    ground.told("apply/pod", only_managers(&seen))?;
    let seen = apply(&ground, "one", "deployments/a?dryRun=All", &deployment("a")).await?.ok(201)?;
    ground.told("apply/deployment", only_managers(&seen))?;
    let mut body = pod("a");
    body["spec"]["containers"][0]["image"] = json!("j");
    ground.told("apply/conflict of a pod", apply(&ground, "two", "pods/a", &body).await?)
}

async fn managed(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups?fieldManager=creator", &small(2)).await?;
    ground
        .merge("daskworkergroups/a?fieldManager=patcher", &json!({"metadata": {"labels": {"x": "1"}}}))
        .await?
        .ok(200)?;
    ground
        .merge("daskworkergroups/a/status?fieldManager=creator", &json!({"status": {"replicas": 1}}))
        .await?
        .ok(200)?;
    ground
        .merge("daskworkergroups/a/scale?fieldManager=scaler", &json!({"spec": {"replicas": 5}}))
        .await?
        .ok(200)?;
    let seen = ground.get("daskworkergroups/a").await?.ok(200)?;
    ground.told("managed/group", only_managers(&seen))?;
    let seen = ground.create("configmaps?fieldManager=creator", &config_map("a")).await?;
    ground.told("managed/configmap", only_managers(&seen))
}

async fn manager_name(ground: Ground) -> Result<()> {
    let headers = [("content-type", "application/json"), ("user-agent", "tool/1.0 (linux)")];
    let body = config_map("a").to_string();
    let seen = ground.ask(http::Method::POST, "configmaps", &headers, body).await?.ok(201)?;
    same("manager", &managers(&seen)[0]["manager"], &json!("tool"))?;
    let long = "x".repeat(129);
    ground.told(
        "managed/long name",
        ground.post(&format!("configmaps?fieldManager={long}"), &config_map("b")).await?,
    )?;
    let made = ground.create("configmaps?fieldManager=some", &config_map("c")).await?;
    ensure!(managers(&made)[0]["manager"] == "some", "{}", managers(&made));
    Ok(())
}
