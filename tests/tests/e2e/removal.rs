//! Workers that cannot leave at once: busy ones, seceded tasks, P2P shuffles, the last holder of results.

use anyhow::{Result, ensure};
use dask_comm::WorkerStatus;
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, Wanted, is_retiring},
    manifest,
    namespace::test,
    wait::{secs, throughout, until},
};
use kube::ResourceExt;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_busy_worker_finishes_its_task_before_it_leaves() -> Result<()> {
    test("busy", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 2)?).await?;
        let mut client = dask.driver().await?;
        client.tell("gated 2 gate").await?;
        dask.all_busy().await?;
        dask.scale_group("c-default", 1).await?;
        until("one was chosen", secs(20), async || {
            let chosen = dask.pods("c-default").await?.iter().filter(|p| is_retiring(p)).count();
            ensure!(chosen == 1, "{chosen} were chosen");
            Ok(())
        })
        .await?;
        throughout("the chosen one stays while it is busy", secs(15), async || {
            let pods = dask.pods("c-default").await?;
            ensure!(
                pods.len() == 2 && pods.iter().filter(|p| is_retiring(p)).count() == 1,
                "{} pods",
                pods.len()
            );
            Ok(())
        })
        .await?;
        client.tell("open gate").await?;
        dask.settled(1, LEAVE).await?;
        client.nothing_was_lost().await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_seceded_task_and_the_last_result_keep_their_worker() -> Result<()> {
    test("seceded", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 2)?).await?;
        let mut client = dask.driver().await?;
        client.tell("seceded 1 gate").await?;
        let busy = until("the task has seceded", secs(20), async || {
            let identity = dask.identity().await?;
            let long: Vec<_> = identity.workers.values().filter(|w| w.long_running == 1).collect();
            ensure!(long.len() == 1, "{} workers have one", long.len());
            Ok(long[0].name.clone())
        })
        .await?;
        dask.scale_group("c-default", 1).await?;
        dask.settled(1, LEAVE).await?;
        let stayed = dask.pods("c-default").await?.first().map(ResourceExt::name_any);
        ensure!(stayed.as_ref() == Some(&busy), "{stayed:?} stayed, the task is on {busy}");

        dask.scale_group("c-default", 0).await?;
        dask.group_condition("c-default", Wanted("ScaleDownBlocked", true, "NotOffered"), secs(20)).await?;
        throughout("the seceded task keeps its worker", secs(5), async || stays(&dask).await).await?;
        client.tell("open gate").await?;
        dask.group_condition("c-default", Wanted("ScaleDownLimitedByMemory", true, ""), secs(20)).await?;
        throughout("the last result keeps its worker", secs(5), async || stays(&dask).await).await?;
        client.nothing_was_lost().await?;
        client.tell("release").await?;
        dask.settled(0, LEAVE).await
    })
    .await
}

async fn stays(dask: &Dask) -> Result<()> {
    let pods = dask.pods("c-default").await?;
    ensure!(pods.len() == 1 && !is_retiring(&pods[0]), "{} pods", pods.len());
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_p2p_shuffle_runs_once_and_the_shrink_waits_for_it() -> Result<()> {
    test("shuffle", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 3)?).await?;
        let mut client = dask.driver().await?;
        client.tell("shuffle gate").await?;
        until("the shuffle has begun", secs(30), async || {
            let troubles = client.troubles().await?;
            ensure!(troubles.p2p_runs == 1, "{troubles:?}");
            Ok(())
        })
        .await?;
        dask.scale_group("c-default", 1).await?;
        // From 2024.4.2 on the scheduler keeps those that take part to itself; before, no worker leaves.
        let old = std::env::var("E2E_DASK").is_ok_and(|v| v.starts_with("2024.1."));
        let reason = if old { "ShuffleRunning" } else { "NotOffered" };
        dask.group_condition("c-default", Wanted("ScaleDownBlocked", true, reason), secs(20)).await?;
        throughout("no worker leaves", secs(5), async || {
            let pods = dask.pods("c-default").await?;
            ensure!(pods.len() == 3 && !pods.iter().any(is_retiring), "{} pods", pods.len());
            Ok(())
        })
        .await?;
        client.tell("open gate").await?;
        dask.settled(1, LEAVE).await?;
        client.nothing_was_lost().await?;
        let troubles = client.troubles().await?;
        ensure!(troubles.p2p_runs == 1, "the shuffle started anew: {troubles:?}");
        dask.group_condition("c-default", Wanted("ScaleDownBlocked", false, ""), secs(10)).await.map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn demand_that_returns_while_all_workers_leave_gets_a_worker_that_works() -> Result<()> {
    test("returns", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 2)?).await?;
        let mut client = dask.driver().await?;
        client.tell("gated 2 gate").await?;
        dask.all_busy().await?;
        dask.scale_group("c-default", 0).await?;
        until("both leave, for the scheduler too", secs(20), async || {
            let identity = dask.identity().await?;
            let leaving =
                identity.workers.values().filter(|w| w.status == WorkerStatus::ClosingGracefully).count();
            ensure!(leaving == 2, "{leaving} leave");
            Ok(())
        })
        .await?;
        // A worker that the scheduler has let go of takes no tasks again: only a new one can take these results.
        dask.scale_group("c-default", 1).await?;
        client.tell("open gate").await?;
        dask.settled(1, START).await?;
        client.tell("compute 2 0.01").await?;
        client.nothing_was_lost().await
    })
    .await
}
