//! Groups that grow for their own work, and work that no worker can do.

use anyhow::{Result, ensure};
use dask_crds::{DaskAutoscaler, DaskWorkerGroup};
use dask_operator_tests::{
    dask::{Dask, START, Wanted},
    manifest,
    namespace::test,
    wait::{secs, throughout, until},
};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn work_grows_the_group_that_can_do_it() -> Result<()> {
    test("demand", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 0)?).await?;
        let mut group = manifest::group("gpu", "c", 0)?;
        let args = group["spec"]["worker"]["spec"]["containers"][0]["args"].as_array_mut();
        args.into_iter().for_each(|args| args.extend(["--resources".into(), "GPU=1".into()]));
        let _: DaskWorkerGroup = space.create_object(&group).await?;
        let _: DaskAutoscaler = space.create_object(&manifest::autoscaler("plain", "c", 0, 4)).await?;
        let mut scaler = manifest::autoscaler("gpu", "c", 0, 2);
        scaler["spec"]["workerGroup"] = json!("gpu");
        let _: DaskAutoscaler = space.create_object(&scaler).await?;
        told(&dask, Wanted("DemandKnown", true, "Known")).await?;

        let mut client = dask.driver().await?;
        client.tell("needs 40 TPU").await?;
        told(&dask, Wanted("Infeasible", true, "NoWorkerFits")).await?;
        space.events("plain", "NoWorkerFits").await?;
        throughout("no worker comes for work that none can do", secs(5), async || {
            let pods = (dask.pods("c-default").await?.len(), dask.pods("gpu").await?.len());
            ensure!(pods == (0, 0), "{pods:?}");
            Ok(())
        })
        .await?;

        client.tell("needs 30 GPU").await?;
        until("workers with a GPU do their work", START, async || {
            let plain = dask.pods("c-default").await?.len();
            ensure!(plain == 0, "{plain} plain workers");
            let runs = client.tell("runs").await?;
            ensure!(runs["tasks"] == 30, "{runs}");
            Ok(())
        })
        .await?;
        client.tell("release").await?;
        told(&dask, Wanted("Infeasible", false, "Feasible")).await?;
        until("all have left", secs(90), async || {
            let left = dask.pods("gpu").await?.len();
            ensure!(left == 0, "{left} are left");
            Ok(())
        })
        .await
    })
    .await
}

async fn told(dask: &Dask, wanted: Wanted<'_>) -> Result<()> {
    dask.autoscaler_condition("plain", wanted, secs(30)).await.map(drop)
}
