//! What was lost or changed by hand comes back.

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, START},
    manifest,
    namespace::{Space, test},
    wait::{secs, until},
};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Service};
use kube::ResourceExt;
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_lost_worker_a_lost_service_and_a_lost_group_come_back() -> Result<()> {
    test("lost", async |space| {
        // An agent might save even what a pod runs that has no time to end.
        let mut cluster = manifest::cluster("c", 2)?;
        cluster["spec"]["worker"]["agent"] = json!({"mode": "Disabled"});
        let dask = Dask::start(&space, &cluster).await?;
        let mut client = dask.driver().await?;
        client.tell("gated 2 gate").await?;
        dask.all_busy().await?;
        let victim = dask.pods("c-default").await?.first().context("no pod")?.name_any();
        space.kubectl(&["delete", "pod", &victim, "--grace-period=0", "--force"]).await?;
        dask.settled(2, START).await?;
        ensure!(
            dask.pods("c-default").await?.iter().all(|p| p.name_any() != victim),
            "a name was used twice"
        );
        client.tell("open gate").await?;
        client.all_is_right().await?;
        // Without a retirement its task was lost and ran again: what the other tests look for can be seen.
        let (troubles, runs) = (client.troubles().await?, client.tell("runs").await?);
        ensure!(troubles.suspicious == 1 && runs["most"] == 2, "{troubles:?}, {runs}");
        client.tell("release").await?;
        space.step("the worker was replaced");
        service_comes_back(&space).await?;
        space.step("the Service is as it was");

        let before = dask.group("c-default").await?.uid();
        space.kubectl(&["delete", "daskworkergroup", "c-default"]).await?;
        until("the default group is back", secs(30), async || {
            ensure!(dask.group("c-default").await?.uid() != before);
            Ok(())
        })
        .await?;
        dask.settled(2, START).await?;
        client.tell("compute 6 0.01").await?;
        client.all_is_right().await
    })
    .await
}

/// After it was deleted, and as it was after an edit.
async fn service_comes_back(space: &Space) -> Result<()> {
    space.kubectl(&["delete", "service", "c-scheduler"]).await?;
    until("the Service is back", secs(20), async || {
        Ok(space.api::<Service>().get("c-scheduler").await?.name_any())
    })
    .await?;
    let other = json!({"spec": {"selector": {"dask.org/component": "nobody"}}});
    space.patch("service", "c-scheduler", &other).await?;
    until("its selector is repaired", secs(20), async || {
        let selector = space.api::<Service>().get("c-scheduler").await?.spec.and_then(|s| s.selector);
        let component = selector.as_ref().and_then(|s| s.get("dask.org/component"));
        ensure!(component.is_some_and(|c| c == "scheduler"), "{selector:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_lost_scheduler_comes_back_with_workers_that_know_it() -> Result<()> {
    test("scheduler", async |space| {
        let dask = Dask::start(&space, &manifest::cluster("c", 2)?).await?;
        for step in ["delete pod", "scale to 0", "delete deployment"] {
            space.step(step);
            let (pod, id) = (dask.scheduler_pod().await?, dask.identity().await?.id);
            match step {
                "delete pod" => space.kubectl(&["delete", "pod", &pod.name_any()]).await?,
                "scale to 0" => space.kubectl(&["scale", "deployment/c-scheduler", "--replicas=0"]).await?,
                _ => space.kubectl(&["delete", "deployment", "c-scheduler"]).await?,
            };
            until("another scheduler runs", START, async || {
                ensure!(dask.scheduler_pod().await?.uid() != pod.uid(), "it is still the old one");
                ensure!(dask.identity().await?.id != id);
                let deployment: Deployment = space.api().get("c-scheduler").await?;
                ensure!(deployment.spec.and_then(|s| s.replicas) == Some(1));
                Ok(())
            })
            .await?;
            dask.settled(2, START).await?;
        }
        let mut client = dask.driver().await?;
        client.tell("compute 6 0.01").await?;
        client.nothing_was_lost().await
    })
    .await
}
