//! The watches: one for each kind and namespace, from list and watch into the cache.

pub mod kinds;
pub mod project;
pub mod raw;

use std::{collections::BTreeSet, fmt::Debug, sync::Arc, time::Duration};

use dask_operator_core::names;
use futures::{FutureExt, Stream, StreamExt, pin_mut};
use kube::{
    Api, Resource,
    core::{ApiResource, DeserializeGuard, DynamicResourceScope},
    runtime::watcher::{self, Event},
};
use serde::de::DeserializeOwned;

use crate::{
    health::BEAT,
    run::Operator,
    state::Cached,
    subject::{Key, Subject},
};

/// How long a watch lasts before it is renewed; a connection that broke silently is noticed then.
const TIMEOUT: u32 = 120;
/// Objects in one page of a list: a bound on what is decoded at once.
const PAGE: u32 = 100;
/// Changes are collected this long before anybody looks, so that a burst is one look.
const SETTLE: Duration = Duration::from_millis(10);
/// First and longest wait after a watch failed.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// From what is watched to what is kept; `None` for an object without the shape of its kind.
type Project<R, T> = fn(R) -> Option<(Key, T)>;

/// Starts all watches of one namespace, or of all namespaces.
pub fn start(operator: &Arc<Operator>, namespace: Option<&str>) {
    use kinds::{Autoscalers, Clusters, Deployments, Groups, Jobs, Pods, Services};
    let of_parts =
        |parts: &[&str]| format!("{},{} in ({})", names::CLUSTER, names::COMPONENT, parts.join(", "));
    let pods = of_parts(&[names::SCHEDULER, names::WORKER, names::RUNNER]);
    // Workers too: dask-kubernetes makes a Deployment for each.
    let deployments = of_parts(&[names::SCHEDULER, names::WORKER]);
    let services = format!("{},{}={}", names::CLUSTER, names::COMPONENT, names::SCHEDULER);
    ours::<Clusters, dask_crds::DaskCluster>(operator, namespace, |o| {
        let o = o.0.ok()?;
        project::ours(o.metadata, o.spec, o.status.unwrap_or_default())
    });
    ours::<Groups, dask_crds::DaskWorkerGroup>(operator, namespace, |o| {
        let o = o.0.ok()?;
        project::ours(o.metadata, o.spec, o.status.unwrap_or_default())
    });
    ours::<Autoscalers, dask_crds::DaskAutoscaler>(operator, namespace, |o| {
        let o = o.0.ok()?;
        project::ours(o.metadata, o.spec, o.status.unwrap_or_default())
    });
    ours::<Jobs, dask_crds::DaskJob>(operator, namespace, |o| {
        let o = o.0.ok()?;
        project::ours(o.metadata, o.spec, o.status.unwrap_or_default())
    });
    theirs::<Pods, k8s_openapi::api::core::v1::Pod, _>(operator, namespace, &pods, project::pod);
    theirs::<Deployments, k8s_openapi::api::apps::v1::Deployment, _>(
        operator,
        namespace,
        &deployments,
        project::deployment,
    );
    theirs::<Services, k8s_openapi::api::core::v1::Service, _>(
        operator,
        namespace,
        &services,
        project::service,
    );
}

/// Watches the nodes, which are in no namespace. Nothing waits for it: who may not see nodes goes without.
pub fn start_nodes(operator: &Arc<Operator>) {
    theirs::<kinds::Nodes, k8s_openapi::api::core::v1::Node, _>(operator, None, "", project::node);
    operator.health.has(&name::<kinds::Nodes>(None));
}

/// Watches one of our kinds; an object that cannot be decoded is skipped and logged.
fn ours<K, R>(
    operator: &Arc<Operator>,
    namespace: Option<&str>,
    project: Project<DeserializeGuard<R>, K::Record>,
) where
    K: Cached,
    R: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    R: Clone + Debug + DeserializeOwned + Send + 'static,
{
    let api: Api<DeserializeGuard<R>> = match namespace {
        Some(namespace) => Api::namespaced(operator.client.clone(), namespace),
        None => Api::all(operator.client.clone()),
    };
    spawn::<K, _>(operator, namespace, api, config(), project);
}

