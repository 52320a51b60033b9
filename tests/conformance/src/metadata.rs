//! Metadata alone: PartialObjectMetadata of every verb.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    manifests::{group, pod},
};

pub(super) const CASES: &[Case] = &[
    Case::new("metadata: get", |g| metadata_get(g).boxed_local()),
    Case::new("metadata: list", |g| metadata_list(g).boxed_local()),
    Case::new("metadata: patch", |g| metadata_patch(g).boxed_local()),
    Case::new("metadata: watch", |g| metadata_watch(g).boxed_local()),
    Case::new("metadata: what is no kind of answer", |g| not_acceptable(g).boxed_local()),
];

const ONE: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

fn labels(x: Option<&str>) -> Value {
    json!({"metadata": {"labels": {"x": x}}})
}

async fn metadata_get(ground: Ground) -> Result<()> {
    let mut body = group("a");
    body["metadata"]["labels"] = json!({"x": "1"});
    let made = ground.create("daskworkergroups", &body).await?;
    let answer = ground.get_as("daskworkergroups/a", ONE).await?;
    ensure!(answer.content_type.starts_with("application/json"), "{}", answer.content_type);
    let wanted = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]});
    same("metadata", &answer.ok(200)?, &wanted)?;
    // The first that it can do counts.
    let accept = format!("{ONE}, application/json");
    same("of two", &ground.get_as("daskworkergroups/a", &accept).await?.ok(200)?, &wanted)?;
    ground.told("metadata/missing", ground.get_as("daskworkergroups/b", ONE).await?)
}

async fn metadata_list(ground: Ground) -> Result<()> {
    let made = ground.create("pods", &pod("a")).await?;
    let list = ground.get_as("pods", LIST).await?.ok(200)?;
    has("list", &list, &json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}))?;
    let wanted = json!([{"metadata": made["metadata"]}]);
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let seen: Vec<Value> = items.iter().map(|item| json!({"metadata": item["metadata"]})).collect();
    same("items", &json!(seen), &wanted)?;
    has("item", &list["items"][0], &json!({"spec": null, "status": null}))?;
    let item = &list["items"][0];
    same(
        "kind of an item",
        &json!([item["kind"], item["apiVersion"]]),
        &json!(["PartialObjectMetadata", "meta.k8s.io/v1"]),
    )
}

async fn metadata_patch(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    let headers = [("content-type", "application/merge-patch+json"), ("accept", ONE)];
    let body = labels(Some("1")).to_string();
    let seen = ground.ask(http::Method::PATCH, "daskworkergroups/a", &headers, body).await?.ok(200)?;
    has(
        "answer",
        &seen,
        &json!({"kind": "PartialObjectMetadata", "spec": null, "metadata": {"labels": {"x": "1"}}}),
    )
}

async fn metadata_watch(ground: Ground) -> Result<()> {
    let list = ground.get("daskworkergroups").await?.ok(200)?;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let path = format!("daskworkergroups?resourceVersion={version}&timeoutSeconds=60");
    let mut watch = ground.watch_as(&path, ONE).await?;
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let wanted = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]});
    same("event", &watch.expect("ADDED", "a").await?, &wanted)
}

async fn not_acceptable(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    ground.told("metadata/text", ground.get_as("daskworkergroups/a", "text/plain").await?)
}
