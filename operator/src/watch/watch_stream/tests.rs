//! A watch that fails, ends, or tells of an object that cannot be read.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::stream;
use kube::core::Status;
use serde_json::{Value, json};

use super::*;
use crate::{
    store::mapping::{Clusters, Nodes},
    testing::context,
};

type Unread = crate::watch::custom_objects::Unread;

fn watch(context: &Arc<Context>) -> Watch<Unread, Clusters> {
    let name: Name = (Clusters::PLURAL, None);
    context.state.lock().views.watch_started(&name);
    Watch::new(context, name, Box::new(crate::watch::custom_objects::read::<Clusters, _, _>))
}

fn object(phase: &str) -> Unread {
    with_worker(phase, json!({}))
}

fn with_worker(phase: &str, worker: Value) -> Unread {
    let spec: Value = json!({"worker": {"spec": worker}, "scheduler": {"spec": {}, "service": {}}});
    let text = json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster",
        "metadata": {"namespace": "ns", "name": "c", "uid": "u", "resourceVersion": "1"},
        "spec": spec, "status": {"phase": phase},
    });
    serde_json::from_str(&text.to_string()).unwrap()
}

fn key() -> ObjectKey {
    ObjectKey::new("ns", "c")
}

fn failure() -> watcher::Error {
    watcher::Error::InitialListFailed(kube::Error::Api(Status::failure("no", "Forbidden").boxed()))
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_is_not_one_that_is_gone() {
    let context = context();
    let mut watch = watch(&context);
    for event in [Event::Init, Event::InitApply(object("Running")), Event::InitDone] {
        watch.handle(event);
    }
    watch.handle(Event::Apply(object("FromTheFuture")));
    let is_known = || context.state.lock().cache.clusters.contains_key(&key());
    assert!(is_known());
    // Nor is it after a list in which it still cannot be read.
    for event in [Event::Init, Event::InitApply(object("FromTheFuture")), Event::InitDone] {
        watch.handle(event);
    }
    assert!(is_known());
    assert!(context.state.lock().unreadable(&ObjectRef::Cluster(key())).is_some());
    watch.handle(Event::Delete(object("FromTheFuture")));
    assert!(!is_known() && context.state.lock().all_unreadable().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_object_too_big_to_hold_is_told_and_what_it_was_is_kept() {
    let context = context();
    let mut watch = watch(&context);
    watch.handle(Event::Apply(object("Running")));
    watch.handle(Event::Apply(with_worker("Running", json!(vec![json!({"": 0}); 50_000]))));
    let state = context.state.lock();
    assert!(state.cache.clusters[&key()].spec.worker.spec.0.is_empty());
    let error = &state.unreadable(&ObjectRef::Cluster(key())).unwrap().error;
    for part in ["spec: would take about", "may take 10240 KiB", "ConfigMap"] {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_is_begun_anew_and_does_not_spin() {
    let context = context();
    let begun = Arc::new(AtomicU32::new(0));
    let count = begun.clone();
    let run = watch(&context).run(move || {
        assert!(count.fetch_add(1, Ordering::Relaxed) < 1000, "it spins");
        stream::iter([Ok(Event::Init), Ok(Event::InitDone)])
    });
    let _ = tokio::time::timeout(Duration::from_secs(60), run).await;
    let begun = begun.load(Ordering::Relaxed);
    assert!((2..240).contains(&begun), "{begun}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_breaks_the_view() {
    let context = context();
    let views = context.state.lock().views.clone();
    let mut watch = watch(&context);
    let _open = views.opened(&watch.name);
    [Event::Init, Event::InitDone].into_iter().for_each(|event| watch.handle(event));
    assert!(context.health.missing().is_empty());
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(views.in_sync_for(Clusters::PLURAL, "ns").is_some());
    let run = watch.run(|| stream::repeat_with(|| Err(failure())));
    let _ = tokio::time::timeout(Duration::from_secs(90), run).await;
    assert_eq!(views.in_sync_for(Clusters::PLURAL, "ns"), None);
    assert!(context.metrics.text().unwrap().contains("watch_failures_total{resource=\"daskclusters\"}"));
    assert_eq!(views.broken().len(), 1);
    assert!(context.health.missing().is_empty(), "what leads goes on");
}

/// Whether each of many failures would be said.
async fn said<K: Cached>(failures: u32, every: Duration) -> usize {
    let context = context();
    let mut watch: Watch<Unread, K> = Watch::new(&context, (K::PLURAL, None), Box::new(|_, _| None));
    let mut said = 0;
    for _ in 0..failures {
        let before = watch.said;
        watch.failed("403", false).await;
        said += usize::from(watch.said != before);
        tokio::time::advance(every).await;
    }
    said
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_and_again_is_said_once_in_a_while() {
    let minute = Duration::from_secs(60);
    assert!((7..=11).contains(&said::<Clusters>(60, minute / 2).await));
    assert_eq!(said::<Nodes>(60, minute / 2).await, 1, "the right to see nodes is not needed");
}
