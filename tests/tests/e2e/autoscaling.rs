//! Autoscalers: from none to many and back, with the work they follow; two that want the same group.

use anyhow::{Context, Result, ensure};
use dask_crds::DaskAutoscaler;
use dask_operator_tests::{
    dask::{Dask, START, Wanted},
    manifest,
    namespace::{Space, test},
    wait::{secs, throughout, until},
};
use kube::ResourceExt;
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn workers_come_with_the_work_and_go_with_its_results() -> Result<()> {
    test("autoscale", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 0)?).await?;
        let _: DaskAutoscaler = space.create_object(&manifest::autoscaler("c", "c", 0, 4)).await?;
        active(&dask, "c").await?;
        throughout("no work, no workers", secs(4), async || {
            ensure!(dask.pods("c-default").await?.is_empty());
            Ok(())
        })
        .await?;
        let mut client = dask.driver().await?;
        client.tell("compute 80 0.5").await?;
        let most = until("workers come", START, async || {
            let workers = dask.identity().await?.workers.len();
            ensure!(workers >= 2, "{workers} workers");
            Ok(workers)
        })
        .await?;
        space.step(&format!("{most} workers are there"));
        client.nothing_was_lost().await?;
        let runs = client.tell("runs").await?;
        let took_part = runs["by_worker"].as_object().context("by_worker")?.len();
        ensure!((2..=4).contains(&took_part), "tasks ran on {took_part} workers: {runs}");
        space.step(&format!("the work is done: {runs}"));

        // Results are held: the group shrinks to the workers that hold them.
        until("all but one worker left", secs(150), async || {
            let pods = dask.pods("c-default").await?.len();
            ensure!(pods == 1, "{pods} pods");
            Ok(())
        })
        .await?;
        space.step("one worker is left");
        throughout("the results keep a worker", secs(25), async || {
            ensure!(dask.pods("c-default").await?.len() == 1);
            Ok(())
        })
        .await?;
        client.nothing_was_lost().await?;
        client.tell("release").await?;
        dask.settled(0, secs(60)).await?;
        what_was_learned_and_done_is_told(&space).await?;
        space.patch("daskautoscaler", "c", &json!({"spec": {"mode": "Paused"}})).await?;
        dask.autoscaler_condition("c", Wanted("Active", false, "Paused"), secs(30)).await?;
        dask.scale_group("c-default", 1).await?;
        dask.settled(1, START).await
    })
    .await
}

async fn what_was_learned_and_done_is_told(space: &Space) -> Result<()> {
    let autoscaler: DaskAutoscaler = space.api().get("c").await?;
    let status = autoscaler.status.context("no status")?;
    ensure!(status.startup_seconds.is_some_and(|s| (1..120).contains(&s)), "{status:?}");
    let (last, first) = (status.changes.first().context("none")?, status.changes.last().context("none")?);
    ensure!((first.from, last.to) == (0, 0) && first.reason.contains("tasks wait for one"), "{status:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn of_two_autoscalers_the_older_acts() -> Result<()> {
    test("conflict", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 0)?).await?;
        let _: DaskAutoscaler = space.create_object(&manifest::autoscaler("older", "c", 1, 1)).await?;
        active(&dask, "older").await?;
        let mut younger = manifest::autoscaler("younger", "c", 2, 2);
        younger["spec"]["workerGroup"] = json!("c-default");
        let _: DaskAutoscaler = space.create_object(&younger).await?;
        dask.autoscaler_condition("younger", Wanted("Conflict", true, ""), secs(30)).await?;
        space.events("younger", "OlderExists").await?;
        dask.settled(1, START).await?;
        active(&dask, "older").await?;
        space.kubectl(&["delete", "daskautoscaler", "older"]).await?;
        active(&dask, "younger").await?;
        dask.settled(2, START).await?;
        let owners = space.api::<DaskAutoscaler>().get("younger").await?.owner_references().to_vec();
        ensure!(owners.iter().any(|o| o.kind == "DaskCluster" && o.name == "c"), "{owners:?}");
        Ok(())
    })
    .await
}

async fn active(dask: &Dask, name: &str) -> Result<()> {
    dask.autoscaler_condition(name, Wanted("Active", true, ""), secs(30)).await.map(drop)
}
