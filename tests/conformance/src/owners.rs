//! Deleting what others own or belong to.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    manifests::{config_map, group, on_node, pod},
};

pub(super) const CASES: &[Case] = &[
    Case::new("owners: background", |g| background(g).boxed_local()),
    Case::new("owners: foreground", |g| foreground(g).boxed_local()),
    Case::new("owners: orphan", |g| orphan(g).boxed_local()),
    Case::new("owners: one of another uid", |g| wrong_uid(g).boxed_local()),
    Case::new("owners: one of two", |g| two_owners(g).boxed_local()),
    Case::new("owners: a chain", |g| chain(g).boxed_local()),
    Case::new("owners: a kind of ours in the foreground", |g| foreground_group(g).boxed_local()),
];

/// A ConfigMap that belongs to others.
fn owned(name: &str, owners: &[&Value]) -> Value {
    let reference = |owner: &&Value| {
        json!({
            "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true,
        })
    };
    let mut body = config_map(name);
    body["metadata"]["ownerReferences"] = owners.iter().map(reference).collect();
    body
}

async fn background(ground: Ground) -> Result<()> {
    let owner = ground.create("configmaps", &config_map("owner")).await?;
    ground.create("configmaps", &owned("a", &[&owner])).await?;
    ground.delete("configmaps/owner", &json!({"propagationPolicy": "Background"})).await?.ok(200)?;
    ground.get("configmaps/owner").await?.ok(404)?;
    ground.gone("configmaps/a").await
}

async fn foreground(ground: Ground) -> Result<()> {
    let owner = ground.create("configmaps", &config_map("owner")).await?;
    let mut dependent = owned("a", &[&owner]);
    dependent["metadata"]["finalizers"] = json!(["test/one"]);
    ground.create("configmaps", &dependent).await?;
    let seen =
        ground.delete("configmaps/owner", &json!({"propagationPolicy": "Foreground"})).await?.ok(200)?;
    same("finalizers", &seen["metadata"]["finalizers"], &json!(["foregroundDeletion"]))?;
    ensure!(seen["metadata"]["deletionTimestamp"].is_string(), "{}", seen["metadata"]);
    ground
        .until("deletion of the dependent", async || {
            let dependent = ground.get("configmaps/a").await?.ok(200)?;
            ensure!(dependent["metadata"]["deletionTimestamp"].is_string(), "{dependent}");
            Ok(())
        })
        .await?;
    ground.get("configmaps/owner").await?.ok(200)?;
    ground.merge("configmaps/a", &json!({"metadata": {"finalizers": null}})).await?.ok(200)?;
    ground.gone("configmaps/a").await?;
    ground.gone("configmaps/owner").await
}

async fn orphan(ground: Ground) -> Result<()> {
    let owner = ground.create("configmaps", &config_map("owner")).await?;
    ground.create("configmaps", &owned("a", &[&owner])).await?;
    let seen = ground.delete("configmaps/owner", &json!({"propagationPolicy": "Orphan"})).await?.ok(200)?;
    same("finalizers", &seen["metadata"]["finalizers"], &json!(["orphan"]))?;
    ground.gone("configmaps/owner").await?;
    let left = ground.get("configmaps/a").await?.ok(200)?;
    same("owners", &left["metadata"]["ownerReferences"], &Value::Null)
}

async fn wrong_uid(ground: Ground) -> Result<()> {
    let mut owner = ground.create("configmaps", &config_map("owner")).await?;
    owner["metadata"]["uid"] = json!("11111111-1111-1111-1111-111111111111");
    ground.create("configmaps", &owned("a", &[&owner])).await?;
    ground.gone("configmaps/a").await?;
    ground.get("configmaps/owner").await?.ok(200)?;
    Ok(())
}

async fn two_owners(ground: Ground) -> Result<()> {
    let one = ground.create("configmaps", &config_map("one")).await?;
    let two = ground.create("configmaps", &config_map("two")).await?;
    ground.create("configmaps", &owned("a", &[&one, &two])).await?;
    ground.delete("configmaps/one", &json!({"propagationPolicy": "Background"})).await?.ok(200)?;
    // The reference to what is gone is taken away.
    ground
        .until("one owner", async || {
            let seen = ground.get("configmaps/a").await?.ok(200)?;
            let owners = seen["metadata"]["ownerReferences"].clone();
            ensure!(owners.as_array().is_some_and(|owners| owners.len() == 1), "{owners}");
            same("its name", &owners[0]["name"], &json!("two"))
        })
        .await?;
    ground.delete("configmaps/two", &json!({"propagationPolicy": "Background"})).await?.ok(200)?;
    ground.gone("configmaps/a").await
}

async fn chain(ground: Ground) -> Result<()> {
    let owner = ground.create("daskworkergroups", &group("owner")).await?;
    let middle = ground.create("configmaps", &owned("middle", &[&owner])).await?;
    let mut last = pod("last");
    last["metadata"]["ownerReferences"] = owned("x", &[&middle])["metadata"]["ownerReferences"].clone();
    ground.create("pods", &last).await?;
    // Kinds of ours are deleted in the background unless told otherwise.
    ground.delete("daskworkergroups/owner", &Value::Null).await?.ok(200)?;
    ground.get("daskworkergroups/owner").await?.ok(404)?;
    ground.gone("configmaps/middle").await?;
    ground.gone("pods/last").await
}

async fn foreground_group(ground: Ground) -> Result<()> {
    let owner = ground.create("daskworkergroups", &group("owner")).await?;
    let mut dependent = on_node("a");
    dependent["metadata"]["ownerReferences"] = owned("x", &[&owner])["metadata"]["ownerReferences"].clone();
    ground.create("pods", &dependent).await?;
    let query = "daskworkergroups/owner?propagationPolicy=Foreground";
    let seen = ground.delete(query, &Value::Null).await?.ok(200)?;
    let metadata =
        json!({"finalizers": ["foregroundDeletion"], "deletionGracePeriodSeconds": 0, "generation": 2});
    has("metadata", &seen["metadata"], &metadata)?;
    ground
        .until("deletion of the pod", async || {
            let seen = ground.get("pods/a").await?.ok(200)?;
            ensure!(seen["metadata"]["deletionTimestamp"].is_string(), "{seen}");
            Ok(())
        })
        .await?;
    ground.get("daskworkergroups/owner").await?.ok(200)?;
    ground.delete("pods/a", &json!({"gracePeriodSeconds": 0})).await?.ok(200)?;
    ground.gone("daskworkergroups/owner").await
}
