//! A shrink that a person asked for ends: what still refuses after `drainTimeout` is deleted, with a warning.

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, Wanted},
    manifest,
    namespace::test,
    wait::secs,
};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_actor_keeps_its_worker_until_a_persons_patience_ends() -> Result<()> {
    test("patience", async |space| {
        let mut manifest = manifest::cluster("c", 2)?;
        manifest["spec"]["worker"]["drainTimeout"] = json!(12);
        let dask = Dask::start(&space, &manifest).await?;
        let workers = dask.identity().await?.workers;
        let holder = workers.keys().next().context("no worker")?;
        let mut client = dask.driver().await?;
        client.tell(&format!("actor {holder}")).await?;
        client.tell("wait").await?;
        // With another worker about there is room for all it holds; it is the actor that keeps it.
        space.apply(&manifest::group("extra", "c", 1)?).await?;
        dask.group_settled("extra", 1, START).await?;
        dask.scale_group("c-default", 0).await?;
        let told =
            dask.group_condition("c-default", Wanted("ScaleDownBlocked", true, "Refused"), secs(20)).await?;
        ensure!(told.message.contains("drainTimeout"), "{}", told.message);
        dask.settled(0, LEAVE).await?;
        let events = space.events("c-default", "DataLossRisk").await?;
        ensure!(events.len() == 1 && events[0].contains("c-default-worker-"), "{events:?}");
        Ok(())
    })
    .await
}
