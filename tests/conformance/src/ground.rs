//! What a case stands on: a namespace of an API server, requests to it, and waiting.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    answer::Answer,
    recorded::{self, Recording},
    stream::Stream,
};

const MERGE: &str = "application/merge-patch+json";
const POLL: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);

/// An API server, and what has to be done for it.
#[derive(Clone)]
pub struct World {
    client: Client,
    collect: Option<Arc<dyn Fn() + Send + Sync>>,
    compact: Option<Arc<dyn Fn() + Send + Sync>>,
    recording: Option<Arc<Recording>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl World {
    /// A real cluster, whose controllers run by themselves.
    pub const fn real(client: Client) -> Self {
        Self { client, collect: None, compact: None, recording: None }
    }

    /// A server without controllers: `collect` does a pass of the garbage collector, `compact` makes it forget its past.
    pub fn still(
        client: Client,
        collect: impl Fn() + Send + Sync + 'static,
        compact: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self { client, collect: Some(Arc::new(collect)), compact: Some(Arc::new(compact)), recording: None }
    }

    /// Recorded answers are not compared but recorded anew; [`World::recorded`] has them.
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.recording = Some(Arc::default());
        self
    }

    /// The new text of `answers.json`.
    pub fn recorded(&self) -> Option<String> {
        self.recording.as_ref().map(|recording| recording.text())
    }
}

/// A namespace for one case.
#[derive(Clone, Debug)]
pub struct Ground {
    world: World,
    /// The namespace's name.
    pub namespace: String,
}

/// How a body is to be understood.
#[derive(Clone, Copy)]
pub(super) enum Patch {
    Merge,
    Json,
    Strategic,
    Apply,
}

impl Patch {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Merge => MERGE,
            Self::Json => "application/json-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }
}

impl Ground {
    pub(super) async fn new(world: World) -> Result<Self> {
        let mut ground = Self { world, namespace: String::new() };
        let named =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "conformance-"}});
        let made = ground.post("/api/v1/namespaces", &named).await?.ok(201)?;
        ground.namespace =
            made["metadata"]["name"].as_str().context("a namespace without a name")?.to_string();
        if ground.world.collect.is_none() {
            // A controller makes it, and no pod is taken before.
            ground
                .until("the default service account", async || {
                    ground.get("serviceaccounts/default").await?.ok(200)
                })
                .await?;
        }
        Ok(ground)
    }

    pub(super) async fn leave(&self) {
        let _ = self.delete(&format!("/api/v1/namespaces/{}", self.namespace), &Value::Null).await;
    }

    /// Kube's client, for what it does by itself.
    pub(super) fn client(&self) -> Client {
        self.world.client.clone()
    }

    /// Makes the server forget its past, where that is in our hands.
    pub(super) fn compact(&self) {
        if let Some(compact) = &self.world.compact {
            compact();
        }
    }

    /// Whether that is in our hands.
    pub(super) const fn compacts(&self) -> bool {
        self.world.compact.is_some()
    }

    /// The whole path of a resource of the namespace, as `pods/name?query`; one that starts with a slash is whole.
    pub(super) fn path(&self, short: &str) -> String {
        if short.starts_with('/') {
            return short.to_string();
        }
        let plural = short.split(['/', '?']).next().unwrap_or_default();
        let group = match plural {
            "deployments" | "replicasets" => "/apis/apps/v1",
            "leases" => "/apis/coordination.k8s.io/v1",
            dask if dask.starts_with("dask") => "/apis/kubernetes.dask.org/v1",
            _ => "/api/v1",
        };
        format!("{group}/namespaces/{}/{short}", self.namespace)
    }

    /// Any request at all.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Response<Body>> {
        let path = self.path(path);
        let mut request = Request::builder().method(method).uri(&path).header("accept", "application/json");
        if let Some(headers_of) = request.headers_mut() {
            for (name, value) in headers {
                headers_of.insert(http::HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
            }
        }
        let body: Bytes = body.into();
        let request = request.body(Body::from(body.to_vec())).with_context(|| path.clone())?;
        self.world.client.send(request).await.map_err(|error| anyhow!("{path}: {error}"))
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        let asked = format!("{method} {path}");
        Answer::read(asked, self.send(method, path, headers, body).await?).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer> {
        self.ask(Method::GET, path, &[], "").await
    }

    pub(super) async fn get_as(&self, path: &str, accept: &str) -> Result<Answer> {
        self.ask(Method::GET, path, &[("accept", accept)], "").await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.ask(Method::POST, path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        self.ask(Method::PUT, path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(super) async fn patch(&self, how: Patch, path: &str, body: &Value) -> Result<Answer> {
        self.ask(Method::PATCH, path, &[("content-type", how.content_type())], body.to_string()).await
    }

    pub(super) async fn merge(&self, path: &str, body: &Value) -> Result<Answer> {
        self.patch(Patch::Merge, path, body).await
    }

    /// With DeleteOptions as its body, or none for null.
    pub(super) async fn delete(&self, path: &str, options: &Value) -> Result<Answer> {
        let body = if options.is_null() { String::new() } else { options.to_string() };
        let headers: &[(&str, &str)] =
            if options.is_null() { &[] } else { &[("content-type", "application/json")] };
        self.ask(Method::DELETE, path, headers, body).await
    }

    /// Creates an object of which nothing but its being there matters.
    pub(super) async fn create(&self, resource: &str, body: &Value) -> Result<Value> {
        self.post(resource, body).await?.ok(201)
    }

    /// A watch; the path has its whole query but `watch`.
    pub(super) async fn watch(&self, path: &str) -> Result<Stream> {
        self.watch_as(path, "application/json").await
    }

    pub(super) async fn watch_as(&self, path: &str, accept: &str) -> Result<Stream> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let answer =
            self.send(Method::GET, &format!("{path}{sign}watch=true"), &[("accept", accept)], "").await?;
        if answer.status() != 200 {
            let body = answer.into_body().collect().await?.to_bytes();
            bail!("no watch of {path}: {}", String::from_utf8_lossy(&body));
        }
        Ok(Stream::new(answer.into_body()))
    }

    /// Looks until what is looked for is there; between two looks garbage is collected.
    pub(super) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match look().await {
                Ok(found) => return Ok(found),
                Err(last) => ensure!(Instant::now() < deadline, "no {what} in time: {last:#}"),
            }
            if let Some(collect) = &self.world.collect {
                collect();
            }
            sleep(POLL).await;
        }
    }

    /// The answer is the one that a real server gave, except for what is given out each time.
    pub(super) fn told(&self, key: &str, answer: Answer) -> Result<()> {
        recorded::compare(key, answer, &self.namespace, self.world.recording.as_deref())
    }

    /// Waits until an object is gone.
    pub(super) async fn gone(&self, path: &str) -> Result<()> {
        self.until(&format!("end of {path}"), async || {
            let answer = self.get(path).await?;
            ensure!(answer.code == 404, "it is there: {}", answer.body);
            Ok(())
        })
        .await
    }
}
