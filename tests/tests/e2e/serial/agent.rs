//! A node is emptied while a worker on it holds the only copy of a value and runs a task.

use anyhow::{Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, is_ready},
    kubectl, manifest,
    namespace::{Space, test_alone},
    wait::{secs, until},
};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::{Value, json};

const TAINT: &str = "dask-e2e/empty";
/// What the control plane's own node has.
pub const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn a_tainted_node_loses_its_workers_and_none_of_their_work() -> Result<()> {
    test_alone("agent-taint", async |space| {
        let (stays, goes) = two_nodes(&space).await?;
        let result = emptied(&space, &stays, &goes).await;
        kubectl::run(&["taint", "node", &goes, &format!("{TAINT}-")]).await?;
        result
    })
    .await
}

/// The control plane's node, and another one.
pub async fn two_nodes(space: &Space) -> Result<(String, String)> {
    let nodes = Api::<Node>::all(space.client.clone()).list(&ListParams::default()).await?;
    let is_control = |n: &&Node| n.labels().contains_key(CONTROL_PLANE);
    let (control, others): (Vec<_>, Vec<_>) = nodes.items.iter().partition(is_control);
    ensure!(!control.is_empty() && !others.is_empty(), "it takes two nodes");
    Ok((control[0].name_any(), others[0].name_any()))
}

async fn emptied(space: &Space, stays: &str, goes: &str) -> Result<()> {
    let mut cluster = manifest::cluster("c", 1)?;
    for part in ["scheduler", "worker"] {
        put(&mut cluster["spec"][part]["spec"], stays);
    }
    let dask = Dask::start(space, &cluster).await?;
    let mut far = manifest::group("far", "c", 1)?;
    put(&mut far["spec"]["worker"]["spec"], goes);
    space.apply(&far).await?;
    let pod = until("the far worker is ready", START, async || {
        let pods = dask.pods("far").await?;
        let ready = pods.iter().find(|p| is_ready(p)).map(ResourceExt::name_any);
        ready.ok_or_else(|| anyhow::anyhow!("no pod of it is"))
    })
    .await?;
    let mut client = dask.driver().await?;
    let identity = dask.identity().await?;
    let address = identity.workers.values().find(|w| w.name == pod).map(|w| w.address.clone());
    let address = address.ok_or_else(|| anyhow::anyhow!("the scheduler does not know it"))?;
    client.tell(&format!("pin kept {address}")).await?;
    client.tell("gated 2 gate").await?;
    dask.all_busy().await?;

    // The operator runs on that node too: what happens now happens without it.
    kubectl::run(&["taint", "node", goes, &format!("{TAINT}=:NoExecute")]).await?;
    until("its value is elsewhere", secs(20), async || {
        let identity = dask.identity().await?;
        let held: u64 = identity.workers.values().filter(|w| w.address != address).map(|w| w.in_memory).sum();
        ensure!(held == 1, "others hold {held} values");
        Ok(())
    })
    .await?;
    client.tell("open gate").await?;
    until("its pod is gone", LEAVE, async || {
        ensure!(space.api::<Pod>().get_opt(&pod).await?.is_none(), "it is still there");
        Ok(())
    })
    .await?;
    client.nothing_was_lost().await
}

/// Puts a pod on this node, whatever keeps others away from it.
pub fn put(spec: &mut Value, node: &str) {
    spec["nodeSelector"] = json!({"kubernetes.io/hostname": node});
    spec["tolerations"] = json!([{"key": CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule"}]);
}
