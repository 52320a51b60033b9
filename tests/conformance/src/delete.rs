//! Deleting: preconditions, finalizers, grace, collections.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    manifests::{config_map, group, on_node, pod},
};

pub(super) const CASES: &[Case] = &[
    Case::new("delete: what is not there", |g| missing(g).boxed_local()),
    Case::new("delete: the answer", |g| answer(g).boxed_local()),
    Case::new("delete: preconditions", |g| preconditions(g).boxed_local()),
    Case::new("delete: a dry run", |g| dry_run(g).boxed_local()),
    Case::new("delete: bad options", |g| bad_options(g).boxed_local()),
    Case::new("delete: finalizers", |g| finalizers(g).boxed_local()),
    Case::new("delete: no new finalizers once it began", |g| new_finalizers(g).boxed_local()),
    Case::new("delete: a pod without a node goes at once", |g| unscheduled(g).boxed_local()),
    Case::new("delete: a pod on a node has grace", |g| grace(g).boxed_local()),
    Case::new("delete: grace only gets shorter", |g| less_grace(g).boxed_local()),
    Case::new("delete: a pod's finalizer and grace 0", |g| pod_finalizer(g).boxed_local()),
    Case::new("delete: a pod that ended goes at once", |g| ended(g).boxed_local()),
    Case::new("deletecollection: by labels and fields", |g| collection(g).boxed_local()),
    Case::new("deletecollection: pods on a node", |g| collection_of_pods(g).boxed_local()),
];

async fn missing(ground: Ground) -> Result<()> {
    for resource in ["configmaps", "pods", "daskworkergroups"] {
        let path = format!("{resource}/a");
        ground.told(&format!("delete/missing {resource}"), ground.delete(&path, &Value::Null).await?)?;
    }
    Ok(())
}

async fn answer(ground: Ground) -> Result<()> {
    ground.create("configmaps", &config_map("a")).await?;
    ground.told("delete/configmap", ground.delete("configmaps/a", &Value::Null).await?)?;
    ground.create("daskworkergroups", &group("a")).await?;
    ground.told("delete/group", ground.delete("daskworkergroups/a", &Value::Null).await?)?;
    let made = ground.create("pods", &pod("a")).await?;
    let seen = ground.delete("pods/a", &Value::Null).await?.ok(200)?;
    has("pod", &seen, &json!({"kind": "Pod", "metadata": {"uid": made["metadata"]["uid"]}}))?;
    ground.get("pods/a").await?.ok(404)?;
    Ok(())
}

async fn preconditions(ground: Ground) -> Result<()> {
    for (resource, body) in [("pods", pod("a")), ("daskworkergroups", group("a"))] {
        let path = format!("{resource}/a");
        let made = ground.create(resource, &body).await?;
        let (uid, version) = (&made["metadata"]["uid"], &made["metadata"]["resourceVersion"]);
        for (key, wrong, right) in [
            ("uid", json!("11111111-1111-1111-1111-111111111111"), uid),
            ("resourceVersion", json!("1"), version),
        ] {
            let answer = ground.delete(&path, &json!({"preconditions": {key: wrong}})).await?;
            let (word, why) = if key == "uid" {
                ("UID", "deleted and then recreated")
            } else {
                ("ResourceVersion", "modified")
            };
            let (wrong, right) = (wrong.as_str().unwrap_or_default(), right.as_str().unwrap_or_default());
            let (whole, mut details) = ("Pod", json!({"name": "a", "kind": "Pod"}));
            let mut whole = whole.to_string();
            if resource != "pods" {
                whole = "DaskWorkerGroup.kubernetes.dask.org".into();
                details = json!({"name": "a", "group": "kubernetes.dask.org", "kind": "DaskWorkerGroup"});
            }
            let words = format!(
                "Operation cannot be fulfilled on {whole} \"a\": the {word} in the precondition ({wrong}) does not match \
                 the {word} in record ({right}). The object might have been {why}"
            );
            answer.refused(409, "Conflict", &words, details)?;
        }
        let both = json!({"preconditions": {"uid": uid, "resourceVersion": version}});
        ground.delete(&path, &both).await?.ok(200)?;
        ground.get(&path).await?.ok(404)?;
    }
    Ok(())
}

