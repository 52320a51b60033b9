//! Subresources: status and scale.

use anyhow::{Result, ensure};
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    ground::Patch,
    manifests::{deployment, group, pod},
};

pub(super) const CASES: &[Case] = &[
    Case::new("status: a write of the object leaves it", |g| main_write(g).boxed_local()),
    Case::new("status: writes nothing else", |g| status_write(g).boxed_local()),
    Case::new("status: by replacing", |g| status_replace(g).boxed_local()),
    Case::new("status: of a pod", |g| pod_status(g).boxed_local()),
    Case::new("status: is checked by the schema", |g| bad_status(g).boxed_local()),
    Case::new("status: from a version that is stale", |g| stale_status(g).boxed_local()),
    Case::new("status: of an object by its UID", |g| status_by_uid(g).boxed_local()),
    Case::new("status: nothing changes", |g| same_status(g).boxed_local()),
    Case::new("status: defaults", |g| status_defaults(g).boxed_local()),
    Case::new("scale: its shape", |g| scale_shape(g).boxed_local()),
    Case::new("scale: by a merge patch", |g| scale_merge(g).boxed_local()),
    Case::new("scale: by replacing", |g| scale_replace(g).boxed_local()),
    Case::new("scale: from a version that is stale", |g| scale_stale(g).boxed_local()),
    Case::new("scale: out of bounds", |g| scale_bounds(g).boxed_local()),
    Case::new("scale: of a Deployment", |g| scale_deployment(g).boxed_local()),
    Case::new("scale: not of every kind", |g| no_scale(g).boxed_local()),
    Case::new("scale: what is not there", |g| scale_missing(g).boxed_local()),
    Case::new("subresource: one that is not there", |g| no_subresource(g).boxed_local()),
];

async fn main_write(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    let status = json!({"status": {"replicas": 3}});
    let seen = ground.merge("daskworkergroups/a/status", &status).await?.ok(200)?;
    same("replicas", &seen["status"]["replicas"], &json!(3))?;
    let mut body = seen.clone();
    body["status"] = json!({"replicas": 9});
    body["metadata"]["labels"] = json!({"x": "1"});
    let replaced = ground.put("daskworkergroups/a", &body).await?.ok(200)?;
    same("status", &replaced["status"], &seen["status"])?;
    let patch = json!({"status": {"replicas": 9}});
    let patched = ground.merge("daskworkergroups/a", &patch).await?.ok(200)?;
    same("a patch of nothing else", &patched, &replaced)
}

async fn status_write(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let patch = json!({
        "metadata": {"labels": {"x": "1"}, "annotations": {"y": "1"}, "finalizers": ["test/one"]},
        "spec": {"worker": {"replicas": 9}}, "status": {"replicas": 3, "selector": "a=b"},
    });
    let seen = ground.merge("daskworkergroups/a/status", &patch).await?.ok(200)?;
    same("spec", &seen["spec"], &made["spec"])?;
    let wanted = json!({"labels": null, "annotations": null, "finalizers": null, "generation": 1});
    has("metadata", &seen["metadata"], &wanted)?;
    has("status", &seen["status"], &json!({"replicas": 3, "selector": "a=b"}))?;
    ensure!(seen["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"], "the version stayed");
    Ok(())
}

async fn status_replace(ground: Ground) -> Result<()> {
    let mut body = ground.create("daskworkergroups", &group("a")).await?;
    body["status"] = json!({"replicas": 4});
    body["spec"]["worker"]["replicas"] = json!(9);
    let seen = ground.put("daskworkergroups/a/status", &body).await?.ok(200)?;
    same(
        "replicas",
        &json!([seen["spec"]["worker"]["replicas"], seen["status"]["replicas"]]),
        &json!([2, 4]),
    )?;
    let seen = ground.get("daskworkergroups/a/status").await?.ok(200)?;
    same("what is got", &json!([seen["kind"], seen["status"]["replicas"]]), &json!(["DaskWorkerGroup", 4]))
}

