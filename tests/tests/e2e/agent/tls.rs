//! Workers whose cluster has TLS leave as others do.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Result, ensure};
use dask_operator_tests::{
    dask::{Dask, LEAVE, START, Wanted, is_ready},
    driver::Driver,
    manifest,
    namespace::{Space, test},
    wait::{secs, until},
};
use dask_test_cluster::certificates;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

/// Where a pod has the certificates.
const MOUNTED: &str = "/tls";

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn nothing_is_lost_with_tls() -> Result<()> {
    test("agent-tls", async |space| {
        let files = tempfile::tempdir()?;
        certificates::make(files.path());
        let from = format!("--from-file={}", files.path().display());
        space.kubectl(&["create", "secret", "generic", "tls", &from]).await?;
        let dask = Dask::create(&space, &cluster()?).await?;
        dask.group_condition("c-default", Wanted("WorkerAgent", true, ""), secs(5)).await?;
        until("the pods are ready", START, async || {
            let ready = dask.pods("c-default").await?.iter().filter(|p| is_ready(p)).count();
            ensure!(ready == 2, "{ready} are");
            Ok(())
        })
        .await?;
        let address = format!("tls://{}", dask.address().await?);
        let mut client = Driver::connect_with(&address, &certificates::variables(files.path())).await?;
        let workers: BTreeMap<String, String> = serde_json::from_value(client.tell("workers").await?)?;
        ensure!(workers.len() == 2 && workers.values().all(|a| a.starts_with("tls://")), "{workers:?}");
        client.tell("scatter 6 1000").await?;
        client.tell("compute 8 1").await?;
        let name = workers.keys().next().cloned().unwrap_or_default();
        goes(&space, &mut client, &name).await?;
        client.nothing_was_lost().await
    })
    .await
}

/// The pod is deleted, and goes by itself in time.
async fn goes(space: &Space, client: &mut Driver, name: &str) -> Result<()> {
    space.kubectl(&["delete", "pod", name, "--wait=false"]).await?;
    let pods = space.api::<Pod>();
    until("its worker has left", LEAVE, async || {
        let workers = client.tell("workers").await?;
        ensure!(workers.get(name).is_none(), "{workers}");
        Ok(())
    })
    .await?;
    until("its pod is gone", LEAVE, async || {
        ensure!(pods.get_opt(name).await?.is_none(), "it is still there");
        Ok(())
    })
    .await
}

/// A cluster whose certificates are named by variables.
fn cluster() -> Result<Value> {
    let mut manifest = manifest::cluster("c", 2)?;
    let variables = certificates::variables(Path::new(MOUNTED));
    let variables: Vec<_> =
        variables.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    for part in ["scheduler", "worker"] {
        let spec = &mut manifest["spec"][part]["spec"];
        spec["volumes"] = json!([{"name": "tls", "secret": {"secretName": "tls"}}]);
        spec["containers"][0]["volumeMounts"] = json!([{"name": "tls", "mountPath": MOUNTED}]);
        spec["containers"][0]["env"] = json!(variables);
        // Time for eight seconds of work.
        spec["terminationGracePeriodSeconds"] = json!(30);
    }
    if let Some(args) = manifest["spec"]["worker"]["spec"]["containers"][0]["args"].as_array_mut() {
        args.push("tls://c-scheduler:8786".into());
    }
    Ok(manifest)
}
