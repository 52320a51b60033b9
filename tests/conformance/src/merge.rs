//! JSON merge patches.

use anyhow::Result;
use futures::FutureExt;
use serde_json::{Value, json};

use super::{
    Case, Ground,
    answer::{has, same},
    manifests::{KINDS, group, object, version},
};

pub(super) const CASES: &[Case] = &[
    Case::new("merge patch: null removes, lists are replaced", |g| merge(g).boxed_local()),
    Case::new("merge patch: from a version that is stale", |g| merge_stale(g).boxed_local()),
    Case::new("merge patch: another uid", |g| merge_uid(g).boxed_local()),
    Case::new("merge patch: no change, no version", |g| merge_nothing(g).boxed_local()),
    Case::new("merge patch: what is not there", |g| merge_missing(g).boxed_local()),
    Case::new("merge patch: a dry run", |g| merge_dry(g).boxed_local()),
    Case::new("merge patch: name, kind and namespace", |g| merge_identity(g).boxed_local()),
    Case::new("merge patch: no object", |g| merge_no_object(g).boxed_local()),
    Case::new("merge patch: what is the server's", |g| merge_servers_own(g).boxed_local()),
];

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
