//! The watches: one for each kind and namespace, from list and watch into the cache.

mod connection_probe;
mod custom_objects;
pub mod list_pages;
mod object_size;
mod watch_stream;

use std::{fmt::Debug, sync::Arc};

use dask_operator_core::model::{names, object};
use kube::{
    Api, Client, Resource,
    core::{ApiResource, DynamicResourceScope, object::HasSpec, object::HasStatus},
    runtime::watcher,
};
use serde::de::DeserializeOwned;

use crate::{
    context::Context,
    kubernetes::extract,
    object_ref::ObjectKey,
    store::{
        Cached, MemoryBudget, mapping,
        sync_state::{Name, words},
    },
};
use list_pages::{PAGE, Pages};
use watch_stream::{Project, Watch};

/// How long a watch lasts before it is renewed; a connection that broke silently is noticed then.
const TIMEOUT: u32 = 120;

/// From an object of Kubernetes' kinds to what is kept of it; `None` for one without a name.
type Slim<R, T> = fn(R) -> Option<(ObjectKey, T)>;

/// Starts all watches of one namespace, or of all namespaces.
pub fn start(context: &Arc<Context>, namespace: Option<&str>) {
    use mapping::{Autoscalers, Clusters, Deployments, Groups, Jobs, Pods, Services};
    let of_parts =
        |parts: &[&str]| format!("{},{} in ({})", names::CLUSTER, names::COMPONENT, parts.join(", "));
    let pods = of_parts(&[names::SCHEDULER, names::WORKER, names::RUNNER]);
    // Workers too: dask-kubernetes makes a Deployment for each.
    let deployments = of_parts(&[names::SCHEDULER, names::WORKER]);
    let services = format!("{},{}={}", names::CLUSTER, names::COMPONENT, names::SCHEDULER);
    ours::<Clusters, dask_crds::DaskCluster>(context, namespace);
    ours::<Groups, dask_crds::DaskWorkerGroup>(context, namespace);
    ours::<Autoscalers, dask_crds::DaskAutoscaler>(context, namespace);
    ours::<Jobs, dask_crds::DaskJob>(context, namespace);
    theirs::<Pods, k8s_openapi::api::core::v1::Pod, _>(context, namespace, &pods, extract::pod);
    theirs::<Deployments, k8s_openapi::api::apps::v1::Deployment, _>(
        context,
        namespace,
        &deployments,
        extract::deployment,
    );
    theirs::<Services, k8s_openapi::api::core::v1::Service, _>(
        context,
        namespace,
        &services,
        extract::service,
    );
}

/// Watches the nodes, which are in no namespace. Nothing waits for it: who may not see nodes goes without.
pub fn start_nodes(context: &Arc<Context>) {
    theirs::<mapping::Nodes, k8s_openapi::api::core::v1::Node, _>(context, None, "", extract::node);
    context.health.ready(&words(&name::<mapping::Nodes>(None)));
}

/// Watches one of our kinds. An object that cannot be held is told, and no reason to stop.
fn ours<K, R>(context: &Arc<Context>, namespace: Option<&str>)
where
    R: Resource<DynamicType = ()> + HasSpec + HasStatus,
    R::Spec: DeserializeOwned + 'static,
    R::Status: DeserializeOwned + Default + 'static,
    K: Cached<Record = object::Object<R::Spec, R::Status>>,
{
    let api: Api<custom_objects::Unread> = api::<K, R, _>(context, namespace);
    spawn::<K, _>(context, namespace, Source { api, config: config() }, custom_objects::read::<K, _, _>);
}

/// Watches one of Kubernetes' kinds, decoding only what is looked at.
fn theirs<K, T, R>(context: &Arc<Context>, namespace: Option<&str>, labels: &str, slim: Slim<R, K::Record>)
where
    K: Cached,
    T: Resource<DynamicType = ()>,
    R: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
    R: Clone + Debug + DeserializeOwned + Send + 'static,
{
    let api: Api<R> = api::<K, T, _>(context, namespace);
    let config = config().labels(labels);
    spawn::<K, _>(context, namespace, Source { api, config }, move |object, _| {
        slim(object).map(|(key, record)| (key, Ok(record)))
    });
}

/// All objects of the kind `T`, decoded as `R`.
fn api<K, T, R>(context: &Context, namespace: Option<&str>) -> Api<R>
where
    K: Cached,
    T: Resource<DynamicType = ()>,
    R: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
{
    let kind = ApiResource::erase::<T>(&());
    let client = client::<K>(context, namespace);
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &kind),
        None => Api::all_with(client, &kind),
    }
}

fn config() -> watcher::Config {
    watcher::Config::default().timeout(TIMEOUT).page_size(PAGE)
}

fn name<K: Cached>(namespace: Option<&str>) -> Name {
    (K::PLURAL, namespace.map(String::from))
}

/// The client of one watch: it tells whether that one is connected.
fn client<K: Cached>(context: &Context, namespace: Option<&str>) -> Client {
    let views = context.state.lock().views.clone();
    let name = name::<K>(namespace);
    views.watch_started(&name);
    connection_probe::client(&context.client, &views, &name, &Pages::new(&context.pages))
}

/// What is watched.
struct Source<R> {
    api: Api<R>,
    config: watcher::Config,
}

fn spawn<K, R>(
    context: &Arc<Context>,
    namespace: Option<&str>,
    source: Source<R>,
    project: impl Fn(R, &mut MemoryBudget) -> Option<Project<K::Record>> + Send + 'static,
) where
    K: Cached,
    R: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let watch = Watch::<R, K>::new(context, name::<K>(namespace), Box::new(project));
    let Source { api, config } = source;
    context.spawn(async move { watch.run(|| watcher::watcher(api.clone(), config.clone())).await });
}
