//! A node says that it is about to go, while a worker on it holds the only copy of a value and runs a task.

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, Wanted, is_ready, is_retiring},
    kubectl, manifest,
    namespace::{Space, test_alone},
    wait::{secs, until},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::agent::{CONTROL_PLANE, put, two_nodes};

/// How the Cluster Autoscaler says it. It keeps new pods away, and ends none.
const TAINT: &str = "ToBeDeletedByClusterAutoscaler";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn workers_leave_a_node_that_is_about_to_go_after_others_were_made() -> Result<()> {
    test_alone("node-leaves", async |space| {
        let (stays, goes) = two_nodes(&space).await?;
        let result = left(&space, &stays, &goes).await;
        kubectl::run(&["taint", "node", &goes, &format!("{TAINT}-")]).await?;
        result
    })
    .await
}

/// A group that prefers the node that goes, and can be on the other one.
fn far_group(goes: &str) -> Result<Value> {
    let mut far = manifest::group("far", "c", 1)?;
    let spec = &mut far["spec"]["worker"]["spec"];
    spec["tolerations"] = json!([{"key": CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule"}]);
    let on_it = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [goes]});
    spec["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] =
        json!([{"weight": 100, "preference": {"matchExpressions": [on_it]}}]);
    Ok(far)
}

async fn left(space: &Space, stays: &str, goes: &str) -> Result<()> {
    let mut cluster = manifest::cluster("c", 1)?;
    for part in ["scheduler", "worker"] {
        put(&mut cluster["spec"][part]["spec"], stays);
    }
    let dask = Dask::start(space, &cluster).await?;
    space.apply(&far_group(goes)?).await?;
    let pod = until("the far worker is ready, on that node", START, async || {
        let pod = dask.pods("far").await?.into_iter().find(is_ready).context("none is")?;
        let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref());
        ensure!(node == Some(goes), "it is on {node:?}");
        Ok(pod.name_any())
    })
    .await?;
    let mut client = dask.driver().await?;
    let address = until("it is registered", START, async || {
        let workers = dask.identity().await?.workers;
        workers.into_values().find(|w| w.name == pod).map(|w| w.address).context("it is not")
    })
    .await?;
    client.tell(&format!("pin kept {address}")).await?;
    client.tell("gated 2 gate").await?;
    dask.all_busy().await?;

    kubectl::run(&["taint", "node", goes, &format!("{TAINT}=:NoSchedule")]).await?;
    dask.group_condition("far", Wanted("WorkersDisrupted", true, "NodeLeaves"), secs(20)).await?;
    until("another one is ready elsewhere, and this one leaves and still runs its task", START, async || {
        let pods = dask.pods("far").await?;
        let other = pods.iter().find(|p| p.name_any() != pod && is_ready(p)).context("no other one")?;
        ensure!(other.spec.as_ref().and_then(|s| s.node_name.as_deref()) == Some(stays));
        ensure!(pods.iter().any(|p| p.name_any() == pod && is_retiring(p)), "it is not leaving");
        Ok(())
    })
    .await?;
    client.tell("open gate").await?;
    until("its pod is gone", LEAVE, async || {
        let pods: Api<Pod> = space.api();
        ensure!(pods.get_opt(&pod).await?.is_none(), "it is still there");
        Ok(())
    })
    .await?;
    client.nothing_was_lost().await?;
    let held: u64 = dask.identity().await?.workers.values().map(|w| w.in_memory).sum();
    ensure!(held >= 1, "the only copy of the value is gone");
    dask.group_condition("far", Wanted("WorkersDisrupted", false, "NoneDisrupted"), secs(20)).await?;
    dask.group_settled("far", 1, LEAVE).await
}
