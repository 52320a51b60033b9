//! The watches: one for each kind and namespace, from list and watch into the cache.

mod follow;
pub mod kinds;
pub mod project;
pub mod raw;
pub mod sync;
mod witness;

use std::{fmt::Debug, sync::Arc};

use dask_operator_core::names;
use kube::{
    Api, Client, Resource,
    core::{ApiResource, DeserializeGuard, DynamicResourceScope},
    runtime::watcher,
};
use serde::de::DeserializeOwned;

use crate::{
    run::Operator,
    state::{Cached, Unreadable},
    subject::Key,
};
use follow::{Project, Watch};
use sync::{Name, words};

/// How long a watch lasts before it is renewed; a connection that broke silently is noticed then.
const TIMEOUT: u32 = 120;
/// Objects in one page of a list: a bound on what is decoded at once.
const PAGE: u32 = 100;

/// From an object of Kubernetes' kinds to what is kept of it; `None` for one without a name.
type Slim<R, T> = fn(R) -> Option<(Key, T)>;

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
        project::ours(o.metadata, o.spec, o.status.unwrap_or_default())
    });
    ours::<Groups, dask_crds::DaskWorkerGroup>(operator, namespace, |o| {
        project::ours(o.metadata, o.spec, o.status.unwrap_or_default())
    });
    ours::<Autoscalers, dask_crds::DaskAutoscaler>(operator, namespace, |o| {
        project::ours(o.metadata, o.spec, o.status.unwrap_or_default())
    });
    ours::<Jobs, dask_crds::DaskJob>(operator, namespace, |o| {
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
    operator.health.has(&words(&name::<kinds::Nodes>(None)));
}

/// Watches one of our kinds. An object that cannot be decoded is told, and no reason to stop.
fn ours<K, R>(operator: &Arc<Operator>, namespace: Option<&str>, slim: Slim<R, K::Record>)
where
    K: Cached,
    R: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    R: Clone + Debug + DeserializeOwned + Send + 'static,
{
    let client = client::<K>(operator, namespace);
    let api: Api<DeserializeGuard<R>> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    spawn::<K, _>(operator, namespace, (api, config()), guarded(slim));
}

/// What is kept of an object of ours, or that it cannot be read.
fn guarded<R, T>(slim: Slim<R, T>) -> impl Fn(DeserializeGuard<R>) -> Option<Project<T>> {
    move |guard| match guard.0 {
        Ok(object) => slim(object).map(|(key, record)| (key, Ok(record))),
        Err(invalid) => {
            let (key, object) = project::ours(invalid.metadata, (), ())?;
            Some((key, Err(Unreadable { meta: object.meta, error: invalid.error })))
        }
    }
}

/// Watches one of Kubernetes' kinds, decoding only what is looked at.
fn theirs<K, T, R>(operator: &Arc<Operator>, namespace: Option<&str>, labels: &str, slim: Slim<R, K::Record>)
where
    K: Cached,
    T: Resource<DynamicType = ()>,
    R: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
    R: Clone + Debug + DeserializeOwned + Send + 'static,
{
    let kind = ApiResource::erase::<T>(&());
    let client = client::<K>(operator, namespace);
    let api: Api<R> = match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &kind),
        None => Api::all_with(client, &kind),
    };
    let config = config().labels(labels);
    spawn::<K, _>(operator, namespace, (api, config), move |object| {
        slim(object).map(|(key, record)| (key, Ok(record)))
    });
}

fn config() -> watcher::Config {
    watcher::Config::default().timeout(TIMEOUT).page_size(PAGE)
}

fn name<K: Cached>(namespace: Option<&str>) -> Name {
    (K::PLURAL, namespace.map(String::from))
}

/// The client of one watch: it tells whether that one is connected.
fn client<K: Cached>(operator: &Operator, namespace: Option<&str>) -> Client {
    let views = operator.state.lock().views.clone();
    let name = name::<K>(namespace);
    views.begins(&name);
    witness::client(&operator.client, &views, &name)
}

fn spawn<K, R>(
    operator: &Arc<Operator>,
    namespace: Option<&str>,
    (api, config): (Api<R>, watcher::Config),
    project: impl Fn(R) -> Option<Project<K::Record>> + Send + 'static,
) where
    K: Cached,
    R: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let watch = Watch::<R, K>::new(operator, name::<K>(namespace), Box::new(project));
    operator.spawn(async move { watch.run(|| watcher::watcher(api.clone(), config.clone())).await });
}
