//! Replacing and patching whole objects.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    ground::Patch,
    manifests::{config_map, deployment, group, pod},
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
    Case::new("merge patch: null removes, lists are replaced", |g| merge(g).boxed_local()),
    Case::new("merge patch: from a version that is stale", |g| merge_stale(g).boxed_local()),
    Case::new("merge patch: another uid", |g| merge_uid(g).boxed_local()),
    Case::new("merge patch: no change, no version", |g| merge_nothing(g).boxed_local()),
    Case::new("merge patch: what is not there", |g| merge_missing(g).boxed_local()),
    Case::new("merge patch: a dry run", |g| merge_dry(g).boxed_local()),
    Case::new("merge patch: name, kind and namespace", |g| merge_identity(g).boxed_local()),
    Case::new("merge patch: no object", |g| merge_no_object(g).boxed_local()),
    Case::new("merge patch: what is the server's", |g| merge_servers_own(g).boxed_local()),
    Case::new("JSON patch: its operations", |g| json_patch(g).boxed_local()),
    Case::new("JSON patch: a test that fails", |g| json_patch_test(g).boxed_local()),
    Case::new("JSON patch: a path that is not there", |g| json_patch_path(g).boxed_local()),
    Case::new("JSON patch: from a version that is stale", |g| json_patch_stale(g).boxed_local()),
    Case::new("JSON patch: no list", |g| json_patch_no_list(g).boxed_local()),
    Case::new("patch: content types that are none", |g| content_types(g).boxed_local()),
    Case::new("strategic merge patch: a kind of ours", |g| strategic_ours(g).boxed_local()),
    Case::new("strategic merge patch: a built-in kind", |g| strategic(g).boxed_local()),
    Case::new("pod: what cannot be changed", |g| immutable(g).boxed_local()),
    Case::new("pod: what can be changed", |g| mutable(g).boxed_local()),
];

const KINDS: [&str; 2] = ["configmaps", "daskworkergroups"];

fn object(resource: &str, name: &str) -> Value {
    if resource == "configmaps" { config_map(name) } else { group(name) }
}

fn version(object: &Value) -> Value {
    object["metadata"]["resourceVersion"].clone()
}

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

async fn merge(ground: Ground) -> Result<()> {
    let mut body = group("a");
    body["metadata"]["labels"] = json!({"x": "1", "y": "2"});
    ground.create("daskworkergroups", &body).await?;
    let container = json!({"name": "other", "image": "j"});
    let patch = json!({
        "metadata": {"labels": {"x": null, "z": "3", "gone": null}},
        "spec": {"worker": {"spec": {"containers": [container]}}},
    });
    let seen = ground.merge("daskworkergroups/a", &patch).await?.ok(200)?;
    same("labels", &seen["metadata"]["labels"], &json!({"y": "2", "z": "3"}))?;
    same("containers", &seen["spec"]["worker"]["spec"]["containers"], &json!([container]))?;
    let seen = ground.merge("daskworkergroups/a", &json!({"metadata": {"labels": null}})).await?.ok(200)?;
    same("labels", &seen["metadata"]["labels"], &Value::Null)
}

async fn merge_stale(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let path = format!("{resource}/a");
        let first = ground.create(resource, &object(resource, "a")).await?;
        let right = json!({"metadata": {"resourceVersion": version(&first), "labels": {"x": "1"}}});
        ground.merge(&path, &right).await?.ok(200)?;
        let wrong = json!({"metadata": {"resourceVersion": version(&first), "labels": {"x": "2"}}});
        ground.told(&format!("merge/stale {resource}"), ground.merge(&path, &wrong).await?)?;
        // Even if nothing else is said.
        let wrong = json!({"metadata": {"resourceVersion": version(&first)}});
        ground.told(&format!("merge/stale and empty {resource}"), ground.merge(&path, &wrong).await?)?;
    }
    Ok(())
}

