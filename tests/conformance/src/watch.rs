//! Watching: events, selectors, bookmarks, ends.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    manifests::{config_map, group, pod},
    stream::Stream,
};

pub(super) const CASES: &[Case] = &[
    Case::new("watch: from a version", |g| from_version(g).boxed_local()),
    Case::new("watch: from nothing, what there is comes first", |g| from_nothing(g).boxed_local()),
    Case::new("watch: from 0", |g| from_zero(g).boxed_local()),
    Case::new("watch: into a label selector and out of it", |g| label_selector(g).boxed_local()),
    Case::new("watch: a field selector", |g| field_selector(g).boxed_local()),
    Case::new("watch: status and scale are changes", |g| subresources(g).boxed_local()),
    Case::new("watch: a deletion's steps", |g| deletion(g).boxed_local()),
    Case::new("watch: no event for no change", |g| no_change(g).boxed_local()),
    Case::new("watch: bookmarks and the end", |g| bookmarks(g).boxed_local()),
    Case::new("watch: the end without bookmarks", |g| ends(g).boxed_local()),
    Case::new("watch: a version that is too old", |g| too_old(g).boxed_local()),
    Case::new("watch: a version that is none", |g| bad_version(g).boxed_local()),
    Case::new("watch: two at once", |g| two(g).boxed_local()),
    Case::new("watch: all namespaces", |g| all_namespaces(g).boxed_local()),
    Case::new("watch: initial events", |g| initial_events(g).boxed_local()),
];

fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default()
}

async fn now(ground: &Ground, resource: &str) -> Result<String> {
    let list = ground.get(resource).await?.ok(200)?;
    Ok(version(&list).to_string())
}

/// A watch from now on.
async fn watch(ground: &Ground, resource: &str, query: &str) -> Result<Stream> {
    let version = now(ground, resource).await?;
    ground.watch(&format!("{resource}?resourceVersion={version}&timeoutSeconds=60{query}")).await
}

fn labels(x: Option<&str>) -> Value {
    json!({"metadata": {"labels": {"x": x}}})
}

async fn from_version(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let changed = ground.merge("daskworkergroups/a", &labels(Some("1"))).await?.ok(200)?;
    let mut watch = ground
        .watch(&format!("daskworkergroups?resourceVersion={}&timeoutSeconds=60", version(&made)))
        .await?;
    same("change", &watch.expect("MODIFIED", "a").await?, &changed)?;
    ground.delete("daskworkergroups/a", &Value::Null).await?.ok(200)?;
    let gone = watch.expect("DELETED", "a").await?;
    let number = |object: &Value| version(object).parse::<u64>();
    ensure!(number(&gone)? > number(&changed)?, "the deletion has no version of its own");
    let made = ground.create("daskworkergroups", &group("a")).await?;
    same("creation", &watch.expect("ADDED", "a").await?, &made)
}

async fn from_nothing(ground: Ground) -> Result<()> {
    let made = ground
        .create("configmaps", &{
            let mut body = config_map("a");
            body["metadata"]["labels"] = json!({"x": "1"});
            body
        })
        .await?;
    let mut watch = ground.watch("configmaps?timeoutSeconds=60&labelSelector=x").await?;
    same("what there is", &watch.expect("ADDED", "a").await?, &made)?;
    ground.merge("configmaps/a", &json!({"data": {"a": "2"}})).await?.ok(200)?;
    watch.expect("MODIFIED", "a").await?;
    Ok(())
}

async fn from_zero(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    ground.create("daskworkergroups", &group("b")).await?;
    // What is served from a cache may lag a little.
    ground
        .until("the cache", async || {
            let list = ground.get("daskworkergroups?resourceVersion=0").await?.ok(200)?;
            ensure!(list["items"].as_array().is_some_and(|items| items.len() == 2), "{list}");
            Ok(())
        })
        .await?;
    let mut watch = ground.watch("daskworkergroups?resourceVersion=0&timeoutSeconds=60").await?;
    watch.expect("ADDED", "a").await?;
    watch.expect("ADDED", "b").await?;
    Ok(())
}

async fn label_selector(ground: Ground) -> Result<()> {
    let mut watch = watch(&ground, "daskworkergroups", "&labelSelector=x%3D1").await?;
    ground.create("daskworkergroups", &group("a")).await?;
    let into = ground.merge("daskworkergroups/a", &labels(Some("1"))).await?.ok(200)?;
    same("into it", &watch.expect("ADDED", "a").await?, &into)?;
    ground.merge("daskworkergroups/a", &json!({"spec": {"worker": {"replicas": 7}}})).await?.ok(200)?;
    let within = watch.expect("MODIFIED", "a").await?;
    let out = ground.merge("daskworkergroups/a", &labels(Some("2"))).await?.ok(200)?;
    // It is the object as it was, with the version of the change.
    let mut wanted = within.clone();
    wanted["metadata"]["resourceVersion"] = out["metadata"]["resourceVersion"].clone();
    same("out of it", &watch.expect("DELETED", "a").await?, &wanted)?;
    ground.delete("daskworkergroups/a", &Value::Null).await?.ok(200)?;
    let mut other = group("b");
    other["metadata"]["labels"] = json!({"x": "1"});
    ground.create("daskworkergroups", &other).await?;
    watch.expect("ADDED", "b").await?;
    Ok(())
}

async fn field_selector(ground: Ground) -> Result<()> {
    let mut watch = watch(&ground, "pods", "&fieldSelector=status.phase%3DRunning").await?;
    ground.create("pods", &pod("a")).await?;
    ground.merge("pods/a/status", &json!({"status": {"phase": "Running"}})).await?.ok(200)?;
    watch.expect("ADDED", "a").await?;
    ground.merge("pods/a/status", &json!({"status": {"phase": "Failed"}})).await?.ok(200)?;
    let seen = watch.expect("DELETED", "a").await?;
    same("phase", &seen["status"]["phase"], &json!("Running"))
}

