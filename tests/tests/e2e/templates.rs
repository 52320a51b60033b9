//! Edited templates: nothing that runs is restarted.

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, START, Wanted},
    manifest,
    namespace::test,
    wait::{secs, throughout, until},
};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_edited_scheduler_is_pending_and_not_restarted() -> Result<()> {
    test("pending", async |space| {
        let mut manifest = manifest::cluster("c", 0)?;
        let dask = Dask::start(&space, &manifest).await?;
        let uid = dask.scheduler_pod().await?.uid();
        let generation = space.api::<Deployment>().get("c-scheduler").await?.metadata.generation;
        manifest["spec"]["scheduler"]["spec"]["containers"][0]["env"] = json!([{"name": "X", "value": "1"}]);
        space
            .patch("daskcluster", "c", &json!({"spec": {"scheduler": manifest["spec"]["scheduler"]}}))
            .await?;
        let condition = dask.condition(Wanted("SchedulerUpdatePending", true, ""), secs(20)).await?;
        ensure!(condition.message.contains("delete deployment c-scheduler"), "{}", condition.message);
        space.events("c", &condition.reason).await?;
        throughout("the scheduler is left alone", secs(5), async || {
            ensure!(dask.scheduler_pod().await?.uid() == uid);
            ensure!(space.api::<Deployment>().get("c-scheduler").await?.metadata.generation == generation);
            Ok(())
        })
        .await?;
        // What the message says.
        space.kubectl(&["delete", "deployment", "c-scheduler"]).await?;
        dask.condition(Wanted("SchedulerUpdatePending", false, ""), START).await?;
        until("the new scheduler has what was asked for", START, async || {
            let pod = dask.scheduler_pod().await?;
            let env = json!(pod.spec)["containers"][0]["env"].clone();
            ensure!(env == json!([{"name": "X", "value": "1"}]), "{env}");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_edited_worker_template_is_for_new_pods() -> Result<()> {
    test("outdated", async |space| {
        let mut manifest = manifest::cluster("c", 1)?;
        let dask = Dask::start(&space, &manifest).await?;
        let uid = dask.pods("c-default").await?.first().and_then(ResourceExt::uid).context("no pod")?;
        let mut worker = manifest["spec"]["worker"].take();
        worker["spec"]["containers"][0]["env"] = json!([{"name": "X", "value": "1"}]);
        space.patch("daskcluster", "c", &json!({"spec": {"worker": worker}})).await?;
        outdated(&dask, 1).await?;
        dask.scale(2).await?;
        dask.settled(2, START).await?;
        outdated(&dask, 1).await?;
        let pods = dask.pods("c-default").await?;
        for pod in &pods {
            let is_new = pod.uid().as_ref() != Some(&uid);
            let env = json!(pod.spec)["containers"][0]["env"].clone();
            let has = env.as_array().into_iter().flatten().any(|v| v["name"] == "X");
            ensure!(has == is_new, "{}: {env}", pod.name_any());
        }
        ensure!(pods.iter().any(|p| p.uid().as_ref() == Some(&uid)), "the old worker is gone");
        Ok(())
    })
    .await
}

async fn outdated(dask: &Dask, pods: i32) -> Result<()> {
    until(&format!("{pods} outdated"), secs(20), async || {
        let counts = dask.group("c-default").await?.status.and_then(|s| s.workers).context("no counts")?;
        ensure!(counts.outdated == pods, "{counts:?}");
        Ok(())
    })
    .await
}
