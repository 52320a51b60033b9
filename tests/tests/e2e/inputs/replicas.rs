//! Numbers of pods: from none, and of groups that are applied again.

use anyhow::{Context, Result, ensure};
use dask_crds::{DaskAutoscaler, DaskWorkerGroup};
use dask_operator_tests::{
    dask::START,
    inputs,
    namespace::test,
    wait::{secs, throughout, until},
};

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn processes_count_before_there_are_any() -> Result<()> {
    test("from-zero", async |space| {
        let dask = inputs::apply(&space, "from-zero-with-processes").await?;
        dask.condition(dask_operator_tests::dask::Wanted("SchedulerReady", true, ""), START).await?;
        let mut client = until("a client", START, async || dask.driver().await).await?;
        // Dask takes half a second for what it does not know: twenty seconds in all, of which four workers take five each.
        client.tell("gated 40 gate").await?;
        until("the number is one of pods", secs(30), async || {
            let status = space.api::<DaskAutoscaler>().get("packed").await?.status.context("no status")?;
            let (target, desired) =
                (status.target.context("no target")?, status.desired.context("no number")?);
            ensure!(target > 1 && desired == ((target + 3) / 4).min(4), "target {target}, desired {desired}");
            Ok(())
        })
        .await?;
        let pods = dask.pods(&dask.default_group()).await?.len();
        ensure!(pods <= 2, "{pods} pods were made");
        client.tell("open gate").await.map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_group_may_be_applied_again_and_again() -> Result<()> {
    test("applied-again", async |space| {
        let dask = inputs::apply(&space, "group-that-is-applied-again").await?;
        dask.group_settled("synced-more", 1, START).await?;
        for manifest in inputs::read("group-that-is-applied-again")? {
            space.apply(&manifest).await?;
        }
        throughout("the autoscaler's number stays", secs(4), async || {
            let group: DaskWorkerGroup = space.api().get("synced-more").await?;
            ensure!(group.spec.worker.replicas == 1, "{}", group.spec.worker.replicas);
            Ok(())
        })
        .await
    })
    .await
}
