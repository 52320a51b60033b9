//! Bad input that the API server takes: each is told in a condition with path, value, rule and remedy, soon, and
//! is over when the input is put right.

mod rows;

use anyhow::{Context, Result, ensure};
use dask_crds::{Condition, DaskWorkerGroup, Phase};
use dask_operator_tests::{
    dask::{Dask, START, Wanted, find},
    manifest,
    namespace::{Space, test},
    wait::{secs, until},
};
use futures::{StreamExt, TryStreamExt, stream};
use kube::ResourceExt;
use rows::{Row, clusters, groups};
use serde_json::{Value, json};

/// How soon a person must be told what the operator or the API server finds.
const SOON: std::time::Duration = secs(15);
/// And what a kubelet finds, which takes its time on a busy node.
const BY_THE_KUBELET: std::time::Duration = secs(60);

/// `manifest` with the value at this place; an object is merged into what is there.
fn with(manifest: &Value, path: &str, value: &Value) -> Result<Value> {
    let mut manifest = manifest.clone();
    let place = manifest.pointer_mut(path).with_context(|| path.to_string())?;
    match (place, value) {
        (Value::Object(place), Value::Object(more)) => {
            for (key, value) in more {
                place.insert(key.clone(), value.clone());
            }
        }
        (place, value) => *place = value.clone(),
    }
    Ok(manifest)
}

fn says(told: &Condition, words: &[&str]) -> Result<()> {
    let missing: Vec<_> = words.iter().filter(|w| !told.message.contains(**w)).collect();
    ensure!(missing.is_empty(), "{missing:?} is not in: {}", told.message);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_a_cluster_says_wrongly_is_told_soon_and_heals() -> Result<()> {
    test("told", async |space| {
        let rows = clusters();
        stream::iter(&rows)
            .map(|row| a_bad_cluster(&space, row))
            .buffer_unordered(3)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(())
    })
    .await
}

async fn a_bad_cluster(space: &Space, Row(name, path, value, wanted, words): &Row) -> Result<()> {
    let good = manifest::cluster(name, 0)?;
    let dask = Dask::create(space, &with(&good, path, value)?).await.with_context(|| (*name).to_string())?;
    let told = dask.condition(*wanted, SOON).await.with_context(|| (*name).to_string())?;
    says(&told, words)?;
    space.events(name, &told.reason).await?;
    space.step(&format!("{name}: {}", told.message));
    if wanted.0 == "Accepted" {
        let phase = dask.cluster().await?.status.and_then(|s| s.phase);
        ensure!(phase == Some(Phase::Error), "{name}: {phase:?}");
        let made = space.kubectl(&["get", "deployments,services,daskworkergroups", "-o", "name"]).await?;
        ensure!(!made.contains(&format!("/{name}-")), "{name}: {made}");
    }
    if *path != "/metadata/name" {
        put_right(&dask, &good, wanted.0).await.with_context(|| format!("{name}, put right"))?;
    }
    space.kubectl(&["delete", "daskcluster", name, "--wait=false"]).await.map(drop)
}

/// Replaces the spec by a good one and waits until nothing is wrong with it.
async fn put_right(dask: &Dask, good: &Value, condition: &str) -> Result<()> {
    dask.space.replace_spec("daskcluster", &dask.name, &good["spec"]).await?;
    dask.condition(Wanted(condition, condition == "Accepted", ""), SOON).await?;
    until("it is made", START, async || {
        let phase = dask.cluster().await?.status.and_then(|s| s.phase);
        ensure!(phase == Some(Phase::Running), "{phase:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_keeps_workers_from_running_is_told_soon_and_heals() -> Result<()> {
    test("kept", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 0)?).await?;
        let rows = groups()?;
        stream::iter(&rows)
            .map(|row| a_bad_group(&dask, row))
            .buffer_unordered(4)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(())
    })
    .await
}

async fn a_bad_group(dask: &Dask, Row(name, path, value, wanted, words): &Row) -> Result<()> {
    let group = manifest::group(&format!("c-{name}"), "c", 1)?;
    let bad = with(&group, path, value)?;
    let made: DaskWorkerGroup = dask.space.create_object(&bad).await.with_context(|| (*name).to_string())?;
    let told = dask.group_condition(&made.name_any(), *wanted, BY_THE_KUBELET).await?;
    says(&told, words).with_context(|| (*name).to_string())?;
    dask.space.step(&format!("{name}: {}", told.message));
    dask.space.replace_spec("daskworkergroup", &made.name_any(), &group["spec"]).await?;
    // A pod that runs is not replaced for another template: a person deletes it.
    if *name == "probe" {
        let labels = format!("dask.org/workergroup-name={}", made.name_any());
        dask.space.kubectl(&["delete", "pod", "-l", &labels, "--wait=false"]).await?;
    }
    dask.group_settled(&made.name_any(), 1, START).await.with_context(|| format!("{name}, put right"))?;
    dask.group_condition(&made.name_any(), Wanted("PodsFailing", false, ""), secs(10)).await?;
    dask.space.kubectl(&["delete", "daskworkergroup", &made.name_any(), "--wait=false"]).await.map(drop)
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_scheduler_that_is_none_is_told() -> Result<()> {
    test("no-scheduler", async |space| {
        let manifest = manifest::cluster("c", 1)?;
        let bad = with(&manifest, "/spec/scheduler/spec/containers/0", &json!({"args": ["sleep", "600"]}))?;
        let dask = Dask::create(&space, &bad).await?;
        let told = dask.condition(Wanted("SchedulerReady", false, "Unhealthy"), BY_THE_KUBELET).await?;
        says(&told, &["Readiness probe failed", "probes"])
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_default_group_that_a_person_made_is_adopted() -> Result<()> {
    test("own-default", async |space| {
        let _: DaskWorkerGroup = space.create_object(&manifest::group("c-default", "c", 2)?).await?;
        let dask = Dask::create(&space, &manifest::cluster("c", 1)?).await?;
        dask.settled(2, START).await?;
        let group = dask.group("c-default").await?;
        ensure!(group.owner_references().iter().any(|o| o.kind == "DaskCluster"), "{:?}", group.metadata);
        until("the cluster counts it", secs(20), async || {
            find(&dask.cluster().await?.status.unwrap_or_default().conditions, Wanted("Ready", true, ""))
        })
        .await
        .map(drop)
    })
    .await
}
