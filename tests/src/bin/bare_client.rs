//! Makes the operator's worker pods and does nothing else: the floor that `make bench` compares with.
//!
//! It is given DaskClusters as a JSON list, makes them and their groups (no operator runs) and says `ready`. At a line of
//! input it makes their worker pods, says `posted`, and goes on watching until the input ends.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use dask_crds::{DaskClusterSpec, DaskWorkerGroupSpec};
use dask_operator_core::{
    model::{
        names,
        object::{Cluster, Group, Meta},
    },
    resources::{self, Site},
};
use futures::{StreamExt, TryStreamExt, future, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Client, Config,
    api::{ObjectMeta, PostParams, WatchEvent, WatchParams},
    core::{PartialObjectMeta, Request},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::Semaphore;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// As the operator's: requests for one group at the same time, and for all of them.
const PARALLEL: (usize, usize) = (32, 64);
const DOMAIN: &str = "cluster.local";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let path = std::env::args().nth(1).context("usage: bare_client CLUSTERS.json")?;
    let manifests: Vec<Value> = serde_json::from_slice(&std::fs::read(path)?)?;
    let client = Client::try_from(Config::infer().await?)?;
    let mut groups = Vec::new();
    for manifest in manifests {
        groups.push(prepare(&client, manifest).await?);
    }
    let seen = Arc::new(AtomicUsize::new(0));
    tokio::spawn(watch(client.clone(), seen.clone()));
    println!("ready");
    line().await?;
    let permits = Semaphore::new(PARALLEL.1);
    future::try_join_all(groups.iter().map(|g| grow(&client, &permits, g))).await?;
    println!("posted");
    line().await?;
    println!("saw {}", seen.load(Ordering::Relaxed));
    Ok(())
}

/// The next line of input; an end of the input is one, too.
async fn line() -> Result<()> {
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    Ok(())
}

/// Makes a cluster and its default group, for pods have owners.
async fn prepare(client: &Client, manifest: Value) -> Result<(Cluster, Group)> {
    let spec: DaskClusterSpec = serde_json::from_value(manifest["spec"].clone())?;
    let meta = made(client, "daskclusters", &manifest).await?;
    let cluster = Cluster { meta, spec, status: Default::default() };
    let body = resources::default_group(&cluster);
    let spec: DaskWorkerGroupSpec = serde_json::from_value(body["spec"].clone())?;
    let meta = made(client, "daskworkergroups", &body).await?;
    Ok((cluster, Group { meta, spec, status: Default::default() }))
}

async fn made(client: &Client, plural: &str, body: &Value) -> Result<Meta> {
    let namespace = body["metadata"]["namespace"].as_str().context("no namespace")?;
    let path = format!("/apis/{}/{}/namespaces/{namespace}/{plural}", dask_crds::GROUP, dask_crds::VERSION);
    let object: PartialObjectMeta<Pod> = post(client, path, body).await?;
    let ObjectMeta { name, uid, labels, annotations, .. } = object.metadata;
    Ok(Meta {
        namespace: namespace.into(),
        name: name.context("no name")?,
        uid: uid.context("no uid")?.into(),
        labels: labels.unwrap_or_default(),
        annotations: annotations.unwrap_or_default(),
        ..Meta::default()
    })
}

async fn post<T: DeserializeOwned>(client: &Client, path: String, body: &Value) -> Result<T> {
    let params = PostParams { field_manager: Some(names::FIELD_MANAGER.into()), dry_run: false };
    let request = Request::new(path).create(&params, serde_json::to_vec(body)?)?;
    Ok(client.request(request).await?)
}

/// Makes all worker pods of one group.
async fn grow(client: &Client, permits: &Semaphore, (cluster, group): &(Cluster, Group)) -> Result<()> {
    let path = format!("/api/v1/namespaces/{}/pods", group.meta.namespace);
    let one = async |number| {
        let pod = resources::worker_pod(
            group,
            cluster,
            number,
            Site { domain: DOMAIN, agent: &Default::default() },
        );
        let _permit = permits.acquire().await?;
        post::<PartialObjectMeta<Pod>>(client, path.clone(), &pod.body).await.map(drop)
    };
    let wanted = i64::from(group.spec.worker.replicas);
    stream::iter(0..wanted).map(one).buffer_unordered(PARALLEL.0).try_collect().await
}

/// What is looked at of a pod.
#[derive(Clone, Deserialize)]
struct Seen {
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Default, Deserialize)]
struct Status {
    #[serde(default)]
    phase: String,
}

/// Watches worker pods for ever, and counts how often one was seen running.
async fn watch(client: Client, seen: Arc<AtomicUsize>) {
    let params = WatchParams::default().labels(&format!("{}={}", names::COMPONENT, names::WORKER));
    loop {
        if let Err(error) = watch_once(&client, &params, &seen).await {
            eprintln!("watch: {error:#}");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn watch_once(client: &Client, params: &WatchParams, seen: &AtomicUsize) -> Result<()> {
    let events = client.request_events::<Seen>(Request::new("/api/v1/pods").watch(params, "0")?).await?;
    futures::pin_mut!(events);
    while let Some(event) = events.try_next().await? {
        if let WatchEvent::Added(pod) | WatchEvent::Modified(pod) = event
            && pod.status.phase == "Running"
        {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
