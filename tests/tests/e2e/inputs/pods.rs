//! What is in worker pods: for autoscalers of nodes, and for clusters that allow little.

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, START},
    inputs,
    namespace::{Space, test},
    wait::{secs, until},
};
use kube::ResourceExt;
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_node_with_workers_can_be_emptied() -> Result<()> {
    test("emptied", async |space| {
        let dask = inputs::apply(&space, "node-is-emptied").await?;
        dask.settled(1, START).await?;
        let pod = inputs::a_pod(&dask).await?;
        let told = |name: &str| pod.annotations().get(&format!("cluster-autoscaler.kubernetes.io/{name}"));
        ensure!(told("safe-to-evict").is_some_and(|v| v == "true"), "{:?}", pod.annotations());
        let volumes = told("safe-to-evict-local-volumes").cloned().unwrap_or_default();
        ensure!(volumes.split(',').any(|v| v == "dask-agent"), "{:?}", pod.annotations());
        // Who drains nodes says that folders of pods may go with them: docs/removing-a-worker.md.
        let node = pod.spec.as_ref().and_then(|s| s.node_name.clone()).context("no node")?;
        let selector = format!("--pod-selector=dask.org/cluster-name={}", dask.name);
        let words =
            ["drain", &node, "--dry-run=client", "--delete-emptydir-data", "--ignore-daemonsets", &selector];
        let evicted = space.kubectl(&words).await?;
        ensure!(evicted.contains(&pod.name_any()), "{evicted}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_init_container_asks_for_no_gpu() -> Result<()> {
    test("no-gpu", async |space| {
        let init = init_container(&space, "gpu-of-the-worker").await?;
        let limits = &init["resources"]["limits"];
        ensure!(limits["nvidia.com/gpu"].is_null() && limits["memory"] == "1Gi", "{init}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_init_container_has_no_seccomp_profile_of_its_own() -> Result<()> {
    test("no-seccomp", async |space| {
        let security = init_container(&space, "user-of-the-image").await?["securityContext"].clone();
        ensure!(security["seccompProfile"].is_null() && security["runAsUser"] == 1000, "{security}");
        Ok(())
    })
    .await
}

/// The agent's init container in a worker pod of this input.
async fn init_container(space: &Space, input: &str) -> Result<Value> {
    let dask: Dask = inputs::apply(space, input).await?;
    let pod = until("there is a pod", secs(60), async || inputs::a_pod(&dask).await).await?;
    Ok(json!(pod.spec)["initContainers"][0].clone())
}
