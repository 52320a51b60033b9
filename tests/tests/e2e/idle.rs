//! `idleTimeout`: a cluster without work is deleted, one with work is not.

use anyhow::{Result, ensure};
use dask_crds::DaskCluster;
use dask_operator_tests::{
    dask::{Dask, Wanted},
    manifest,
    namespace::test,
    wait::{secs, throughout, until},
};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_cluster_goes_when_it_was_idle_for_long_and_not_before() -> Result<()> {
    test("idle", async |space| {
        let mut manifest = manifest::cluster("c", 1)?;
        manifest["spec"]["idleTimeout"] = json!(20);
        let dask = Dask::start(&space, &manifest).await?;
        let mut client = dask.driver().await?;
        client.tell("gated 1 gate").await?;
        dask.all_busy().await?;
        throughout("it works, and stays", secs(27), async || {
            let cluster = dask.cluster().await?;
            ensure!(cluster.metadata.deletion_timestamp.is_none(), "it is being deleted");
            Ok(())
        })
        .await?;
        client.tell("open gate").await?;
        client.all_is_right().await?;
        let told = dask.condition(Wanted("Idle", true, "NoWork"), secs(15)).await?;
        ensure!(told.message.contains("spec.idleTimeout: 20"), "{}", told.message);
        until("it is gone", secs(45), async || {
            ensure!(space.api::<DaskCluster>().get_opt("c").await?.is_none(), "it is there");
            Ok(())
        })
        .await?;
        space.events("c", "IdleTimeout").await.map(drop)
    })
    .await
}
