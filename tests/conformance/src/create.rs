//! Creating objects: what the server adds, and what it refuses.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    manifests::{config_map, group, pod},
};

pub(super) const CASES: &[Case] = &[
    Case::new("create: metadata is the server's", |g| metadata(g).boxed_local()),
    Case::new("create: generateName", |g| generate_name(g).boxed_local()),
    Case::new("create: generateName with a name", |g| both_names(g).boxed_local()),
    Case::new("create: twice", |g| twice(g).boxed_local()),
    Case::new("create: twice in a dry run", |g| dry_run_twice(g).boxed_local()),
    Case::new("create: in a namespace that is not there", |g| no_namespace(g).boxed_local()),
    Case::new("create: of another namespace", |g| other_namespace(g).boxed_local()),
    Case::new("create: another kind in the body", |g| other_kind(g).boxed_local()),
    Case::new("create: another version in the body", |g| other_version(g).boxed_local()),
    Case::new("create: a built-in kind without kind and version", |g| without_kind(g).boxed_local()),
    Case::new("create: with a resourceVersion", |g| with_version(g).boxed_local()),
    Case::new("create: a bad name", |g| bad_name(g).boxed_local()),
    Case::new("create: without a name", |g| no_name(g).boxed_local()),
    Case::new("create: a dry run leaves nothing", |g| dry_run(g).boxed_local()),
    Case::new("create: a dry run of another kind", |g| bad_dry_run(g).boxed_local()),
    Case::new("create: not JSON", |g| not_json(g).boxed_local()),
    Case::new("create: what is the server's is overwritten", |g| servers_own(g).boxed_local()),
    Case::new("create: bad labels and annotations", |g| bad_labels(g).boxed_local()),
    Case::new("create: bad owner references", |g| bad_owners(g).boxed_local()),
    Case::new("create: bad finalizers", |g| bad_finalizers(g).boxed_local()),
];

async fn metadata(ground: Ground) -> Result<()> {
    for (resource, body, generation) in [
        ("configmaps", config_map("a"), Value::Null),
        ("pods", pod("a"), json!(1)),
        ("daskworkergroups", group("a"), json!(1)),
    ] {
        let made = ground.create(resource, &body).await?;
        let metadata = &made["metadata"];
        let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_string();
        ensure!(text("uid").len() == 36 && text("uid").matches('-').count() == 4, "uid: {metadata}");
        ensure!(text("resourceVersion").parse::<u64>().is_ok_and(|v| v > 0), "resourceVersion: {metadata}");
        let time = text("creationTimestamp");
        ensure!(time.parse::<jiff::Timestamp>().is_ok() && time.len() == 20, "creationTimestamp: {metadata}");
        same("generation", &metadata["generation"], &generation)?;
        same("namespace", &metadata["namespace"], &json!(ground.namespace))?;
        same("selfLink", &metadata["selfLink"], &Value::Null)?;
        same("what is got", &ground.get(&format!("{resource}/a")).await?.ok(200)?, &made)?;
    }
    Ok(())
}

async fn generate_name(ground: Ground) -> Result<()> {
    let mut body = config_map("");
    body["metadata"] = json!({"generateName": "some-"});
    let first = ground.create("configmaps", &body).await?;
    let second = ground.create("configmaps", &body).await?;
    let name = |made: &Value| made["metadata"]["name"].as_str().unwrap_or_default().to_string();
    ensure!(name(&first) != name(&second), "one name for two");
    ensure!(name(&first).starts_with("some-") && name(&first).len() == 10, "{}", name(&first));
    same("generateName", &first["metadata"]["generateName"], &json!("some-"))?;
    body["metadata"] = json!({"generateName": "x".repeat(200)});
    let answer = ground.post("configmaps", &body).await?;
    ensure!(answer.code == 201, "a long one is cut: {}", answer.text);
    same("length", &json!(name(&answer.body).len()), &json!(63))
}

async fn both_names(ground: Ground) -> Result<()> {
    let mut body = config_map("a");
    body["metadata"]["generateName"] = json!("some-");
    let made = ground.create("configmaps", &body).await?;
    has("metadata", &made["metadata"], &json!({"name": "a", "generateName": "some-"}))
}

