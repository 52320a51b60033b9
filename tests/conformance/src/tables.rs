//! Tables: what kubectl prints.

use anyhow::{Context, Result};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    manifests::{config_map, group},
};

pub(super) const CASES: &[Case] = &[
    Case::new("table: of one object", |g| one(g).boxed_local()),
    Case::new("table: of a list, page by page", |g| pages(g).boxed_local()),
    Case::new("table: what rows include", |g| included(g).boxed_local()),
    Case::new("table: of a watch", |g| watched(g).boxed_local()),
];

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// Names and priorities of the columns.
fn columns(table: &Value) -> Value {
    let columns = table["columnDefinitions"].as_array().cloned().unwrap_or_default();
    columns.iter().map(|column| json!([column["name"], column["type"], column["priority"]])).collect()
}

/// The first cells of all rows.
fn cells(table: &Value, count: usize) -> Value {
    let rows = table["rows"].as_array().cloned().unwrap_or_default();
    let of = |row: &Value| row["cells"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|row| of(row).into_iter().take(count).collect::<Value>()).collect()
}

async fn one(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let table = ground.get_as("daskworkergroups/a", &format!("{TABLE},application/json")).await?.ok(200)?;
    has("table", &table, &json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1"}))?;
    same("version", &table["metadata"], &json!({"resourceVersion": made["metadata"]["resourceVersion"]}))?;
    let wanted = json!([
        ["Name", "string", 0],
        ["Workers", "integer", 0],
        ["Ready", "integer", 0],
        ["Retiring", "integer", 1],
        ["Age", "date", 0],
    ]);
    same("columns", &columns(&table), &wanted)?;
    same("cells", &cells(&table, 4), &json!([["a", made["spec"]["worker"]["replicas"], null, null]]))?;
    let object = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]});
    same("object", &table["rows"][0]["object"], &object)
}

async fn pages(ground: Ground) -> Result<()> {
    for name in ["a", "b", "c"] {
        ground.create("configmaps", &config_map(name)).await?;
    }
    // A real cluster puts one of its own into every namespace.
    let query = "configmaps?limit=2&fieldSelector=metadata.name!%3Dkube-root-ca.crt";
    let first = ground.get_as(query, TABLE).await?.ok(200)?;
    same(
        "columns",
        &columns(&first),
        &json!([["Name", "string", 0], ["Data", "string", 0], ["Age", "string", 0]]),
    )?;
    same("first page", &cells(&first, 1), &json!([["a"], ["b"]]))?;
    let token = first["metadata"]["continue"].as_str().context("no token")?;
    let second = ground.get_as(&format!("{query}&continue={token}"), TABLE).await?.ok(200)?;
    same("second page", &cells(&second, 1), &json!([["c"]]))?;
    same(
        "its metadata",
        &second["metadata"],
        &json!({"resourceVersion": first["metadata"]["resourceVersion"]}),
    )
}

async fn included(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    for (include, wanted) in [("None", &Value::Null), ("Object", &made)] {
        let path = format!("daskworkergroups?includeObject={include}");
        let table = ground.get_as(&path, TABLE).await?.ok(200)?;
        same(include, &table["rows"][0]["object"], wanted)?;
    }
    Ok(())
}

async fn watched(ground: Ground) -> Result<()> {
    let mut watch = ground.watch_as("daskworkergroups?timeoutSeconds=60", TABLE).await?;
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let event = watch.next().await?.context("no event")?;
    same("type", &event["type"], &json!("ADDED"))?;
    let table = &event["object"];
    has("table", table, &json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1"}))?;
    same("columns", &columns(table)[0][0], &json!("Name"))?;
    same("cells", &cells(table, 1), &json!([["a"]]))?;
    same("metadata", &table["rows"][0]["object"]["metadata"], &made["metadata"])
}
