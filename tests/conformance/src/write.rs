//! Replacing whole objects, and what of a pod can be changed.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::json;

use super::{
    Case, Ground,
    answer::same,
    ground::Patch,
    manifests::{KINDS, config_map, deployment, group, object, pod, version},
};

pub(super) const CASES: &[Case] = &[
    Case::new("replace: with and without a resourceVersion", |g| replace(g).boxed_local()),
    Case::new("replace: from a version that is stale", |g| stale(g).boxed_local()),
    Case::new("replace: what is not there", |g| replace_missing(g).boxed_local()),
    Case::new("replace: no change, no version", |g| replace_nothing(g).boxed_local()),
    Case::new("replace: another uid", |g| replace_uid(g).boxed_local()),
    Case::new("replace: another name", |g| replace_name(g).boxed_local()),
    Case::new("replace: a dry run", |g| replace_dry(g).boxed_local()),
    Case::new("replace: the generation counts changes of the spec", |g| generation(g).boxed_local()),
    Case::new("replace: what is the server's stays", |g| servers_own(g).boxed_local()),
    Case::new("pod: what cannot be changed", |g| immutable(g).boxed_local()),
    Case::new("pod: what can be changed", |g| mutable(g).boxed_local()),
];

async fn replace(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let mut first = ground.create(resource, &object(resource, "a")).await?;
        let path = format!("{resource}/a");
        first["metadata"]["labels"] = json!({"x": "1"});
        let mut second = ground.put(&path, &first).await?.ok(200)?;
        ensure!(version(&first) != version(&second), "the version stayed");
        if let Some(metadata) = second["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        second["metadata"]["labels"] = json!({"x": "2"});
        let answer = ground.put(&path, &second).await?;
        if resource != "configmaps" {
            // Only some built-in kinds may be replaced whatever they are by now.
            ground.told("replace/without version", answer)?;
            continue;
        }
        let third = answer.ok(200)?;
        same("labels", &third["metadata"]["labels"], &json!({"x": "2"}))?;
        same("uid", &third["metadata"]["uid"], &first["metadata"]["uid"])?;
    }
    Ok(())
}

async fn stale(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let path = format!("{resource}/a");
        let mut first = ground.create(resource, &object(resource, "a")).await?;
        ground.merge(&path, &json!({"metadata": {"labels": {"x": "1"}}})).await?.ok(200)?;
        first["metadata"]["labels"] = json!({"x": "2"});
        ground.told(&format!("replace/stale {resource}"), ground.put(&path, &first).await?)?;
    }
    Ok(())
}

async fn replace_missing(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let mut body = object(resource, "a");
        body["metadata"]["resourceVersion"] = json!("1");
        ground.told(
            &format!("replace/missing {resource}"),
            ground.put(&format!("{resource}/a"), &body).await?,
        )?;
    }
    let body = group("a");
    let answer = ground.put("daskworkergroups/a", &body).await?;
    ground.told("replace/missing without version", answer)
}

async fn replace_nothing(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let first = ground.create(resource, &object(resource, "a")).await?;
        let second = ground.put(&format!("{resource}/a"), &first).await?.ok(200)?;
        same("object", &second, &first)?;
    }
    Ok(())
}

async fn replace_uid(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let mut body = ground.create(resource, &object(resource, "a")).await?;
        let uid = body["metadata"]["uid"].clone();
        body["metadata"]["uid"] = json!("11111111-1111-1111-1111-111111111111");
        let answer = ground.put(&format!("{resource}/a"), &body).await?;
        let message = answer.body["message"].as_str().unwrap_or_default();
        let wanted = format!(
            "Precondition failed: UID in precondition: 11111111-1111-1111-1111-111111111111, UID in object meta: {}",
            uid.as_str().unwrap_or_default()
        );
        ensure!(answer.code == 409 && message.contains(&wanted), "{}", answer.text);
    }
    Ok(())
}

async fn replace_name(ground: Ground) -> Result<()> {
    let mut body = ground.create("configmaps", &config_map("a")).await?;
    body["metadata"]["name"] = json!("b");
    ground.told("replace/other name", ground.put("configmaps/a", &body).await?)?;
    let mut body = ground.create("daskworkergroups", &group("a")).await?;
    body["metadata"]["name"] = json!("b");
    ground.told("replace/other name of ours", ground.put("daskworkergroups/a", &body).await?)
}