async fn subresources(ground: Ground) -> Result<()> {
    let mut watch = watch(&ground, "daskworkergroups", "").await?;
    ground.create("daskworkergroups", &group("a")).await?;
    watch.expect("ADDED", "a").await?;
    ground.merge("daskworkergroups/a/status", &json!({"status": {"replicas": 1}})).await?.ok(200)?;
    let seen = watch.expect("MODIFIED", "a").await?;
    same("status", &seen["status"]["replicas"], &json!(1))?;
    ground.merge("daskworkergroups/a/scale", &json!({"spec": {"replicas": 4}})).await?.ok(200)?;
    let seen = watch.expect("MODIFIED", "a").await?;
    same("scale", &seen["spec"]["worker"]["replicas"], &json!(4))
}

async fn deletion(ground: Ground) -> Result<()> {
    let mut watch = watch(&ground, "pods", "").await?;
    let mut body = pod("a");
    body["spec"]["nodeName"] = json!("is-not-there");
    ground.create("pods", &body).await?;
    watch.expect("ADDED", "a").await?;
    ground.delete("pods/a", &Value::Null).await?.ok(200)?;
    let seen = watch.expect("MODIFIED", "a").await?;
    same("grace", &seen["metadata"]["deletionGracePeriodSeconds"], &json!(30))?;
    ground.delete("pods/a", &json!({"gracePeriodSeconds": 0})).await?.ok(200)?;
    // The last state has the grace that it ended with.
    let mut seen = watch.next().await?.context("the watch ended")?;
    if seen["type"] == "MODIFIED" {
        seen = watch.next().await?.context("the watch ended")?;
    }
    has(
        "last",
        &seen,
        &json!({"type": "DELETED", "object": {"metadata": {"name": "a", "deletionGracePeriodSeconds": 0}}}),
    )
}

async fn no_change(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let mut watch = watch(&ground, "daskworkergroups", "").await?;
    ground.put("daskworkergroups/a", &made).await?.ok(200)?;
    ground.merge("daskworkergroups/a", &json!({})).await?.ok(200)?;
    ground.merge("daskworkergroups/a?dryRun=All", &labels(Some("1"))).await?.ok(200)?;
    ground.create("daskworkergroups", &group("b")).await?;
    watch.expect("ADDED", "b").await?;
    Ok(())
}

async fn bookmarks(ground: Ground) -> Result<()> {
    let version = now(&ground, "daskworkergroups").await?;
    let path =
        format!("daskworkergroups?resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=4");
    let mut watch = ground.watch(&path).await?;
    ground.create("daskworkergroups", &group("a")).await?;
    let made = watch.expect("ADDED", "a").await?;
    // One comes shortly before the end, if not before.
    let mut seen = 0;
    while let Some(event) = watch.next().await? {
        same("type", &event["type"], &json!("BOOKMARK"))?;
        let object = &event["object"];
        has("bookmark", object, &json!({"kind": "DaskWorkerGroup", "apiVersion": "kubernetes.dask.org/v1"}))?;
        let number = |object: &Value| {
            object["metadata"]["resourceVersion"].as_str().unwrap_or_default().parse::<u64>()
        };
        ensure!(number(object)? >= number(&made)?, "an old version: {object}");
        seen += 1;
    }
    ensure!(seen > 0, "no bookmark came");
    Ok(())
}

async fn ends(ground: Ground) -> Result<()> {
    let version = now(&ground, "daskworkergroups").await?;
    let path = format!("daskworkergroups?resourceVersion={version}&timeoutSeconds=1");
    ground.watch(&path).await?.ends().await
}

async fn too_old(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    ground.compact();
    let mut watch = ground.watch("daskworkergroups?resourceVersion=1&timeoutSeconds=60").await?;
    let event = watch.next().await?.context("the watch ended")?;
    let wanted = json!({
        "type": "ERROR",
        "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410},
    });
    has("event", &event, &wanted)?;
    let message = event["object"]["message"].as_str().unwrap_or_default();
    ensure!(message.starts_with("too old resource version: 1 ("), "{message}");
    watch.ends().await
}

async fn bad_version(ground: Ground) -> Result<()> {
    ground.told("watch/version", ground.get("daskworkergroups?watch=true&resourceVersion=x").await?)?;
    ground.told(
        "watch/match",
        ground.get("pods?watch=true&resourceVersionMatch=Exact&resourceVersion=1").await?,
    )
}

async fn two(ground: Ground) -> Result<()> {
    let mut first = watch(&ground, "daskworkergroups", "").await?;
    let mut second = watch(&ground, "daskworkergroups", "").await?;
    ground.create("daskworkergroups", &group("a")).await?;
    let one = first.expect("ADDED", "a").await?;
    same("event", &second.expect("ADDED", "a").await?, &one)
}

async fn all_namespaces(ground: Ground) -> Result<()> {
    let path = "/apis/kubernetes.dask.org/v1/daskworkergroups";
    let version = now(&ground, path).await?;
    let mut watch = ground
        .watch(&format!(
            "{path}?resourceVersion={version}&timeoutSeconds=60&fieldSelector=metadata.namespace%3D{}",
            ground.namespace
        ))
        .await?;
    ground.create("daskworkergroups", &group("a")).await?;
    watch.expect("ADDED", "a").await?;
    Ok(())
}

async fn initial_events(ground: Ground) -> Result<()> {
    let bad = ground.get("daskworkergroups?watch=true&sendInitialEvents=true").await?;
    ground.told("watch/initial events without match", bad)
}