async fn pod_status(ground: Ground) -> Result<()> {
    let made = ground.create("pods", &pod("a")).await?;
    let conditions =
        json!([{"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}]);
    let patch = json!({
        "metadata": {"labels": {"x": "1"}},
        "status": {"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}], "conditions": conditions},
    });
    let seen = ground.merge("pods/a/status", &patch).await?.ok(200)?;
    same("spec", &seen["spec"], &made["spec"])?;
    has(
        "status",
        &seen["status"],
        &json!({"phase": "Running", "podIP": "10.1.2.3", "qosClass": "BestEffort"}),
    )?;
    // Of built-in kinds, metadata is written with the status.
    let metadata = json!({"generation": 1, "labels": {"x": "1"}});
    has("metadata", &seen["metadata"], &metadata)?;
    let strategic = json!({"status": {"conditions": [{"type": "Initialized", "status": "True"}]}});
    let seen = ground.patch(Patch::Strategic, "pods/a/status", &strategic).await?.ok(200)?;
    let types = seen["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let types: Vec<&Value> = types.iter().map(|condition| &condition["type"]).collect();
    same("conditions are merged", &json!(types), &json!(["Initialized", "Ready"]))?;
    let seen = ground.merge("pods/a", &json!({"status": {"phase": "Failed"}})).await?.ok(200)?;
    same("phase", &seen["status"]["phase"], &json!("Running"))
}

async fn bad_status(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    for (what, status) in [
        ("type", json!({"replicas": "x"})),
        ("condition", json!({"conditions": [{"type": "Ready"}]})),
        (
            "twice",
            json!({"conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z", "message": "", "reason": "A"},
                {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z", "message": "", "reason": "A"},
            ]}),
        ),
    ] {
        let answer = ground.merge("daskworkergroups/a/status", &json!({"status": status})).await?;
        ground.told(&format!("status/bad {what}"), answer)?;
    }
    ground.create("pods", &pod("a")).await?;
    let answer = ground.merge("pods/a/status", &json!({"status": {"podIP": 3}})).await?;
    ground.told("status/bad type of a pod", answer)
}

async fn stale_status(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let patch = |n: i32| json!({"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "status": {"replicas": n}});
    ground.merge("daskworkergroups/a/status", &patch(1)).await?.ok(200)?;
    ground.told("status/stale", ground.merge("daskworkergroups/a/status", &patch(2)).await?)?;
    ground.told("status/missing", ground.merge("daskworkergroups/b/status", &json!({"status": {}})).await?)
}

async fn same_status(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    let patch = json!({"status": {"replicas": 1}});
    let first = ground.merge("daskworkergroups/a/status", &patch).await?.ok(200)?;
    let second = ground.merge("daskworkergroups/a/status", &patch).await?.ok(200)?;
    same("object", &second, &first)
}

/// A merge patch of a status is taken whatever UID it names; a JSON patch can test it.
async fn status_by_uid(ground: Ground) -> Result<()> {
    const REFUSED: &str = "the server rejected our request due to an error in our request";
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let merge = json!({"metadata": {"uid": "other"}, "status": {"replicas": 1}});
    ground.merge("daskworkergroups/a/status", &merge).await?.ok(200)?;
    let patch = |uid: &Value| {
        json!([
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status/replicas", "value": 2},
            {"op": "add", "path": "/status/workers", "value": null},
            {"op": "remove", "path": "/status/workers"},
        ])
    };
    let path = "daskworkergroups/a/status";
    let another = ground.patch(Patch::Json, path, &patch(&json!("other"))).await?;
    another.refused(422, "Invalid", REFUSED, json!({}))?;
    let seen = ground.patch(Patch::Json, path, &patch(&made["metadata"]["uid"])).await?.ok(200)?;
    same("status", &seen["status"]["replicas"], &json!(2))?;
    // Without a status there is nothing to add a part to.
    let bare = ground.create("daskworkergroups", &group("b")).await?;
    let path = "daskworkergroups/b/status";
    let no_status = ground.patch(Patch::Json, path, &patch(&bare["metadata"]["uid"])).await?;
    no_status.refused(422, "Invalid", REFUSED, json!({}))
}

async fn status_defaults(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    let patch = json!({"status": {"replicas": 1, "workers": {"ready": 1}}});
    ground.told("status/defaults", ground.merge("daskworkergroups/a/status", &patch).await?)
}

async fn scale_shape(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    ground.told("scale/without status", ground.get("daskworkergroups/a/scale").await?)?;
    let patch = json!({"status": {"replicas": 1, "selector": "a=b"}});
    let seen = ground.merge("daskworkergroups/a/status", &patch).await?.ok(200)?;
    let scale = ground.get("daskworkergroups/a/scale").await?.ok(200)?;
    let metadata = &seen["metadata"];
    let wanted = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "spec": {"replicas": 2},
        "status": {"replicas": 1, "selector": "a=b"},
        "metadata": {
            "name": "a", "namespace": ground.namespace, "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
    });
    same("scale", &scale, &wanted)
}

async fn scale_merge(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    let version = &made["metadata"]["resourceVersion"];
    let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": 5}});
    let scale = ground.merge("daskworkergroups/a/scale", &patch).await?.ok(200)?;
    has("scale", &scale, &json!({"kind": "Scale", "spec": {"replicas": 5}, "status": {"replicas": 0}}))?;
    let seen = ground.get("daskworkergroups/a").await?.ok(200)?;
    same(
        "replicas",
        &json!([seen["spec"]["worker"]["replicas"], seen["metadata"]["generation"]]),
        &json!([5, 2]),
    )?;
    let again = ground.merge("daskworkergroups/a/scale", &json!({"spec": {"replicas": 5}})).await?.ok(200)?;
    same("no change", &again, &scale)?;
    let dry = json!({"spec": {"replicas": 6}});
    let dry = ground.merge("daskworkergroups/a/scale?dryRun=All", &dry).await?.ok(200)?;
    same("dry run", &dry["spec"]["replicas"], &json!(6))?;
    same("stored", &ground.get("daskworkergroups/a/scale").await?.ok(200)?, &scale)
}

async fn scale_replace(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    let mut scale = ground.get("daskworkergroups/a/scale").await?.ok(200)?;
    scale["spec"]["replicas"] = json!(0);
    let seen = ground.put("daskworkergroups/a/scale", &scale).await?.ok(200)?;
    has("scale", &seen, &json!({"spec": {"replicas": null}}))?;
    let seen = ground.get("daskworkergroups/a").await?.ok(200)?;
    same("replicas", &seen["spec"]["worker"]["replicas"], &json!(0))
}

async fn scale_stale(ground: Ground) -> Result<()> {
    let made = ground.create("daskworkergroups", &group("a")).await?;
    ground.merge("daskworkergroups/a", &json!({"metadata": {"labels": {"x": "1"}}})).await?.ok(200)?;
    let version = &made["metadata"]["resourceVersion"];
    let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": 5}});
    ground.told("scale/stale", ground.merge("daskworkergroups/a/scale", &patch).await?)
}

async fn scale_bounds(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    for replicas in [json!(-1), json!(100_001), json!("x"), json!(3_000_000_000_u64)] {
        let patch = json!({"spec": {"replicas": replicas}});
        let answer = ground.merge("daskworkergroups/a/scale", &patch).await?;
        ground.told(&format!("scale/{replicas}"), answer)?;
    }
    Ok(())
}

async fn scale_deployment(ground: Ground) -> Result<()> {
    ground.create("deployments", &deployment("a")).await?;
    let scale = ground.get("deployments/a/scale").await?.ok(200)?;
    has(
        "scale",
        &scale,
        &json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "status": {"selector": "app=x"}}),
    )?;
    let scale = ground.merge("deployments/a/scale", &json!({"spec": {"replicas": 0}})).await?.ok(200)?;
    has("scale", &scale, &json!({"spec": {"replicas": null}}))?;
    ground.told(
        "scale/-1 of a deployment",
        ground.merge("deployments/a/scale", &json!({"spec": {"replicas": -1}})).await?,
    )
}

async fn no_scale(ground: Ground) -> Result<()> {
    ground.create("daskautoscalers", &super::manifests::autoscaler("a")).await?;
    ground.told("scale/of an autoscaler", ground.get("daskautoscalers/a/scale").await?)?;
    ground.told("scale/of a pod", ground.get("pods/a/scale").await?)
}

async fn scale_missing(ground: Ground) -> Result<()> {
    let patch = json!({"spec": {"replicas": 1}});
    ground.told("scale/missing", ground.merge("daskworkergroups/a/scale", &patch).await?)
}

async fn no_subresource(ground: Ground) -> Result<()> {
    ground.create("daskworkergroups", &group("a")).await?;
    ground.told("subresource/unknown", ground.get("daskworkergroups/a/nope").await?)
}