async fn replace_dry(ground: Ground) -> Result<()> {
    let mut body = ground.create("daskworkergroups", &group("a")).await?;
    let before = body.clone();
    body["spec"]["worker"]["replicas"] = json!(7);
    let dry = ground.put("daskworkergroups/a?dryRun=All", &body).await?.ok(200)?;
    same("replicas", &dry["spec"]["worker"]["replicas"], &json!(7))?;
    same("what is stored", &ground.get("daskworkergroups/a").await?.ok(200)?, &before)
}

async fn generation(ground: Ground) -> Result<()> {
    // A Deployment's annotations count, too.
    let cases = [
        ("daskworkergroups", group("a"), "/spec/worker/replicas", json!([1, 1, 2])),
        ("deployments", deployment("a"), "/spec/paused", json!([1, 2, 3])),
    ];
    for (resource, body, field, wanted) in cases {
        let path = format!("{resource}/a");
        let made = ground.create(resource, &body).await?;
        let value = if field.ends_with("paused") { json!(true) } else { json!(5) };
        let labels = ground.merge(&path, &json!({"metadata": {"annotations": {"x": "1"}}})).await?.ok(200)?;
        let change = json!([{"op": "add", "path": field, "value": value}]);
        let spec = ground.patch(Patch::Json, &path, &change).await?.ok(200)?;
        let seen = [&made, &labels, &spec].map(|object| object["metadata"]["generation"].clone());
        same(&format!("generations of {resource}"), &json!(seen), &wanted)?;
    }
    Ok(())
}

async fn servers_own(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let mut body = made.clone();
    body["metadata"]["generation"] = json!(9);
    body["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
    body["metadata"]["labels"] = json!({"x": "1"});
    let answer = ground.put("daskworkergroups/a", &body).await?.ok(200)?;
    let mut wanted = made["metadata"].clone();
    wanted["labels"] = json!({"x": "1"});
    for key in ["resourceVersion", "managedFields"] {
        wanted[key] = answer["metadata"][key].clone();
    }
    same("metadata", &answer["metadata"], &wanted)?;
    body["metadata"]["resourceVersion"] = version(&answer);
    body["metadata"]["deletionTimestamp"] = json!("2001-01-01T00:00:00Z");
    ground.told("replace/deletionTimestamp", ground.put("daskworkergroups/a", &body).await?)
}

async fn immutable(ground: Ground) -> Result<()> {
    let mut made = ground.create("pods", &pod("a")).await?;
    // The whole text has the difference of two structures of Go in it.
    let patch = json!([{"op": "replace", "path": "/spec/containers/0/name", "value": "b"}]);
    let answer = ground.patch(Patch::Json, "pods/a", &patch).await?;
    let cause = &answer.body["details"]["causes"][0];
    same(
        "cause",
        &json!([answer.code, cause["reason"], cause["field"]]),
        &json!([422, "FieldValueForbidden", "spec"]),
    )?;
    let words = "Pod \"a\" is invalid: spec: Forbidden: pod updates may not change fields other than \
                 `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
                 `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` \
                 (allow it to be set to 1 if it was previously negative)\n";
    let message = answer.body["message"].as_str().unwrap_or_default();
    ensure!(message.starts_with(words), "{message}");
    made["spec"]["containers"] = json!([{"name": "main", "image": "i"}, {"name": "more", "image": "i"}]);
    ground.told("pod/another container", ground.put("pods/a", &made).await?)?;
    let patch = json!({"spec": {"nodeName": "n"}});
    same("code", &json!(ground.merge("pods/a", &patch).await?.code), &json!(422))
}

async fn mutable(ground: Ground) -> Result<()> {
    ground.create("pods", &pod("a")).await?;
    let patch = json!([
        {"op": "replace", "path": "/spec/containers/0/image", "value": "j"},
        {"op": "add", "path": "/spec/activeDeadlineSeconds", "value": 100},
        {"op": "add", "path": "/spec/tolerations/-", "value": {"key": "k", "operator": "Exists"}},
    ]);
    let seen = ground.patch(Patch::Json, "pods/a", &patch).await?.ok(200)?;
    same("generation", &seen["metadata"]["generation"], &json!(2))
}