async fn dry_run(ground: Ground) -> Result<()> {
    for (resource, body) in
        [("configmaps", config_map("a")), ("pods", pod("a")), ("daskworkergroups", group("a"))]
    {
        let path = format!("{resource}/a");
        let made = ground.create(resource, &body).await?;
        ground.delete(&format!("{path}?dryRun=All"), &Value::Null).await?.ok(200)?;
        ground.delete(&path, &json!({"dryRun": ["All"]})).await?.ok(200)?;
        same("what is stored", &ground.get(&path).await?.ok(200)?, &made)?;
    }
    Ok(())
}

async fn bad_options(ground: Ground) -> Result<()> {
    ground.create("configmaps", &config_map("a")).await?;
    for (what, options) in [
        ("propagation", json!({"propagationPolicy": "Some"})),
        ("both", json!({"propagationPolicy": "Orphan", "orphanDependents": true})),
        ("type", json!({"gracePeriodSeconds": "x"})),
    ] {
        ground.told(&format!("delete/bad {what}"), ground.delete("configmaps/a", &options).await?)?;
    }
    let negative = ground.delete("configmaps/a", &json!({"gracePeriodSeconds": -1})).await?;
    ground.told("delete/negative grace", negative)
}

async fn finalizers(ground: Ground) -> Result<()> {
    for (resource, mut body) in [("configmaps", config_map("a")), ("daskworkergroups", group("a"))] {
        let path = format!("{resource}/a");
        body["metadata"]["finalizers"] = json!(["test/one", "test/two"]);
        let made = ground.create(resource, &body).await?;
        let seen = ground.delete(&path, &Value::Null).await?.ok(200)?;
        has("answer", &seen, &json!({"kind": body["kind"]}))?;
        ensure!(seen["metadata"]["deletionTimestamp"].is_string(), "{}", seen["metadata"]);
        let seen = ground.get(&path).await?.ok(200)?;
        let generation = if resource == "configmaps" { Value::Null } else { json!(2) };
        let wanted = json!({
            "deletionGracePeriodSeconds": 0, "generation": generation, "finalizers": ["test/one", "test/two"],
        });
        has("metadata", &seen["metadata"], &wanted)?;
        ensure!(
            seen["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"],
            "the version stayed"
        );
        // A second time changes nothing.
        ground.delete(&path, &Value::Null).await?.ok(200)?;
        same("second time", &ground.get(&path).await?.ok(200)?, &seen)?;
        let one = json!({"metadata": {"finalizers": ["test/two"]}});
        ground.merge(&path, &one).await?.ok(200)?;
        ground.get(&path).await?.ok(200)?;
        let last = ground.merge(&path, &json!({"metadata": {"finalizers": null}})).await?.ok(200)?;
        same("name", &last["metadata"]["name"], &json!("a"))?;
        ground.get(&path).await?.ok(404)?;
    }
    Ok(())
}

async fn new_finalizers(ground: Ground) -> Result<()> {
    let mut body = group("a");
    body["metadata"]["finalizers"] = json!(["test/one"]);
    ground.create("daskworkergroups", &body).await?;
    ground.delete("daskworkergroups/a", &Value::Null).await?.ok(200)?;
    let more = json!({"metadata": {"finalizers": ["test/one", "test/two"]}});
    ground.told("delete/new finalizers", ground.merge("daskworkergroups/a", &more).await?)?;
    ground.merge("daskworkergroups/a", &json!({"metadata": {"finalizers": []}})).await?.ok(200)?;
    ground.get("daskworkergroups/a").await?.ok(404)?;
    Ok(())
}

async fn unscheduled(ground: Ground) -> Result<()> {
    ground.create("pods", &pod("a")).await?;
    let seen = ground.delete("pods/a", &json!({"gracePeriodSeconds": 100})).await?.ok(200)?;
    has("pod", &seen["metadata"], &json!({"deletionGracePeriodSeconds": 0}))?;
    ground.get("pods/a").await?.ok(404)?;
    Ok(())
}

