//! Changing the number of workers: nothing is lost, and only what was asked for changes.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use dask_crds::DaskWorkerGroup;
use dask_operator_tests::{
    dask::{Dask, LEAVE, START},
    manifest,
    namespace::test,
    wait::{secs, until},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::ListParams};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn cluster_and_group_grow_and_shrink_with_nothing_lost() -> Result<()> {
    test("scale", async |space| {
        let mut manifest = manifest::cluster("c", 3)?;
        // With Dask's own Nanny.
        manifest["spec"]["worker"]["agent"] = json!({"mode": "Drain"});
        let dask = Dask::start(&space, &manifest).await?;
        let mut client = dask.driver().await?;
        client.tell("scatter 6 100000").await?;
        client.tell("compute 12 0.05").await?;
        client.nothing_was_lost().await?;

        dask.scale(1).await?;
        dask.settled(1, LEAVE).await?;
        client.nothing_was_lost().await?;
        counts(&dask, 1).await?;
        dask.scale(3).await?;
        dask.settled(3, START).await?;
        client.tell("compute 9 0.05").await?;
        client.nothing_was_lost().await?;
        dask.scale_group("c-default", 2).await?;
        dask.settled(2, LEAVE).await?;
        client.nothing_was_lost().await?;
        counts(&dask, 2).await?;
        ensure!(dask.cluster().await?.spec.worker.replicas == 3, "the group has its own number");
        Ok(())
    })
    .await
}

/// What the scale subresources say.
async fn counts(dask: &Dask, workers: usize) -> Result<()> {
    let n = i32::try_from(workers)?;
    until("status counts", secs(10), async || {
        let cluster = dask.cluster().await?.status.context("no status")?;
        let group = dask.group("c-default").await?.status.context("no status")?;
        ensure!((cluster.replicas, group.replicas) == (Some(n), Some(n)));
        ensure!(
            cluster.workers.is_some_and(|w| (w.desired, w.ready, w.retiring) == (n, n, 0)),
            "{:?}",
            cluster.workers
        );
        for selector in [cluster.selector, group.selector] {
            let params = ListParams::default().labels(&selector.context("no selector")?);
            let pods = dask.space.api::<Pod>().list(&params).await?.items;
            ensure!(pods.len() == workers, "{} pods are selected", pods.len());
        }
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn one_group_shrinks_and_the_other_is_left_alone() -> Result<()> {
    test("groups", async |space| {
        let dask = Dask::create(&space, &manifest::cluster("c", 1)?).await?;
        let _: DaskWorkerGroup = space.create_object(&manifest::group("extra", "c", 2)?).await?;
        dask.settled(1, START).await?;
        dask.group_settled("extra", 2, START).await?;
        let extra = dask.group("extra").await?;
        let owners = extra.owner_references();
        ensure!(owners.iter().any(|o| o.kind == "DaskCluster" && o.name == "c"), "{owners:?}");
        ensure!(!extra.labels().contains_key("dask.org/cluster-name"), "{:?}", extra.labels());

        let mut client = dask.driver().await?;
        client.tell("scatter 6 50000").await?;
        client.tell("compute 9 0.05").await?;
        let default = uids(&dask, "c-default").await?;
        dask.scale_group("extra", 1).await?;
        dask.group_settled("extra", 1, LEAVE).await?;
        ensure!(uids(&dask, "c-default").await? == default, "the default group was touched");
        client.nothing_was_lost().await?;
        let extra = uids(&dask, "extra").await?;
        dask.scale(0).await?;
        dask.settled(0, LEAVE).await?;
        ensure!(uids(&dask, "extra").await? == extra, "the extra group was touched");
        client.nothing_was_lost().await?;
        space.patch("daskcluster", "c", &json!({"spec": {"worker": {"replicas": 1}}})).await?;
        dask.settled(1, START).await?;
        ensure!(uids(&dask, "extra").await? == extra, "the extra group was touched");
        Ok(())
    })
    .await
}

async fn uids(dask: &Dask, group: &str) -> Result<BTreeSet<Option<String>>> {
    Ok(dask.pods(group).await?.iter().map(ResourceExt::uid).collect())
}
