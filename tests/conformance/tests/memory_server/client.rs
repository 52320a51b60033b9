//! With kube's own client.

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::json;

use super::dask;
use kube_memory_api_server::{ApiServer, Settings, Verb};

fn server() -> ApiServer {
    let start = jiff::Timestamp::UNIX_EPOCH;
    ApiServer::with_definitions(&dask(), move || start, Settings::default())
}

fn pod(name: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }))
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn pods_are_made_read_changed_watched_and_deleted() {
    let server = server();
    let pods: Api<Pod> = Api::namespaced(Client::new(server.service("operator"), "default"), "default");
    let made = pods.create(&PostParams::default(), &pod("p")).await.unwrap();
    assert_eq!(made.spec.as_ref().unwrap().restart_policy.as_deref(), Some("Always"));
    let version = made.metadata.resource_version.clone().unwrap();
    let mut watch = pin!(pods.watch(&WatchParams::default().labels("a=b"), &version).await.unwrap());
    let patch = json!({"status": {"phase": "Running"}});
    pods.patch_status("p", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    let Some(Ok(WatchEvent::Modified(seen))) = watch.next().await else { panic!() };
    assert_eq!(seen.status.unwrap().phase.as_deref(), Some("Running"));
    let patch = json!({"metadata": {"labels": {"a": "c"}}});
    pods.patch("p", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    let Some(Ok(WatchEvent::Deleted(_))) = watch.next().await else { panic!("it is not selected any more") };
    pods.delete("p", &DeleteParams::default()).await.unwrap();
    assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 0);
    let verbs: Vec<Verb> = server.journal(0).iter().map(|c| c.verb).collect();
    assert_eq!(verbs, [Verb::Create, Verb::Update, Verb::Update, Verb::Delete]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_when_its_time_is_over() {
    let server = server();
    let pods: Api<Pod> = Api::namespaced(Client::new(server.service("operator"), "default"), "default");
    let mut watch = pin!(pods.watch(&WatchParams::default().timeout(20), "0").await.unwrap());
    assert_eq!(server.watches(), 1);
    let last = tokio::time::timeout(Duration::from_secs(19), watch.next()).await;
    assert!(matches!(last, Ok(Some(Ok(WatchEvent::Bookmark(_))))), "{last:?}");
    let end = tokio::time::timeout(Duration::from_secs(3), watch.next()).await;
    assert!(matches!(end, Ok(None)), "{end:?}");
    assert_eq!(server.watches(), 0);
}