async fn twice(ground: Ground) -> Result<()> {
    for (resource, body, group) in [
        ("configmaps", config_map("a"), Value::Null),
        ("daskworkergroups", group("a"), json!("kubernetes.dask.org")),
    ] {
        ground.create(resource, &body).await?;
        let mut details = json!({"name": "a", "kind": resource});
        let mut whole = resource.to_string();
        if let Some(group) = group.as_str() {
            details["group"] = json!(group);
            whole = format!("{resource}.{group}");
        }
        let words = format!("{whole} \"a\" already exists");
        ground.post(resource, &body).await?.refused(409, "AlreadyExists", &words, details)?;
    }
    Ok(())
}

async fn dry_run_twice(ground: Ground) -> Result<()> {
    ground.create("configmaps", &config_map("a")).await?;
    let details = json!({"name": "a", "kind": "configmaps"});
    let answer = ground.post("configmaps?dryRun=All", &config_map("a")).await?;
    answer.refused(409, "AlreadyExists", "configmaps \"a\" already exists", details)
}

async fn no_namespace(ground: Ground) -> Result<()> {
    for (path, body) in [
        ("/api/v1/namespaces/is-not-there/configmaps", config_map("a")),
        ("/apis/kubernetes.dask.org/v1/namespaces/is-not-there/daskworkergroups", group("a")),
    ] {
        let details = json!({"name": "is-not-there", "kind": "namespaces"});
        let words = "namespaces \"is-not-there\" not found";
        ground.post(path, &body).await?.refused(404, "NotFound", words, details)?;
    }
    Ok(())
}

async fn other_namespace(ground: Ground) -> Result<()> {
    let mut body = config_map("a");
    body["metadata"]["namespace"] = json!("other");
    let words = "the namespace of the provided object does not match the namespace sent on the request";
    ground.post("configmaps", &body).await?.refused(400, "BadRequest", words, Value::Null)
}

async fn other_kind(ground: Ground) -> Result<()> {
    let answer = ground.post("configmaps", &pod("a")).await?;
    let words = "Pod in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion";
    answer.refused(400, "BadRequest", words, Value::Null)?;
    let mut body = group("a");
    body["kind"] = json!("DaskCluster");
    let answer = ground.post("daskworkergroups", &body).await?;
    ground.told("create/other_kind", answer)
}

async fn other_version(ground: Ground) -> Result<()> {
    let mut body = group("a");
    body["apiVersion"] = json!("kubernetes.dask.org/v2");
    let answer = ground.post("daskworkergroups", &body).await?;
    ground.told("create/other_version", answer)
}

async fn without_kind(ground: Ground) -> Result<()> {
    let body = json!({"metadata": {"name": "a"}});
    let made = ground.create("configmaps", &body).await?;
    has("configmap", &made, &json!({"kind": "ConfigMap", "apiVersion": "v1"}))?;
    let answer = ground.post("daskworkergroups", &json!({"metadata": {"name": "a"}, "spec": {}})).await?;
    ground.told("create/without_kind", answer)
}

async fn with_version(ground: Ground) -> Result<()> {
    for (resource, mut body) in [("configmaps", config_map("a")), ("daskworkergroups", group("a"))] {
        body["metadata"]["resourceVersion"] = json!("7");
        let words = "resourceVersion should not be set on objects to be created";
        same("status", &ground.post(resource, &body).await?.ok(500)?["message"], &json!(words))?;
    }
    Ok(())
}

async fn bad_name(ground: Ground) -> Result<()> {
    let rule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let message = format!("Invalid value: \"A_b\": {rule}");
    for (resource, body, kind) in
        [("configmaps", config_map("A_b"), "ConfigMap"), ("pods", pod("A_b"), "Pod")]
    {
        let details = json!({
            "name": "A_b", "kind": kind,
            "causes": [{"reason": "FieldValueInvalid", "message": message, "field": "metadata.name"}],
        });
        let words = format!("{kind} \"A_b\" is invalid: metadata.name: {message}");
        ground.post(resource, &body).await?.refused(422, "Invalid", &words, details)?;
    }
    Ok(())
}

