//! Pods that have to go although as many workers are wanted: the agent sees that nothing of theirs is lost.

mod all_leave;
mod tls;

use anyhow::{Result, ensure};
use dask_comm::WorkerStatus;
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, Wanted},
    manifest,
    namespace::{Space, test},
    wait::{secs, until},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::ListParams};
use serde_json::json;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_deleted_pod_hands_over_and_finishes_first() -> Result<()> {
    test("agent-delete", async |space| {
        goes_without_loss(&space, "Full", async |pod| {
            space.kubectl(&["delete", "pod", pod, "--wait=false"]).await.map(drop)
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_evicted_pod_hands_over_and_finishes_first() -> Result<()> {
    test("agent-evict", async |space| {
        goes_without_loss(&space, "Drain", async |pod| space.evict(pod).await).await
    })
    .await
}

/// A worker holds the only copy of a value and runs a task while its pod has to go.
async fn goes_without_loss(
    space: &Space,
    mode: &str,
    go: impl AsyncFnOnce(&str) -> Result<()>,
) -> Result<()> {
    let mut cluster = manifest::cluster("c", 2)?;
    cluster["spec"]["worker"]["agent"] = json!({ "mode": mode });
    // Handing over takes a second or two; on a busy machine the tests' usual 5 s are not enough.
    cluster["spec"]["worker"]["spec"]["terminationGracePeriodSeconds"] = json!(30);
    let dask = Dask::start(space, &cluster).await?;
    dask.group_condition("c-default", Wanted("WorkerAgent", true, mode), secs(5)).await?;
    let mut client = dask.driver().await?;
    let identity = dask.identity().await?;
    let (address, worker) =
        identity.workers.first_key_value().map(|(a, w)| (a.clone(), w.clone())).unwrap_or_default();
    client.tell(&format!("pin kept {address}")).await?;
    client.tell("gated 2 gate").await?;
    dask.all_busy().await?;

    go(&worker.name).await?;
    until("it is leaving, and the value is elsewhere", secs(20), async || {
        let identity = dask.identity().await?;
        let leaving =
            identity.workers.get(&address).is_some_and(|w| w.status == WorkerStatus::ClosingGracefully);
        let held: u64 = identity.workers.values().filter(|w| w.address != address).map(|w| w.in_memory).sum();
        ensure!(leaving && held == 1, "leaving: {leaving}; others hold {held} values");
        Ok(())
    })
    .await?;
    let pods = space.api::<Pod>();
    ensure!(pods.get_opt(&worker.name).await?.is_some(), "its task runs, and its pod is gone");
    client.tell("open gate").await?;
    until("its pod is gone", LEAVE, async || {
        ensure!(pods.get_opt(&worker.name).await?.is_none(), "it is still there");
        Ok(())
    })
    .await?;
    client.nothing_was_lost().await?;
    dask.settled(2, START).await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_deleted_cluster_ends_at_once() -> Result<()> {
    test("agent-cluster", async |space| {
        let mut cluster = manifest::cluster("c", 4)?;
        // An agent that waited for a recipient would wait for as long as this.
        cluster["spec"]["worker"]["spec"]["terminationGracePeriodSeconds"] = 300.into();
        let dask = Dask::start(&space, &cluster).await?;
        let mut client = dask.driver().await?;
        client.tell("gated 4 gate").await?;
        dask.all_busy().await?;
        space.kubectl(&["delete", "daskcluster", "c", "--wait=false"]).await?;
        // Kubernetes' garbage collector deletes the pods; where much is deleted at once, that begins late.
        until("its pods are being deleted", START, async || {
            let pods = space.api::<Pod>().list(&ListParams::default()).await?.items;
            let living = pods.iter().filter(|p| p.metadata.deletion_timestamp.is_none()).count();
            ensure!(living == 0, "{living} are not");
            Ok(())
        })
        .await?;
        // A scheduler counts as gone when it could not be reached for 10 s; one that says that it closes, at once.
        until("all its pods are gone", secs(90), async || {
            let left = space.api::<Pod>().list(&ListParams::default()).await?.items.len();
            ensure!(left == 0, "{left} pods are left");
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_image_without_the_workers_program_says_so() -> Result<()> {
    test("agent-no-dask", async |space| {
        let mut cluster = manifest::cluster("c", 1)?;
        let worker = &mut cluster["spec"]["worker"]["spec"]["containers"][0];
        worker["command"] = json!(["no-such-dask", "worker"]);
        worker["args"] = json!([]);
        let dask = Dask::create(&space, &cluster).await?;
        // At first, a probe that failed may be all that Kubernetes tells of it.
        until("the condition tells how it ended", START, async || {
            let wanted = Wanted("PodsFailing", true, "");
            let told = dask.group_condition("c-default", wanted, START).await?;
            ensure!(told.message.contains("127") && told.message.contains("log"), "{}", told.message);
            Ok(())
        })
        .await?;
        let name = dask.pods("c-default").await?.first().map(ResourceExt::name_any).unwrap_or_default();
        let log = space.kubectl(&["logs", &name]).await?;
        ensure!(log.contains("no-such-dask"), "{log}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn what_only_the_image_tells_of_its_nanny_is_told() -> Result<()> {
    test("agent-preload", async |space| {
        let config = json!({"preload.yaml": "distributed: {nanny: {preload: [os]}}"});
        let meta = json!({"name": "dask"});
        space
            .apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": config}))
            .await?;
        let mut cluster = manifest::cluster("c", 1)?;
        cluster["spec"]["worker"]["agent"] = json!({"mode": "Full"});
        let spec = &mut cluster["spec"]["worker"]["spec"];
        spec["volumes"] = json!([{"name": "dask", "configMap": {"name": "dask"}}]);
        spec["containers"][0]["volumeMounts"] = json!([{"name": "dask", "mountPath": "/dask"}]);
        spec["containers"][0]["env"] = json!([{"name": "DASK_CONFIG", "value": "/dask"}]);
        let dask = Dask::start(&space, &cluster).await?;
        until("the condition tells it", START, async || {
            let told =
                dask.group_condition("c-default", Wanted("WorkerAgent", true, "Full"), secs(5)).await?;
            ensure!(told.message.contains("keeps Dask's own Nanny"), "{}", told.message);
            Ok(())
        })
        .await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn workers_may_run_without_it() -> Result<()> {
    test("agent-disabled", async |space| {
        let mut cluster = manifest::cluster("c", 1)?;
        cluster["spec"]["worker"]["agent"] = json!({"mode": "Disabled"});
        let dask = Dask::start(&space, &cluster).await?;
        dask.group_condition("c-default", Wanted("WorkerAgent", false, "Disabled"), secs(5)).await?;
        let pods = dask.pods("c-default").await?;
        let spec = pods.first().and_then(|p| p.spec.clone()).unwrap_or_default();
        ensure!(spec.init_containers.unwrap_or_default().is_empty(), "it has an init container");
        Ok(())
    })
    .await
}
