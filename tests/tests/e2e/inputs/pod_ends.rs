//! How pods end: beside side cars, behind entry points and hooks, for their own fault, and with their cluster.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, Wanted},
    inputs, manifest,
    namespace::test,
    wait::{secs, until},
};
use kube::ResourceExt;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_side_car_does_not_keep_a_finished_worker() -> Result<()> {
    test("side-car", async |space| {
        let dask = inputs::apply(&space, "side-car-outlives-worker").await?;
        dask.settled(2, START).await?;
        let mut client = dask.driver().await?;
        let ended = inputs::a_pod(&dask).await?.name_any();
        client.tell(&format!("retire {ended}")).await?;
        until("another pod has taken its place", secs(45), async || {
            let pods = dask.pods(&dask.default_group()).await?;
            ensure!(pods.iter().all(|p| p.name_any() != ended), "it counts still");
            Ok(())
        })
        .await?;
        dask.settled(2, START).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_side_car_does_not_outlive_the_scheduler() -> Result<()> {
    test("side-car-drain", async |space| {
        let dask = inputs::apply(&space, "side-car-and-lost-scheduler").await?;
        dask.settled(2, START).await?;
        let id = dask.identity().await?.id;
        space.kubectl(&["delete", "pod", &dask.scheduler_pod().await?.name_any()]).await?;
        until("another scheduler runs", START, async || {
            ensure!(dask.identity().await?.id != id, "it is still the old one");
            Ok(())
        })
        .await?;
        dask.settled(2, START).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_entry_point_that_keeps_sigterm_is_got_past() -> Result<()> {
    test("entry-sigterm", async |space| {
        let dask = inputs::apply(&space, "entry-point-keeps-sigterm").await?;
        dask.settled(2, START).await?;
        let mut client = dask.driver().await?;
        client.tell("scatter 6 1000").await?;
        // Its grace period is a minute.
        goes(&dask, secs(30)).await?;
        client.nothing_was_lost().await
    })
    .await
}

/// A pod is deleted, and gone within this time; answers its name.
pub async fn goes(dask: &Dask, limit: Duration) -> Result<String> {
    let pods = dask.space.api::<k8s_openapi::api::core::v1::Pod>();
    let name = inputs::a_pod(dask).await?.name_any();
    dask.space.kubectl(&["delete", "pod", &name, "--wait=false"]).await?;
    until("the deleted pod is gone", limit, async || {
        ensure!(pods.get_opt(&name).await?.is_none(), "it is still there");
        Ok(())
    })
    .await?;
    Ok(name)
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_hook_takes_its_time_from_the_agent() -> Result<()> {
    test("hook", async |space| {
        let dask = inputs::apply(&space, "hook-eats-the-grace-period").await?;
        dask.settled(2, START).await?;
        let mut client = dask.driver().await?;
        client.tell("gated 2 gate").await?;
        dask.all_busy().await?;
        goes(&dask, secs(30)).await?;
        // What the agent says is read at the pod's end: it must not have been killed before.
        let told = space.events(&dask.default_group(), "LeftInHaste").await?;
        ensure!(told.iter().any(|t| t.contains(": Busy: ")), "{told:?}");
        client.tell("open gate").await?;
        client.all_is_right().await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_is_evicted_for_its_own_disk_is_told() -> Result<()> {
    test("own-disk", async |space| {
        let dask = inputs::apply(&space, "too-much-of-its-own-disk").await?;
        let group = dask.default_group();
        // The kubelet looks at disks twice a minute.
        let told =
            dask.group_condition(&group, Wanted("PodsFailing", true, "OwnLimitExceeded"), secs(180)).await?;
        ensure!(told.message.contains("ephemeral-storage"), "{}", told.message);
        until("rounds are counted", secs(180), async || {
            let failures = dask.group(&group).await?.status.and_then(|s| s.failures).context("no count")?;
            ensure!(failures >= 2, "{failures} rounds");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_cluster_that_a_client_shut_down_comes_back() -> Result<()> {
    test("shutdown", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 1)?).await?;
        let mut client = dask.driver().await?;
        let id = dask.identity().await?.id;
        client.tell("shutdown").await?;
        until("another scheduler runs", START, async || {
            ensure!(dask.identity().await?.id != id, "it is still the old one");
            Ok(())
        })
        .await?;
        dask.settled(1, LEAVE + START).await
    })
    .await
}