async fn merge_uid(ground: Ground) -> Result<()> {
    for resource in KINDS {
        ground.create(resource, &object(resource, "a")).await?;
        let patch =
            json!({"metadata": {"uid": "11111111-1111-1111-1111-111111111111", "labels": {"x": "1"}}});
        // Other than a replacement, it is no conflict.
        ground
            .told(&format!("merge/uid {resource}"), ground.merge(&format!("{resource}/a"), &patch).await?)?;
    }
    Ok(())
}

async fn merge_nothing(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let path = format!("{resource}/a");
        let first = ground.create(resource, &object(resource, "a")).await?;
        for patch in
            [json!({}), json!({"metadata": {"labels": {"gone": null}}}), json!({"metadata": {"name": "a"}})]
        {
            let second = ground.merge(&path, &patch).await?.ok(200)?;
            same("version", &version(&second), &version(&first))?;
        }
    }
    Ok(())
}

async fn merge_missing(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let answer =
            ground.merge(&format!("{resource}/a"), &json!({"metadata": {"labels": {"x": "1"}}})).await?;
        ground.told(&format!("merge/missing {resource}"), answer)?;
    }
    Ok(())
}

async fn merge_dry(ground: Ground) -> Result<()> {
    let before = ground.create("daskworkergroups", &group("a")).await?;
    let patch = json!({"spec": {"worker": {"replicas": 7}}});
    let dry = ground.merge("daskworkergroups/a?dryRun=All", &patch).await?.ok(200)?;
    let seen = json!([dry["spec"]["worker"]["replicas"], dry["metadata"]["generation"], version(&dry)]);
    same("what would be", &seen, &json!([7, 2, version(&before)]))?;
    same("what is stored", &ground.get("daskworkergroups/a").await?.ok(200)?, &before)
}

async fn merge_identity(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let path = format!("{resource}/a");
        ground.create(resource, &object(resource, "a")).await?;
        let patches = [
            ("name", json!({"metadata": {"name": "b"}})),
            ("namespace", json!({"metadata": {"namespace": "b"}})),
            ("kind", json!({"kind": "Pod"})),
            ("version", json!({"apiVersion": "v7"})),
        ];
        for (what, patch) in patches {
            ground.told(&format!("merge/other {what} of {resource}"), ground.merge(&path, &patch).await?)?;
        }
    }
    Ok(())
}

async fn merge_no_object(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    ground.told("merge/a list", ground.merge("daskworkergroups/a", &json!([1])).await?)?;
    ground.told("merge/a text", ground.merge("daskworkergroups/a", &json!("x")).await?)?;
    ground.told("merge/spec is a text", ground.merge("daskworkergroups/a", &json!({"spec": "x"})).await?)?;
    ground.told("merge/spec is null", ground.merge("daskworkergroups/a", &json!({"spec": null})).await?)
}

async fn merge_servers_own(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let patch = json!({"metadata": {
        "generation": 9, "creationTimestamp": "2001-01-01T00:00:00Z",
    }});
    let seen = ground.merge("daskworkergroups/a", &patch).await?.ok(200)?;
    has(
        "metadata",
        &seen["metadata"],
        &json!({
            "generation": 1, "creationTimestamp": made["metadata"]["creationTimestamp"], "deletionTimestamp": null,
            "resourceVersion": version(&made),
        }),
    )
}

