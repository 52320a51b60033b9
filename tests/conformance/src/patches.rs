//! JSON patches, strategic merge patches, and what is no patch.

use anyhow::Result;
use futures::FutureExt;
use serde_json::json;

use super::{
    Case, Ground,
    answer::same,
    ground::Patch,
    manifests::{KINDS, config_map, group, object, pod, version},
};

pub(super) const CASES: &[Case] = &[
    Case::new("JSON patch: its operations", |g| json_patch(g).boxed_local()),
    Case::new("JSON patch: a test that fails", |g| json_patch_test(g).boxed_local()),
    Case::new("JSON patch: a path that is not there", |g| json_patch_path(g).boxed_local()),
    Case::new("JSON patch: from a version that is stale", |g| json_patch_stale(g).boxed_local()),
    Case::new("JSON patch: no list", |g| json_patch_no_list(g).boxed_local()),
    Case::new("patch: content types that are none", |g| content_types(g).boxed_local()),
    Case::new("strategic merge patch: a kind of ours", |g| strategic_ours(g).boxed_local()),
    Case::new("strategic merge patch: a built-in kind", |g| strategic(g).boxed_local()),
];

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
