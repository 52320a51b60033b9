//! The API server's resources: paths for dynamic calls, and waiting until our kinds are served.

use std::{sync::Arc, time::Duration};

use dask_operator_core::plan::kind::Kind;
use kube::{Api, Client, Resource, api::DynamicObject, core::ApiResource};

use crate::context::Context;

/// How long one request may take.
pub const REQUEST: Duration = Duration::from_secs(30);
/// How often the API server is asked for our kinds until they are there.
const RETRY: Duration = Duration::from_secs(3);
/// What must be served before anything can be done.
const NEEDED: [&str; 9] = [
    "daskclusters",
    "daskclusters/status",
    "daskworkergroups",
    "daskworkergroups/status",
    "daskworkergroups/scale",
    "daskautoscalers",
    "daskautoscalers/status",
    "daskjobs",
    "daskjobs/status",
];
/// How to install or renew the definitions.
pub const INSTALL_CRDS: &str = "dask-operator crds | kubectl apply --server-side --force-conflicts -f -";

/// Plural and group of a kind, for paths and metrics.
pub fn resource(kind: Kind) -> ApiResource {
    let (group, version, kind, plural) = match kind {
        Kind::Cluster => (dask_crds::GROUP, dask_crds::VERSION, "DaskCluster", "daskclusters"),
        Kind::Group => (dask_crds::GROUP, dask_crds::VERSION, "DaskWorkerGroup", "daskworkergroups"),
        Kind::Autoscaler => (dask_crds::GROUP, dask_crds::VERSION, "DaskAutoscaler", "daskautoscalers"),
        Kind::Job => (dask_crds::GROUP, dask_crds::VERSION, "DaskJob", "daskjobs"),
        Kind::Pod => ("", "v1", "Pod", "pods"),
        Kind::Deployment => ("apps", "v1", "Deployment", "deployments"),
        Kind::Service => ("", "v1", "Service", "services"),
    };
    let gvk = kube::core::GroupVersionKind::gvk(group, version, kind);
    ApiResource::from_gvk_with_plural(&gvk, plural)
}

/// Path of the objects of a kind in a namespace.
pub fn path(kind: Kind, namespace: &str) -> String {
    DynamicObject::url_path(&resource(kind), Some(namespace))
}

/// Calls on objects of one kind, whose bodies are JSON.
pub fn dynamic_api(client: &Client, kind: Kind, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), namespace, &resource(kind))
}

/// Waits until our kinds are served with their status subresources, and says what is missing.
pub async fn wait_for_crds(context: &Arc<Context>) {
    const WHAT: &str = "CustomResourceDefinitions";
    context.health.not_ready(WHAT);
    let mut said = String::new();
    let mut lacking: Option<String> = None;
    loop {
        context.health.heartbeat("start");
        let missing = missing(&context.client).await;
        if let Some(old) = lacking.take() {
            context.health.ready(&old);
        }
        let Some(missing) = missing else { break };
        let text = format!("{missing}; run: {INSTALL_CRDS}");
        if said != text {
            tracing::warn!(missing = text, "not ready");
            said.clone_from(&text);
        }
        context.health.not_ready(&text);
        lacking = Some(text);
        tokio::time::sleep(RETRY).await;
    }
    context.health.ready(WHAT);
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

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use tower::service_fn;

    use super::*;

    /// What is missing where the API server answers the question for our group like this.
    async fn missing_at(code: u16, answer: serde_json::Value) -> Option<String> {
        let body = answer.to_string();
        let service = service_fn(move |request: Request<Body>| {
            assert_eq!(request.uri().path(), "/apis/kubernetes.dask.org/v1");
            let answer = Response::builder().status(code).body(Body::from(body.clone().into_bytes()));
            std::future::ready(answer.map_err(std::io::Error::other))
        });
        missing(&Client::new(service, "default")).await
    }

    fn serving(names: &[&str]) -> serde_json::Value {
        let resource =
            |n: &&str| json!({"name": n, "singularName": "", "namespaced": true, "kind": "K", "verbs": []});
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "kubernetes.dask.org/v1",
            "resources": names.iter().map(resource).collect::<Vec<_>>()})
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        assert_eq!(missing_at(200, serving(&NEEDED)).await, None);
        let old =
            ["daskclusters", "daskworkergroups", "daskworkergroups/scale", "daskautoscalers", "daskjobs"];
        let text = missing_at(200, serving(&old)).await.unwrap();
        assert!(text.contains("daskclusters/status") && !text.contains("daskworkergroups/scale"), "{text}");
        let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound"});
        assert!(missing_at(404, status).await.unwrap().contains("does not serve"));
    }
}