async fn json_patch(ground: Ground) -> Result<()> {
    let mut body = config_map("a");
    body["data"] = json!({"a": "1", "b": "2", "c": "3"});
    ground.create("configmaps", &body).await?;
    let patch = json!([
        {"op": "test", "path": "/data/a", "value": "1"},
        {"op": "replace", "path": "/data/a", "value": "11"},
        {"op": "remove", "path": "/data/b"},
        {"op": "move", "from": "/data/c", "path": "/data/d"},
        {"op": "copy", "from": "/data/d", "path": "/data/e~1f"},
    ]);
    // A key with a slash is none of a ConfigMap's.
    ground.told("json patch/bad key", ground.patch(Patch::Json, "configmaps/a", &patch).await?)?;
    let patch = json!([
        {"op": "replace", "path": "/data/a", "value": "11"},
        {"op": "remove", "path": "/data/b"},
        {"op": "move", "from": "/data/c", "path": "/data/d"},
        {"op": "copy", "from": "/data/d", "path": "/data/e"},
        {"op": "add", "path": "/metadata/labels", "value": {}},
        {"op": "add", "path": "/metadata/labels/a~1b", "value": "x"},
    ]);
    let seen = ground.patch(Patch::Json, "configmaps/a", &patch).await?.ok(200)?;
    same("data", &seen["data"], &json!({"a": "11", "d": "3", "e": "3"}))?;
    same("labels", &seen["metadata"]["labels"], &json!({"a/b": "x"}))
}

async fn json_patch_test(ground: Ground) -> Result<()> {
    for resource in KINDS {
        let path = format!("{resource}/a");
        ground.create(resource, &object(resource, "a")).await?;
        let patch = json!([{"op": "test", "path": "/metadata/name", "value": "b"}]);
        ground
            .told(&format!("json patch/test {resource}"), ground.patch(Patch::Json, &path, &patch).await?)?;
    }
    Ok(())
}

async fn json_patch_path(ground: Ground) -> Result<()> {
    ground.create("configmaps", &config_map("a")).await?;
    for (what, patch) in [
        ("remove", json!([{"op": "remove", "path": "/data/gone"}])),
        ("replace", json!([{"op": "replace", "path": "/data/gone", "value": "x"}])),
        ("add", json!([{"op": "add", "path": "/gone/gone", "value": "x"}])),
        ("test", json!([{"op": "test", "path": "/data/gone", "value": "x"}])),
        ("no operation", json!([{"op": "nope", "path": "/data/a", "value": "x"}])),
    ] {
        ground.told(
            &format!("json patch/path {what}"),
            ground.patch(Patch::Json, "configmaps/a", &patch).await?,
        )?;
    }
    Ok(())
}

async fn json_patch_stale(ground: Ground) -> Result<()> {
    let first = ground.create("configmaps", &config_map("a")).await?;
    ground.merge("configmaps/a", &json!({"data": {"a": "2"}})).await?.ok(200)?;
    let patch = json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version(&first)},
        {"op": "replace", "path": "/data/a", "value": "3"},
    ]);
    ground.told("json patch/stale", ground.patch(Patch::Json, "configmaps/a", &patch).await?)
}

async fn json_patch_no_list(ground: Ground) -> Result<()> {
    ground.create("configmaps", &config_map("a")).await?;
    ground.told("json patch/no list", ground.patch(Patch::Json, "configmaps/a", &json!({"op": "x"})).await?)
}

async fn content_types(ground: Ground) -> Result<()> {
    for resource in KINDS {
        ground.create(resource, &object(resource, "a")).await?;
        for (what, kind) in [("json", "application/json"), ("text", "text/plain")] {
            let headers = [("content-type", kind)];
            let answer = ground.ask(http::Method::PATCH, &format!("{resource}/a"), &headers, "{}").await?;
            ground.told(&format!("patch/{what} of {resource}"), answer)?;
        }
    }
    Ok(())
}

async fn strategic_ours(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    ground.told("strategic/ours", ground.patch(Patch::Strategic, "daskworkergroups/a", &json!({})).await?)
}

async fn strategic(ground: Ground) -> Result<()> {
    ground.create("pods", &pod("a")).await?;
    let patch = json!({
        "metadata": {"labels": {"x": "1"}},
        "spec": {"containers": [{"name": "main", "image": "j"}]},
    });
    let seen = ground.patch(Patch::Strategic, "pods/a", &patch).await?.ok(200)?;
    let container = &seen["spec"]["containers"][0];
    let seen = json!([seen["metadata"]["labels"], container["image"], container["imagePullPolicy"]]);
    same("pod", &seen, &json!([{"x": "1"}, "j", "Always"]))
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