/// Watches one of Kubernetes' kinds, decoding only what is looked at.
fn theirs<K, T, R>(
    operator: &Arc<Operator>,
    namespace: Option<&str>,
    labels: &str,
    project: Project<R, K::Record>,
) where
    K: Cached,
    T: Resource<DynamicType = ()>,
    R: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
    R: Clone + Debug + DeserializeOwned + Send + 'static,
{
    let kind = ApiResource::erase::<T>(&());
    let api: Api<R> = match namespace {
        Some(namespace) => Api::namespaced_with(operator.client.clone(), namespace, &kind),
        None => Api::all_with(operator.client.clone(), &kind),
    };
    spawn::<K, _>(operator, namespace, api, config().labels(labels), project);
}

fn config() -> watcher::Config {
    watcher::Config::default().timeout(TIMEOUT).page_size(PAGE)
}

fn spawn<K, R>(
    operator: &Arc<Operator>,
    namespace: Option<&str>,
    api: Api<R>,
    config: watcher::Config,
    project: Project<R, K::Record>,
) where
    K: Cached,
    R: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let name = name::<K>(namespace);
    operator.health.lacks(&name);
    let stream = watcher::watcher(api, config);
    let watch = Watch { operator: operator.clone(), namespace: namespace.map(String::from), name, project };
    operator.spawn(async move { watch.run::<K>(stream).await });
}

/// What a watch is called where it is waited for.
fn name<K: Cached>(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| format!("watch {}", K::PLURAL), |n| format!("watch {} in {n}", K::PLURAL))
}

struct Watch<R, T> {
    operator: Arc<Operator>,
    namespace: Option<String>,
    name: String,
    project: Project<R, T>,
}

impl<R: Resource, T> Watch<R, T> {
    async fn run<K: Cached<Record = T>>(self, stream: impl Stream<Item = watcher::Result<Event<R>>>) {
        pin_mut!(stream);
        let (mut present, mut failures) = (BTreeSet::new(), 0_u32);
        loop {
            self.operator.health.beat(&self.name);
            let Ok(event) = tokio::time::timeout(BEAT, stream.next()).await else { continue };
            let mut next = event;
            // What has arrived already is taken in one go.
            while let Some(Ok(event)) = next {
                // A list begins with `Init` whether the server answers or not.
                if !matches!(event, Event::Init) {
                    failures = 0;
                }
                self.event::<K>(event, &mut present);
                match stream.next().now_or_never() {
                    Some(item) => next = item,
                    None => {
                        next = None;
                        break;
                    }
                }
            }
            if let Some(Err(error)) = next {
                failures += 1;
                self.failed(&error, failures).await;
            }
        }
    }

    fn event<K: Cached<Record = T>>(&self, event: Event<R>, present: &mut BTreeSet<Key>) {
        let mut state = self.operator.state.lock();
        let touched = match event {
            Event::Init => {
                present.clear();
                return;
            }
            Event::InitApply(object) | Event::Apply(object) => {
                let Some(key) = project::key_of(&object) else { return };
                present.insert(key.clone());
                match (self.project)(object) {
                    Some((key, record)) => state.apply::<K>(&key, record),
                    None => {
                        tracing::warn!(
                            kind = K::PLURAL,
                            namespace = key.0,
                            name = key.1,
                            "skipped: it does not have the shape of its kind; put it right or delete it"
                        );
                        state.remove::<K>(&key)
                    }
                }
            }
            Event::Delete(object) => {
                let Some(key) = project::key_of(&object) else { return };
                present.remove(&key);
                state.remove::<K>(&key)
            }
            Event::InitDone => {
                let touched = state.retain::<K>(self.namespace.as_deref(), present);
                present.clear();
                self.operator.health.has(&self.name);
                touched
            }
        };
        drop(state);
        for subject in touched {
            if let (Subject::Cluster(cluster), true) = (&subject, K::PLURAL == kinds::Pods::PLURAL) {
                self.operator.links.wake(cluster);
            }
            self.operator.touched(subject, SETTLE);
        }
    }

    async fn failed(&self, error: &watcher::Error, failures: u32) {
        // A watch that ends is started anew, and that is all; a list that fails is news.
        let is_routine = matches!(error, watcher::Error::WatchError(_) | watcher::Error::WatchFailed(_));
        if failures > 1 || !is_routine {
            tracing::warn!(watch = self.name, %error, failures, "watch failed; trying again");
        }
        self.operator.metrics.watch_failed();
        let wait = BACKOFF.0.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(BACKOFF.1);
        tokio::time::sleep(wait.mul_f64(0.5 + self.operator.world.dice.fraction() / 2.0)).await;
    }
}