async fn grace(ground: Ground) -> Result<()> {
    ground.create("pods", &on_node("a")).await?;
    let seen = ground.delete("pods/a", &Value::Null).await?.ok(200)?;
    has("metadata", &seen["metadata"], &json!({"deletionGracePeriodSeconds": 30, "generation": 2}))?;
    let made: jiff::Timestamp = seen["metadata"]["creationTimestamp"].as_str().unwrap_or_default().parse()?;
    let end: jiff::Timestamp = seen["metadata"]["deletionTimestamp"].as_str().unwrap_or_default().parse()?;
    let after = end.as_second() - made.as_second();
    ensure!((30..35).contains(&after), "it ends {after} s after its creation");
    let stored = ground.get("pods/a").await?.ok(200)?;
    same("stored", &stored, &seen)?;
    let again = ground.delete("pods/a", &Value::Null).await?.ok(200)?;
    same("second time", &again, &seen)?;
    ground.delete("pods/a", &json!({"gracePeriodSeconds": 0})).await?.ok(200)?;
    ground.get("pods/a").await?.ok(404)?;
    ground.create("pods", &on_node("b")).await?;
    ground.delete("pods/b?gracePeriodSeconds=0", &Value::Null).await?.ok(200)?;
    ground.get("pods/b").await?.ok(404)?;
    Ok(())
}

async fn less_grace(ground: Ground) -> Result<()> {
    ground.create("pods", &on_node("a")).await?;
    for (asked, wanted) in [(20, 20), (50, 20), (10, 10)] {
        ground.delete("pods/a", &json!({"gracePeriodSeconds": asked})).await?.ok(200)?;
        let seen = ground.get("pods/a").await?.ok(200)?;
        same(&format!("after {asked}"), &seen["metadata"]["deletionGracePeriodSeconds"], &json!(wanted))?;
    }
    Ok(())
}

async fn pod_finalizer(ground: Ground) -> Result<()> {
    let mut body = on_node("a");
    body["metadata"]["finalizers"] = json!(["test/one"]);
    ground.create("pods", &body).await?;
    ground.delete("pods/a", &json!({"gracePeriodSeconds": 20})).await?.ok(200)?;
    ground.merge("pods/a", &json!({"metadata": {"finalizers": null}})).await?.ok(200)?;
    let seen = ground.get("pods/a").await?.ok(200)?;
    same("grace lasts", &seen["metadata"]["deletionGracePeriodSeconds"], &json!(20))?;
    let mut body = on_node("b");
    body["metadata"]["finalizers"] = json!(["test/one"]);
    ground.create("pods", &body).await?;
    ground.delete("pods/b", &json!({"gracePeriodSeconds": 0})).await?.ok(200)?;
    let seen = ground.get("pods/b").await?.ok(200)?;
    same("the finalizer holds it", &seen["metadata"]["deletionGracePeriodSeconds"], &json!(0))?;
    ground.merge("pods/b", &json!({"metadata": {"finalizers": null}})).await?.ok(200)?;
    ground.get("pods/b").await?.ok(404)?;
    Ok(())
}

async fn ended(ground: Ground) -> Result<()> {
    ground.create("pods", &on_node("a")).await?;
    ground.merge("pods/a/status", &json!({"status": {"phase": "Succeeded"}})).await?.ok(200)?;
    ground.delete("pods/a", &Value::Null).await?.ok(200)?;
    ground.get("pods/a").await?.ok(404)?;
    Ok(())
}

async fn collection(ground: Ground) -> Result<()> {
    for (name, x) in [("a", "1"), ("b", "1"), ("c", "2")] {
        let mut body = group(name);
        body["metadata"]["labels"] = json!({"x": x});
        ground.create("daskworkergroups", &body).await?;
    }
    let query = "daskworkergroups?labelSelector=x%3D1&fieldSelector=metadata.name%21%3Db";
    let seen = ground.delete(query, &Value::Null).await?.ok(200)?;
    has("answer", &seen, &json!({"kind": "DaskWorkerGroupList"}))?;
    same("first", &seen["items"][0]["metadata"]["name"], &json!("a"))?;
    ground.get("daskworkergroups/a").await?.ok(404)?;
    ground.get("daskworkergroups/b").await?.ok(200)?;
    ground.delete("daskworkergroups", &Value::Null).await?.ok(200)?;
    same("left", &ground.get("daskworkergroups").await?.ok(200)?["items"], &json!([]))
}

async fn collection_of_pods(ground: Ground) -> Result<()> {
    ground.create("pods", &on_node("a")).await?;
    ground.create("pods", &pod("b")).await?;
    ground.delete("pods", &json!({"gracePeriodSeconds": 7})).await?.ok(200)?;
    let seen = ground.get("pods/a").await?.ok(200)?;
    same("grace", &seen["metadata"]["deletionGracePeriodSeconds"], &json!(7))?;
    ground.get("pods/b").await?.ok(404)?;
    Ok(())
}
