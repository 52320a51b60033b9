//! The API server's resources: paths for dynamic calls, and waiting until our kinds are served.

use std::{sync::Arc, time::Duration};

use dask_operator_core::action::Kind;
use kube::{Api, Client, api::DynamicObject, core::ApiResource};

use crate::run::Operator;

/// How long one request may take.
pub const REQUEST: Duration = Duration::from_secs(30);
/// How often the API server is asked for our kinds until they are there.
const RETRY: Duration = Duration::from_secs(3);
/// What must be served before anything can be done.
const NEEDED: [&str; 7] = [
    "daskclusters",
    "daskclusters/status",
    "daskworkergroups",
    "daskworkergroups/status",
    "daskworkergroups/scale",
    "daskautoscalers",
    "daskautoscalers/status",
];
/// How to install or renew the definitions.
pub const INSTALL_CRDS: &str = "dask-operator crds | kubectl apply --server-side --force-conflicts -f -";

/// Plural and group of a kind, for paths and metrics.
pub fn resource(kind: Kind) -> ApiResource {
    let (group, version, kind, plural) = match kind {
        Kind::Cluster => (dask_crds::GROUP, dask_crds::VERSION, "DaskCluster", "daskclusters"),
        Kind::Group => (dask_crds::GROUP, dask_crds::VERSION, "DaskWorkerGroup", "daskworkergroups"),
        Kind::Autoscaler => (dask_crds::GROUP, dask_crds::VERSION, "DaskAutoscaler", "daskautoscalers"),
        Kind::Deployment => ("apps", "v1", "Deployment", "deployments"),
        Kind::Service => ("", "v1", "Service", "services"),
    };
    let gvk = kube::core::GroupVersionKind::gvk(group, version, kind);
    ApiResource::from_gvk_with_plural(&gvk, plural)
}

/// Calls on objects of one kind, whose bodies are JSON.
pub fn of(client: &Client, kind: Kind, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource(kind))
}

/// Waits until our kinds are served with their status subresources, and says what is missing.
pub async fn wait_for_crds(operator: &Arc<Operator>) {
    const WHAT: &str = "CustomResourceDefinitions";
    operator.health.lacks(WHAT);
    let mut said = String::new();
    let mut lacking: Option<String> = None;
    loop {
        operator.health.beat("start");
        let missing = missing(&operator.client).await;
        if let Some(old) = lacking.take() {
            operator.health.has(&old);
        }
        let Some(missing) = missing else { break };
        let text = format!("{missing}; run: {INSTALL_CRDS}");
        if said != text {
            tracing::warn!(missing = text, "not ready");
            said.clone_from(&text);
        }
        operator.health.lacks(&text);
        lacking = Some(text);
        tokio::time::sleep(RETRY).await;
    }
    operator.health.has(WHAT);
}

async fn missing(client: &Client) -> Option<String> {
    let version = format!("{}/{}", dask_crds::GROUP, dask_crds::VERSION);
    let asked = tokio::time::timeout(REQUEST, client.list_api_group_resources(&version)).await;
    let list = match asked {
        Ok(Ok(list)) => list,
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
            return Some(format!("the API server does not serve {version}"));
        }
        Ok(Err(error)) => return Some(format!("the API server cannot be asked for {version} ({error})")),
        Err(_) => return Some(format!("the API server does not answer for {version}")),
    };
    let missing: Vec<_> =
        NEEDED.iter().filter(|n| !list.resources.iter().any(|r| r.name == **n)).copied().collect();
    (!missing.is_empty()).then(|| format!("the installed definitions lack {}", missing.join(", ")))
}
