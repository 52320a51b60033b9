//! The main path: apply an example, compute, delete.

use anyhow::{Context, Result, ensure};
use dask_crds::{DaskCluster, DaskWorkerGroup, Phase};
use dask_operator_tests::{
    dask::{Dask, START},
    driver::Driver,
    manifest,
    namespace::{Space, test},
    wait::{secs, until},
};
use futures::StreamExt;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Pod, Service},
};
use kube::{
    ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
    core::ObjectMeta,
};
use serde_json::{Value, json};
use tokio::time::timeout;

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn an_applied_example_computes_and_leaves_nothing_behind() -> Result<()> {
    test("apply", async |space| {
        let dask = Dask { space: space.clone(), name: "example".into() };
        let mut example = manifest::example("cluster.yaml")?;
        example["spec"]["worker"]["replicas"] = json!(2);
        example["metadata"]["labels"] = json!({"team": "a", "app.kubernetes.io/instance": "tool"});
        example["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x", "note": "b"});
        // As dask-kubernetes' operator leaves it; no other program would ever take it away.
        example["metadata"]["finalizers"] = json!(["kopf.zalando.org/KopfFinalizerMarker"]);
        let (phases, said) = tokio::join!(phases(&space), space.apply(&example));
        ensure!(said?.contains("created"));
        let phases = phases?;
        ensure!(
            phases.first() == Some(&Phase::Created) && phases.last() == Some(&Phase::Running),
            "{phases:?}"
        );
        dask.settled(2, START).await?;
        space.step("two workers are up");
        children(&space).await?;
        workers(&space).await?;
        columns(&space).await?;
        ensure!(dask.cluster().await?.finalizers().is_empty(), "a finalizer is left");

        let address = dask.cluster().await?.status.and_then(|s| s.scheduler_address).context("no address")?;
        let mut client = Driver::connect(&address).await?;
        client.tell("compute 20 0.01").await?;
        client.nothing_was_lost().await?;
        drop(client);
        space.kubectl(&["delete", "daskcluster", "example", "--timeout=60s"]).await?;
        nothing_is_left(&space).await
    })
    .await
}

/// The phases that the cluster goes through, until it runs.
async fn phases(space: &Space) -> Result<Vec<Phase>> {
    let mut phases = Vec::new();
    let params = WatchParams::default().fields("metadata.name=example");
    let mut changes = space.api::<DaskCluster>().watch(&params, "0").await?.boxed();
    while phases.last() != Some(&Phase::Running) {
        let change = timeout(secs(20), changes.next()).await.with_context(|| format!("{phases:?}"))?;
        let object = match change.context("the watch ended")?? {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => object,
            _ => continue,
        };
        let phase = object.status.and_then(|s| s.phase);
        if phase != phases.last().copied() {
            phases.extend(phase);
        }
    }
    Ok(phases)
}

fn owned_by(meta: &ObjectMeta, kind: &str, name: &str) -> Result<()> {
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    let is_owner = |o: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference| {
        o.kind == kind && o.name == name && o.controller == Some(true)
    };
    ensure!(owners.iter().any(|o| is_owner(&o)), "{:?} is not owned by {kind} {name}: {owners:?}", meta.name);
    Ok(())
}

/// What the child inherits and what stays with the parent.
fn inherited(meta: &ObjectMeta) -> Result<()> {
    let (labels, annotations) =
        (meta.labels.clone().unwrap_or_default(), meta.annotations.clone().unwrap_or_default());
    ensure!(labels.get("team").is_some_and(|t| t == "a"), "{:?}: {labels:?}", meta.name);
    ensure!(!labels.contains_key("app.kubernetes.io/instance"), "{:?}: {labels:?}", meta.name);
    let tools = |k: &&String| k.starts_with("argocd.") || k.starts_with("kubectl.");
    ensure!(annotations.keys().find(tools).is_none(), "{:?}: {annotations:?}", meta.name);
    Ok(())
}

fn has_label(meta: &ObjectMeta, key: &str, value: &str) -> Result<()> {
    let have = meta.labels.as_ref().and_then(|l| l.get(key));
    ensure!(have.is_some_and(|v| v == value), "{:?}: label {key} is {have:?}", meta.name);
    Ok(())
}

async fn children(space: &Space) -> Result<()> {
    let deployment: Deployment = space.api().get("example-scheduler").await?;
    let service: Service = space.api().get("example-scheduler").await?;
    let group: DaskWorkerGroup = space.api().get("example-default").await?;
    for (meta, component) in [
        (&deployment.metadata, "scheduler"),
        (&service.metadata, "scheduler"),
        (&group.metadata, "workergroup"),
    ] {
        owned_by(meta, "DaskCluster", "example")?;
        inherited(meta)?;
        has_label(meta, "dask.org/cluster-name", "example")?;
        has_label(meta, "dask.org/component", component)?;
    }
    let selector = service.spec.and_then(|s| s.selector).context("no selector")?;
    ensure!(
        json!(selector) == json!({"dask.org/cluster-name": "example", "dask.org/component": "scheduler"})
    );
    Ok(())
}

async fn workers(space: &Space) -> Result<()> {
    let params = ListParams::default().labels("dask.org/component=worker");
    let pods = space.api::<Pod>().list(&params).await?.items;
    ensure!(pods.len() == 2);
    for pod in pods {
        owned_by(&pod.metadata, "DaskWorkerGroup", "example-default")?;
        inherited(&pod.metadata)?;
        has_label(&pod.metadata, "dask.org/cluster-name", "example")?;
        has_label(&pod.metadata, "dask.org/workergroup-name", "example-default")?;
        let (name, spec) = (pod.name_any(), json!(pod.spec));
        ensure!(name.starts_with("example-default-worker-"), "{name}");
        ensure!(spec["restartPolicy"] == "OnFailure", "{}", spec["restartPolicy"]);
        let env = &spec["containers"][0]["env"];
        let value = |key: &str| {
            env.as_array().into_iter().flatten().find(|v| v["name"] == key).map(|v| v["value"].clone())
        };
        ensure!(value("DASK_WORKER_NAME") == Some(json!(name)), "{env}");
        let address = format!("tcp://example-scheduler.{}.svc.cluster.local:8786", space.name);
        ensure!(value("DASK_SCHEDULER_ADDRESS") == Some(Value::String(address)), "{env}");
    }
    Ok(())
}

async fn columns(space: &Space) -> Result<()> {
    for (kind, header, row) in [
        ("dsk", vec!["NAME", "WORKERS", "READY", "STATUS", "AGE"], vec!["example", "2", "2", "Running"]),
        ("daskworkers", vec!["NAME", "WORKERS", "READY", "AGE"], vec!["example-default", "2", "2"]),
    ] {
        let table = space.kubectl(&["get", kind]).await?;
        let mut lines = table.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
        ensure!(lines.next() == Some(header), "{table}");
        ensure!(lines.next().is_some_and(|l| l.starts_with(&row)), "{table}");
    }
    Ok(())
}

async fn nothing_is_left(space: &Space) -> Result<()> {
    until("all children are gone", secs(60), async || {
        let kinds = "daskclusters,daskworkergroups,deployments,replicasets,services,pods";
        let left = space.kubectl(&["get", kinds, "-o", "name"]).await?;
        ensure!(left.is_empty(), "{left}");
        Ok(())
    })
    .await
}
