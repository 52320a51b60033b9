//! What becomes of a worker process under its agent: one that fills its memory, one that hangs, one that is killed.

use anyhow::{Context, Result, ensure};
use dask_comm::WorkerInfo;
use dask_operator_tests::{
    dask::{Dask, START},
    driver::Driver,
    manifest,
    namespace::{Space, test},
    node::Process,
    wait::{secs, throughout, until},
};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;

/// A cluster of one worker with the agent as its nanny, the worker, and its pod.
async fn one(space: &Space) -> Result<(Dask, Driver, WorkerInfo, Pod)> {
    let mut cluster = manifest::cluster("c", 1)?;
    let worker = &mut cluster["spec"]["worker"];
    worker["agent"] = json!({"mode": "Full"});
    // More than the worker's own limit of 256 MiB, so that there is time to act before the kernel does.
    worker["spec"]["containers"][0]["resources"]["limits"] = json!({"memory": "512Mi"});
    let dask = Dask::start(space, &cluster).await?;
    let client = dask.driver().await?;
    let worker = dask.identity().await?.workers.into_values().next().context("no worker")?;
    let pod = dask.pods("c-default").await?.pop().context("no pod")?;
    Ok((dask, client, worker, pod))
}

/// Another process of the same name, in the same pod, whose container was not started again.
async fn comes_again(dask: &Dask, space: &Space, before: &WorkerInfo, pod: &Pod) -> Result<()> {
    until("another process is registered", START, async || {
        let workers = dask.identity().await?.workers;
        let again = workers.values().find(|w| w.name == before.name && w.address != before.address);
        ensure!(again.is_some(), "{:?}", workers.keys());
        Ok(())
    })
    .await?;
    stays(space, pod).await
}

/// The pod is the same, and none of its containers was started again.
async fn stays(space: &Space, pod: &Pod) -> Result<()> {
    let now: Pod = space.api().get(&pod.name_any()).await?;
    let statuses = now.status.as_ref().and_then(|s| s.container_statuses.as_ref());
    let restarts: i32 = statuses.into_iter().flatten().map(|c| c.restart_count).sum();
    ensure!(now.uid() == pod.uid() && restarts == 0, "{restarts} restarts of its containers");
    ensure!(now.metadata.deletion_timestamp.is_none(), "it is being deleted");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn one_that_fills_its_memory_is_restarted_by_the_agent_and_not_killed_by_the_kernel() -> Result<()> {
    test("hog", async |space| {
        let (dask, mut client, worker, pod) = one(&space).await?;
        client.tell(&format!("hog {} 340", worker.address)).await?;
        comes_again(&dask, &space, &worker, &pod).await?;
        let told = client.tell("events worker-restart-memory").await?;
        ensure!(told.as_array().is_some_and(|t| !t.is_empty()), "{told}");
        until("its group counts it", START, async || {
            let counts =
                dask.group("c-default").await?.status.and_then(|s| s.workers).context("no counts")?;
            ensure!((counts.restarts, counts.oom_kills) == (Some(1), None), "{counts:?}");
            Ok(())
        })
        .await?;
        client.tell("release").await?;
        client.tell("compute 3 0.01").await?;
        client.all_is_right().await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn one_that_hangs_keeps_what_it_holds_and_its_pod() -> Result<()> {
    test("hangs", async |space| {
        let (dask, mut client, worker, pod) = one(&space).await?;
        client.tell(&format!("pin kept {}", worker.address)).await?;
        client.tell("gated 1 gate").await?;
        dask.all_busy().await?;
        let process = Process::started_by(&pod).await?;
        process.freeze().await?;
        let kept = throughout("it is not taken for dead", secs(15), async || stays(&space, &pod).await).await;
        process.thaw().await?;
        kept?;
        client.tell("open gate").await?;
        client.nothing_was_lost().await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn one_that_is_killed_comes_again_and_its_task_runs_once_more() -> Result<()> {
    test("killed", async |space| {
        let (dask, mut client, worker, pod) = one(&space).await?;
        client.tell("gated 1 gate").await?;
        dask.all_busy().await?;
        Process::started_by(&pod).await?.kill().await?;
        comes_again(&dask, &space, &worker, &pod).await?;
        client.tell("open gate").await?;
        client.all_is_right().await?;
        let runs = client.tell("runs").await?;
        ensure!(runs["most"] == 2, "{runs}");
        Ok(())
    })
    .await
}
