//! The client of the API server: kube's own, with a guard that lets no write begin while this process does not lead, and
//! counts every request.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{Method, Request, Response};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
};
use tower::{BoxError, Layer, Service};

use crate::{leadership::Leadership, metrics::Metrics};

/// Longest silence on a connection: more than a watch lasts.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(130);

/// Resources with a name of their own in metrics; anything else is `other`.
const RESOURCES: [&str; 10] = [
    "leases",
    "pods",
    "services",
    "deployments",
    "events",
    "nodes",
    "daskclusters",
    "daskworkergroups",
    "daskautoscalers",
    "daskjobs",
];
const SUBRESOURCES: [&str; 3] = ["status", "scale", "portforward"];

/// A client with every request counted. Retries are left to the work queue, which knows what is worth it.
///
/// # Errors
/// A configuration that no client can be made of.
pub fn connect(mut config: Config, metrics: Metrics, leadership: Leadership) -> Result<Client, kube::Error> {
    config.default_retry = false;
    // A server that accepted a connection and went silent must not hold a watch or a list for ever.
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    Ok(ClientBuilder::try_from(config)?.with_layer(&Guard { leadership, metrics }).build())
}

/// What each request passes. In a process that does not lead no write begins, but for the Lease itself, and one that is under
/// way is given up. Each request that is sent is counted.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Whether this process may write.
    pub leadership: Leadership,
    /// Where requests are counted.
    pub metrics: Metrics,
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;
    fn layer(&self, inner: S) -> Self::Service {
        Guarded { inner, guard: self.clone() }
    }
}

/// A service whose requests pass a [`Guard`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl<S, B> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Guard { leadership, metrics } = self.guard.clone();
        let writes = request.method() != Method::GET;
        let is_election = request.uri().path().starts_with("/apis/coordination.k8s.io/");
        if writes && !is_election && !leadership.may_write() {
            return Box::pin(async { Err("this operator does not lead, and writes nothing".into()) });
        }
        let (verb, resource) = describe(request.method(), request.uri().path(), request.uri().query());
        let answer = self.inner.call(request);
        let counted = async move {
            let answer = answer.await;
            let code = answer.as_ref().map_or(0, |a| a.status().as_u16());
            metrics.request(verb, &resource, code);
            answer.map_err(Into::into)
        };
        if !writes || is_election {
            return Box::pin(counted);
        }
        Box::pin(async move {
            tokio::select! {
                answer = counted => answer,
                () = leadership.term_ended() => Err("this operator lost its lead while it wrote".into()),
            }
        })
    }
}

/// Verb and resource of a request, as Kubernetes' own audit log would say it.
fn describe(method: &Method, path: &str, query: Option<&str>) -> (&'static str, String) {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let at = parts.iter().position(|p| RESOURCES.contains(p));
    let resource = at.map_or("other", |i| parts[i]);
    let named = at.is_some_and(|i| parts.len() > i + 1);
    let sub = at.and_then(|i| parts.get(i + 2)).filter(|s| SUBRESOURCES.contains(s));
    let watch = query.is_some_and(|q| q.split('&').any(|p| p == "watch=true"));
    let verb = match *method {
        Method::GET if watch => "watch",
        Method::GET if named => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "other",
    };
    (verb, sub.map_or_else(|| resource.to_string(), |s| format!("{resource}/{s}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_lead_reads_and_votes_and_writes_nothing() {
        let answer =
            || tower::service_fn(|_: Request<Body>| std::future::ready(Ok::<_, BoxError>(Response::new(()))));
        for (method, path, leads, passes) in [
            (Method::GET, "/api/v1/pods", false, true),
            (Method::PATCH, "/api/v1/namespaces/a/pods/x", false, false),
            (Method::DELETE, "/api/v1/namespaces/a/pods/x", false, false),
            (Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/a/leases/x", false, true),
            (Method::DELETE, "/api/v1/namespaces/a/pods/x", true, true),
        ] {
            let leadership = if leads { Leadership::alone() } else { Leadership::candidate() };
            let guard = Guard { leadership, metrics: Metrics::new().unwrap() };
            let mut service = guard.layer(answer());
            let request = Request::builder().method(&method).uri(path).body(Body::empty()).unwrap();
            assert_eq!(service.call(request).await.is_ok(), passes, "{method} {path}");
        }
    }

    #[test]
    fn requests_are_named_as_in_the_audit_log() {
        let of = |m, p, q| {
            let (verb, resource) = describe(&m, p, q);
            format!("{verb} {resource}")
        };
        assert_eq!(of(Method::GET, "/api/v1/pods", Some("limit=5&watch=true")), "watch pods");
        assert_eq!(of(Method::GET, "/api/v1/namespaces/a/pods", Some("limit=5")), "list pods");
        assert_eq!(of(Method::GET, "/api/v1/namespaces/a/pods/x", None), "get pods");
        assert_eq!(
            of(Method::PATCH, "/apis/kubernetes.dask.org/v1/namespaces/pods/daskclusters/x/status", None),
            "patch pods",
            "a namespace with a resource's name only blurs a metric"
        );
        assert_eq!(
            of(Method::PATCH, "/apis/kubernetes.dask.org/v1/namespaces/a/daskclusters/x/status", None),
            "patch daskclusters/status"
        );
        assert_eq!(of(Method::GET, "/api/v1/nodes", Some("watch=true")), "watch nodes");
        assert_eq!(of(Method::GET, "/version", None), "list other");
        assert_eq!(of(Method::DELETE, "/api/v1/namespaces/a/pods/x", None), "delete pods");
    }
}
