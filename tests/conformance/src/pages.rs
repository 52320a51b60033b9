//! Lists in pages and at versions, and those that are too old.

use anyhow::{Context, Result};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::same,
    manifests::{config_map, group},
    read::{names, three},
};

pub(super) const CASES: &[Case] = &[
    Case::new("list: pages", |g| pages(g).boxed_local()),
    Case::new("list: a page token that is none", |g| bad_token(g).boxed_local()),
    Case::new("list: resourceVersion 0 and a known one", |g| versions(g).boxed_local()),
    Case::new("list: a resourceVersion that is none", |g| bad_version(g).boxed_local()),
    Case::new("list: a page of a version that is too old", |g| old_page(g).boxed_local()),
    Case::new("list: a version that is too old", |g| old_version(g).boxed_local()),
];

async fn pages(ground: Ground) -> Result<()> {
    for name in ["a", "b", "c", "d", "e"] {
        ground
            .create("configmaps", &{
                let mut body = config_map(name);
                body["metadata"]["labels"] = json!({"x": "1"});
                body
            })
            .await?;
    }
    let first = ground.get("configmaps?limit=2&labelSelector=x").await?.ok(200)?;
    same("first page", &json!(names(&first)), &json!("a b"))?;
    // With a selector what remains is not counted.
    same("what remains", &first["metadata"]["remainingItemCount"], &Value::Null)?;
    ground.create("configmaps", &config_map("aa")).await?;
    ground.delete("configmaps/d", &Value::Null).await?.ok(200)?;
    let mut token = first["metadata"]["continue"].as_str().context("no token")?.to_string();
    let mut seen = Vec::new();
    while !token.is_empty() {
        let page =
            ground.get(&format!("configmaps?limit=2&labelSelector=x&continue={token}")).await?.ok(200)?;
        same("version", &page["metadata"]["resourceVersion"], &first["metadata"]["resourceVersion"])?;
        seen.push(names(&page));
        token = page["metadata"]["continue"].as_str().unwrap_or_default().to_string();
    }
    // What was deleted since is still there, what was created is not.
    same("other pages", &json!(seen), &json!(["c d", "e"]))?;
    let counted = ground.get("daskworkergroups?limit=1").await?.ok(200)?;
    same("no more", &counted["metadata"]["continue"], &json!(""))?;
    three(&ground).await?;
    let counted = ground.get("daskworkergroups?limit=1").await?.ok(200)?;
    same("what remains", &counted["metadata"]["remainingItemCount"], &json!(2))
}

async fn bad_token(ground: Ground) -> Result<()> {
    ground.told("list/token", ground.get("configmaps?limit=2&continue=nope").await?)
}

async fn versions(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let version = made["metadata"]["resourceVersion"].as_str().context("no version")?;
    let list = ground.get(&format!("daskworkergroups?resourceVersion={version}")).await?.ok(200)?;
    same("not older than", &json!(names(&list)), &json!("a"))?;
    let exact = format!("daskworkergroups?resourceVersion={version}&resourceVersionMatch=Exact");
    ground.create("daskworkergroups", &group("b")).await?;
    let list = ground.get(&exact).await?.ok(200)?;
    same("exactly", &json!(names(&list)), &json!("a"))?;
    same("its version", &list["metadata"]["resourceVersion"], &json!(version))?;
    ground.get("daskworkergroups?resourceVersion=0").await?.ok(200)?;
    ground.get("daskworkergroups/a?resourceVersion=0").await?.ok(200)?;
    let newest = ground.get("daskworkergroups").await?.ok(200)?;
    same("newest", &json!(names(&newest)), &json!("a b"))
}

async fn bad_version(ground: Ground) -> Result<()> {
    ground.told("list/version", ground.get("daskworkergroups?resourceVersion=x").await?)?;
    ground.told("list/match", ground.get("daskworkergroups?resourceVersionMatch=Exact").await?)?;
    ground.told("list/limit", ground.get("daskworkergroups?limit=x").await?)
}

/// What continues at version 1, which real servers forget after five minutes.
const FROM_1: &str = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0";

async fn old_page(ground: Ground) -> Result<()> {
    three(&ground).await?;
    let mut token = FROM_1.to_string();
    if ground.compacts() {
        let first = ground.get("daskworkergroups?limit=1").await?.ok(200)?;
        token = first["metadata"]["continue"].as_str().context("no token")?.to_string();
        ground.merge("daskworkergroups/b", &json!({"metadata": {"labels": null}})).await?.ok(200)?;
        ground.compact();
    }
    let mut answer = ground.get(&format!("daskworkergroups?limit=1&continue={token}")).await?;
    if answer.code == 200 && !ground.compacts() {
        // A real one that is younger than that.
        return same("version", &answer.body["metadata"]["resourceVersion"], &json!("1"));
    }
    // Its token goes on with what there is by then.
    let next = answer.body["metadata"]["continue"].as_str().context("no token")?.to_string();
    let rest = ground.get(&format!("daskworkergroups?continue={next}")).await?.ok(200)?;
    same("the rest", &json!(names(&rest)), &json!("b c"))?;
    answer.body["metadata"]["continue"] = Value::Null;
    ground.told("list/old page", answer)
}

async fn old_version(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    ground.compact();
    let answer = ground.get("daskworkergroups?resourceVersion=1&resourceVersionMatch=Exact").await?;
    if answer.code == 200 && !ground.compacts() {
        return same("version", &answer.body["metadata"]["resourceVersion"], &json!("1"));
    }
    ground.told("list/old version", answer)
}
