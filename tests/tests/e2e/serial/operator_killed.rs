//! The operator dies in the middle of a shrink. All tests share it, so this one runs alone.

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, is_ready, is_retiring},
    kubectl, manifest,
    namespace::{Space, test_alone},
    settings::OPERATOR,
    wait::{secs, until},
};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_shrink_goes_on_where_a_killed_operator_left_it() -> Result<()> {
    test_alone("killed", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 4)?).await?;
        let mut client = dask.driver().await?;
        client.tell("scatter 8 100000").await?;
        client.tell("compute 8 0.05").await?;
        client.all_is_right().await?;
        client.tell("gated 4 gate").await?;
        dask.all_busy().await?;
        dask.scale_group("c-default", 1).await?;
        until("three were chosen", secs(20), async || {
            let chosen = dask.pods("c-default").await?.iter().filter(|p| is_retiring(p)).count();
            ensure!(chosen == 3, "{chosen} were chosen");
            Ok(())
        })
        .await?;
        let mut job = manifest::job("j", &["true"])?;
        job["spec"]["job"]["spec"]["containers"][0]["image"] = json!("localhost/no-such-image:1");
        space.apply(&job).await?;
        told(&space, 1).await?;
        kill_operator(&space).await?;
        // The next operator finds the same trouble, and counts where the first one told.
        told(&space, 2).await?;
        client.tell("open gate").await?;
        dask.settled(1, LEAVE).await?;
        client.nothing_was_lost().await
    })
    .await
}

/// Waits until a warning about the job was told this often.
async fn told(space: &Space, times: i32) -> Result<()> {
    let about = ListParams::default().fields("involvedObject.name=j,type=Warning");
    until(&format!("told {times} times"), secs(60), async || {
        let events = space.api::<Event>().list(&about).await?.items;
        let counts: Vec<i32> = events.iter().filter_map(|e| e.count).collect();
        ensure!(counts.iter().any(|n| *n >= times), "{counts:?}");
        Ok(())
    })
    .await
}

/// Kills the operator with a moment's notice and waits for the next one.
async fn kill_operator(space: &Space) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(space.client.clone(), OPERATOR.0);
    let labels = format!("app.kubernetes.io/name={}", OPERATOR.1);
    let params = ListParams::default().labels(&labels);
    let killed = pods.list(&params).await?.items.first().context("no operator")?.name_any();
    kubectl::run(&["-n", OPERATOR.0, "delete", "pod", &killed, "--grace-period=0", "--force"]).await?;
    until("another operator runs", secs(60), async || {
        let pods = pods.list(&params).await?.items;
        ensure!(pods.iter().any(|p| p.name_any() != killed && is_ready(p)), "{} pods", pods.len());
        Ok(())
    })
    .await?;
    space.step("the operator was killed and is back");
    Ok(())
}
