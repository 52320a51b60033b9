//! Tests that look into nodes, which only those that the harness made allow.

mod worker_process;

use anyhow::{Result, ensure};
use dask_crds::DaskAutoscaler;
use dask_operator_tests::{
    audit,
    dask::{Dask, LEAVE, Wanted, is_retiring},
    manifest,
    namespace::{Space, test},
    node::Process,
    wait::{secs, throughout, until},
};

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn nothing_shrinks_while_the_scheduler_is_frozen() -> Result<()> {
    test("frozen", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 3)?).await?;
        let mut client = dask.driver().await?;
        client.tell("gated 3 gate").await?;
        dask.all_busy().await?;
        dask.scale_group("c-default", 2).await?;
        let retiring = async || -> Result<(usize, usize)> {
            let pods = dask.pods("c-default").await?;
            Ok((pods.len(), pods.iter().filter(|p| is_retiring(p)).count()))
        };
        until("one was chosen", secs(20), async || {
            let seen = retiring().await?;
            ensure!(seen == (3, 1), "{seen:?}");
            Ok(())
        })
        .await?;
        let scheduler = Process::of(&dask.scheduler_pod().await?).await?;
        scheduler.freeze().await?;
        space.step("the scheduler is frozen");
        dask.scale_group("c-default", 1).await?;
        dask.group_condition("c-default", Wanted("ScaleDownBlocked", true, "SchedulerUnreachable"), secs(30))
            .await?;
        dask.group_condition("c-default", Wanted("SchedulerUnreachable", true, ""), secs(10)).await?;
        dask.condition(Wanted("SchedulerUnreachable", true, ""), secs(10)).await?;
        space.events("c-default", "NoAnswer").await?;
        throughout("no worker is chosen, none leaves", secs(10), async || {
            let seen = retiring().await?;
            ensure!(seen == (3, 1), "{seen:?}");
            Ok(())
        })
        .await?;
        scheduler.thaw().await?;
        space.step("the scheduler goes on");
        dask.group_condition("c-default", Wanted("SchedulerUnreachable", false, ""), secs(20)).await?;
        client.tell("open gate").await?;
        dask.settled(1, LEAVE).await?;
        client.nothing_was_lost().await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_settled_cluster_is_not_written_to() -> Result<()> {
    test("quiet", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 1)?).await?;
        // An autoscaler asks its scheduler all the time, and has nothing to say.
        let _: DaskAutoscaler = space.create_object(&manifest::autoscaler("c", "c", 1, 1)).await?;
        dask.settled(1, LEAVE).await?;
        until("the last write", secs(60), async || {
            let before = writes(&space).await?;
            throughout("quiet", secs(4), async || {
                ensure!(writes(&space).await?.len() == before.len(), "still writing");
                Ok(())
            })
            .await
        })
        .await?;
        // What is there already, once more.
        dask.scale(1).await?;
        dask.scale_group("c-default", 1).await?;
        let before = writes(&space).await?;
        ensure!(!before.is_empty(), "the audit log says nothing of the operator in {}", space.name);
        throughout("nothing changes, nothing is written", secs(20), async || {
            let now = writes(&space).await?;
            ensure!(now.len() == before.len(), "{:?}", &now[before.len()..]);
            Ok(())
        })
        .await
    })
    .await
}

async fn writes(space: &Space) -> Result<Vec<audit::Request>> {
    let mut all = audit::requests().await?;
    all.retain(|r| r.namespace == space.name && r.writes());
    Ok(all)
}