async fn no_name(ground: Ground) -> Result<()> {
    let mut body = config_map("");
    body["metadata"] = json!({});
    let message = "Required value: name or generateName is required";
    let details = json!({
        "kind": "ConfigMap",
        "causes": [{"reason": "FieldValueRequired", "message": message, "field": "metadata.name"}],
    });
    let words = format!("ConfigMap \"\" is invalid: metadata.name: {message}");
    ground.post("configmaps", &body).await?.refused(422, "Invalid", &words, details)
}

async fn dry_run(ground: Ground) -> Result<()> {
    for (resource, body) in
        [("configmaps", config_map("a")), ("pods", pod("a")), ("daskworkergroups", group("a"))]
    {
        let made = ground.create(&format!("{resource}?dryRun=All"), &body).await?;
        ensure!(made["metadata"]["uid"].is_string(), "no uid: {made}");
        same("resourceVersion", &made["metadata"]["resourceVersion"], &Value::Null)?;
        ground.get(&format!("{resource}/a")).await?.ok(404)?;
    }
    Ok(())
}

async fn bad_dry_run(ground: Ground) -> Result<()> {
    let answer = ground.post("configmaps?dryRun=Some", &config_map("a")).await?;
    ground.told("create/bad_dry_run", answer)
}

async fn not_json(ground: Ground) -> Result<()> {
    let headers = [("content-type", "application/json")];
    let answer = ground.ask(http::Method::POST, "configmaps", &headers, "{").await?;
    ensure!(answer.code == 400 && answer.body["reason"] == "BadRequest", "{}", answer.text);
    let headers = [("content-type", "text/plain")];
    let answer = ground.ask(http::Method::POST, "configmaps", &headers, "{}").await?;
    ground.told("create/not_json", answer)
}

async fn servers_own(ground: Ground) -> Result<()> {
    let mut body = group("a");
    body["metadata"]["uid"] = json!("11111111-1111-1111-1111-111111111111");
    body["metadata"]["generation"] = json!(7);
    body["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    body["metadata"]["deletionTimestamp"] = json!("2001-01-01T00:00:00Z");
    body["metadata"]["deletionGracePeriodSeconds"] = json!(3);
    body["status"] = json!({"replicas": 3});
    let made = ground.create("daskworkergroups", &body).await?;
    ensure!(made["metadata"]["uid"] != body["metadata"]["uid"], "its uid was taken");
    ensure!(
        made["metadata"]["creationTimestamp"] != body["metadata"]["creationTimestamp"],
        "its time was taken"
    );
    let wanted = json!({"generation": 1, "deletionTimestamp": null, "deletionGracePeriodSeconds": null});
    has("metadata", &made["metadata"], &wanted)?;
    same("status", &made["status"], &Value::Null)
}

async fn bad_labels(ground: Ground) -> Result<()> {
    let mut body = config_map("a");
    body["metadata"]["labels"] = json!({"c": "-"});
    body["metadata"]["annotations"] = json!({"/": "x"});
    ground.told("create/bad_labels", ground.post("configmaps", &body).await?)
}

async fn bad_owners(ground: Ground) -> Result<()> {
    let mut body = config_map("a");
    body["metadata"]["ownerReferences"] = json!([{"apiVersion": "", "kind": "", "name": "", "uid": ""}]);
    ground.told("create/bad_owners", ground.post("configmaps", &body).await?)?;
    let owner =
        |uid: &str| json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid, "controller": true});
    body["metadata"]["ownerReferences"] = json!([owner("a"), owner("b")]);
    ground.told("create/bad_owners 2", ground.post("configmaps", &body).await?)
}

async fn bad_finalizers(ground: Ground) -> Result<()> {
    let mut body = config_map("a");
    body["metadata"]["finalizers"] = json!(["plain"]);
    ground.told("create/bad_finalizers", ground.post("configmaps", &body).await?)?;
    body["metadata"]["finalizers"] = json!(["a b/c"]);
    ground.told("create/bad_finalizers 2", ground.post("configmaps", &body).await?)
}
