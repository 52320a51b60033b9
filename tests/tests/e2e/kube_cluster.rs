//! dask-kubernetes' published client, unchanged, against this operator.

use anyhow::{Context, Result, ensure};
use dask_crds::{DaskAutoscaler, DaskCluster};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START},
    driver::Driver,
    namespace::{Space, test},
    settings,
    wait::{secs, throughout, until},
};
use kube::{ResourceExt, api::ListParams};
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn kube_cluster_creates_scales_adapts_reads_logs_and_closes() -> Result<()> {
    test("kubecluster", async |space| {
        let mut client = client(&space, "E2E_CLIENT_PYTHON").await?;
        client.tell("create 1").await?;
        space.step("KubeCluster is up");
        let dask = Dask { space: space.clone(), name: "kc".into() };
        dask.settled(1, START).await?;
        ensure!(client.tell("compute 10").await? == 285);
        let manifest = as_applied(&dask.cluster().await?);

        client.tell("scale 3").await?;
        dask.settled(3, START).await?;
        space.apply(&manifest).await?;
        stays(&dask, 3).await?;
        space.step("scaled to 3, and applying the manifest again changed nothing");
        client.tell("scale 1").await?;
        dask.settled(1, LEAVE).await?;

        client.tell("adapt 2 2").await?;
        let autoscaler: DaskAutoscaler = space.api().get("kc").await?;
        ensure!((autoscaler.spec.minimum, autoscaler.spec.maximum) == (Some(2), Some(2)));
        dask.settled(2, START).await?;
        space.apply(&manifest).await?;
        stays(&dask, 2).await?;
        space.step("adapted to 2, and applying the manifest again changed nothing");
        logs(&dask, &client.tell("logs").await?).await?;
        client.tell("scale 1").await?;
        ensure!(space.api::<DaskAutoscaler>().get_opt("kc").await?.is_none(), "scale() ends adapt()");
        dask.settled(1, LEAVE).await?;
        ensure!(client.tell("compute 10").await? == 285);
        client.tell("close").await?;
        nothing_is_left(&space).await
    })
    .await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn kube_cluster_of_2024_creates_scales_and_closes() -> Result<()> {
    older_client("kubecluster-2024", "E2E_CLIENT_PYTHON_2024").await
}

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn kube_cluster_of_2025_creates_scales_and_closes() -> Result<()> {
    older_client("kubecluster-2025", "E2E_CLIENT_PYTHON_2025").await
}

async fn older_client(test_name: &str, python: &str) -> Result<()> {
    test(test_name, async |space| {
        let mut client = client(&space, python).await?;
        let dask = Dask { space: space.clone(), name: "kc".into() };
        client.tell("create 1").await?;
        dask.settled(1, START).await?;
        ensure!(client.tell("compute 10").await? == 285);
        client.tell("scale 2").await?;
        dask.settled(2, START).await?;
        ensure!(client.tell("compute 10").await? == 285);
        client.tell("close").await?;
        nothing_is_left(&space).await
    })
    .await
}

async fn client(space: &Space, python: &str) -> Result<Driver> {
    let args = [&space.name, "kc", &settings::dask_image()?];
    Driver::start(python, "tests/tests/e2e/kube_cluster.py", &args).await
}

/// The manifest that a person would keep of this cluster.
fn as_applied(cluster: &DaskCluster) -> Value {
    let mut manifest = manifest_of(cluster);
    manifest["spec"] = json!(cluster.spec);
    manifest
}

fn manifest_of(cluster: &DaskCluster) -> Value {
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster",
        "metadata": {"name": cluster.name_any(), "labels": cluster.labels()},
    })
}

async fn stays(dask: &Dask, workers: i32) -> Result<()> {
    throughout("the number of workers stays", secs(4), async || {
        let group = dask.group(&dask.default_group()).await?;
        ensure!(group.spec.worker.replicas == workers, "{} are wanted", group.spec.worker.replicas);
        ensure!(dask.pods(&dask.default_group()).await?.len() == usize::try_from(workers)?);
        Ok(())
    })
    .await
}

async fn logs(dask: &Dask, logs: &Value) -> Result<()> {
    let logs = logs.as_object().context("logs")?;
    let mut pods = dask.pods(&dask.default_group()).await?;
    pods.push(dask.scheduler_pod().await?);
    for pod in pods {
        let lines = logs.get(&pod.name_any()).and_then(Value::as_u64);
        ensure!(lines.is_some_and(|n| n > 0), "{} is not in {logs:?}", pod.name_any());
    }
    Ok(())
}

async fn nothing_is_left(space: &Space) -> Result<()> {
    until("nothing is left", secs(60), async || {
        let clusters = space.api::<DaskCluster>().list(&ListParams::default()).await?.items.len();
        let rest =
            space.kubectl(&["get", "daskworkergroups,deployments,services,pods", "-o", "name"]).await?;
        ensure!(clusters == 0 && rest.is_empty(), "{rest}");
        Ok(())
    })
    .await
}
