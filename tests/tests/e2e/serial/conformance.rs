//! The real API server answers as the cases say that the one in memory is held to.

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    kubectl,
    namespace::{Space, test_alone},
    settings::OPERATOR,
    wait::{secs, until},
};
use kube_api_conformance::{World, all, complaints};

/// The cases write to objects of our kinds, which an operator would write to as well.
#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn the_api_server_answers_as_the_one_in_memory_must() -> Result<()> {
    test_alone("conformance", async |space| {
        operators(&space, 0).await?;
        let outcomes = all(&World::real(space.client.clone()), "").await;
        operators(&space, 1).await?;
        let complaints = complaints(&outcomes);
        ensure!(complaints.is_empty(), "{complaints}");
        Ok(())
    })
    .await
}

/// So many of them, and all ready.
async fn operators(space: &Space, replicas: i32) -> Result<()> {
    let deployment = format!("deployment/{}", OPERATOR.1);
    kubectl::run(&["-n", OPERATOR.0, "scale", &deployment, &format!("--replicas={replicas}")]).await?;
    let labels = format!("app.kubernetes.io/name={}", OPERATOR.1);
    until(&format!("{replicas} operators"), secs(90), async || {
        let list = ["-n", OPERATOR.0, "get", "pods", "-l", &labels, "-o", "json"];
        let pods: serde_json::Value = serde_json::from_str(&kubectl::run(&list).await?)?;
        let pods = pods["items"].as_array().context("no list")?;
        let ready = pods.iter().all(|pod| pod["status"]["containerStatuses"][0]["ready"] == true);
        ensure!(ready && pods.len() == usize::try_from(replicas)?, "{} pods", pods.len());
        Ok(())
    })
    .await?;
    space.step(&format!("{replicas} operators"));
    Ok(())
}
