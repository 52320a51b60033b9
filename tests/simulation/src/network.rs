//! Between an operator and the API server: latency, refusals, lost requests and answers, slow and broken watches,
//! and the moment of each write, at which an operator may die.

mod faults;
mod stream;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use kube::client::Body;
use kube_memory_api_server::Service as ApiService;
use serde_json::json;
use tower::{BoxError, Service, ServiceExt};

pub use faults::{CrashPoint, Fate, Faults, Planned, Rates};

use crate::{trace::Trace, world::World};

/// What a request is about, as an audit log would say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who asks.
    pub who: String,
    /// The request's method.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// The resource, e.g. `pods`.
    pub resource: String,
    /// It follows changes.
    pub watch: bool,
    /// It changes something.
    pub write: bool,
}

impl Asked {
    fn of(who: &str, request: &Request<Body>) -> Self {
        let (method, uri) = (request.method().clone(), request.uri());
        let query = uri.query().unwrap_or_default();
        let has = |p: &str| query.split('&').any(|q| q == p);
        let mut parts = uri.path().split('/').filter(|p| !p.is_empty()).skip_while(|p| *p != "v1").skip(1);
        let mut resource = parts.next().unwrap_or_default();
        if resource == "namespaces" {
            resource = parts.nth(1).unwrap_or("namespaces");
        }
        Self {
            who: who.into(),
            path: uri.path().into(),
            resource: resource.into(),
            watch: has("watch=true"),
            write: method != Method::GET && !has("dryRun=All"),
            method,
        }
    }

    /// Whether it is about the election.
    pub fn is_election(&self) -> bool {
        self.resource == "leases"
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// One operator's connection to the API server.
#[derive(Clone)]
pub struct Network {
    who: String,
    inner: ApiService,
    faults: Faults,
    world: Arc<World>,
    trace: Trace,
}

impl Network {
    /// The connection of the operator with this name to the API server of this world.
    pub fn new(who: &str, world: &Arc<World>) -> Self {
        Self {
            who: who.into(),
            inner: world.server.service(who),
            faults: world.faults.clone(),
            world: world.clone(),
            trace: world.trace.clone(),
        }
    }

    async fn carry(self, request: Request<Body>) -> Result<Answer, BoxError> {
        let asked = Asked::of(&self.who, &request);
        let fate = self.faults.fate(&asked);
        tokio::time::sleep(fate.there).await;
        self.faults.thawed(&self.who).await;
        if let Some(code) = fate.refused {
            self.trace.say(&self.who, format_args!("{} {} -> {code} (a fault)", asked.method, asked.path));
            tokio::time::sleep(fate.back).await;
            return Ok(refusal(code));
        }
        if fate.request_lost {
            self.trace.say(&self.who, format_args!("{} {} is lost", asked.method, asked.path));
            return silence().await;
        }
        if fate.crash == Some(CrashPoint::Before) {
            self.trace.say(&self.who, format_args!("dies before {} {}", asked.method, asked.path));
            self.world.crash(&self.who);
            std::future::pending::<()>().await;
        }
        self.world.asks(&asked);
        let answer = self.inner.clone().oneshot(request).await?;
        self.world.observe();
        self.told(&asked, answer.status());
        if fate.crash == Some(CrashPoint::After) {
            self.trace.say(&self.who, format_args!("dies before it has the answer"));
            self.world.crash(&self.who);
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(fate.back).await;
        self.faults.thawed(&self.who).await;
        if fate.answer_lost {
            self.trace.say(&self.who, format_args!("the answer to {} {} is lost", asked.method, asked.path));
            return silence().await;
        }
        let (head, body) = answer.into_parts();
        let body = body.map_err(BoxError::from);
        let body = if asked.watch && head.status == StatusCode::OK {
            stream::Slow::new(body, self.faults.watch(&asked)).boxed_unsync()
        } else {
            body.boxed_unsync()
        };
        Ok(Response::from_parts(head, body))
    }

    fn told(&self, asked: &Asked, code: StatusCode) {
        if asked.is_election() && code.is_success() {
            return;
        }
        let verb = if asked.watch { "WATCH" } else { asked.method.as_str() };
        self.trace.say(&self.who, format_args!("{verb} {} -> {}", asked.path, code.as_u16()));
    }
}

impl Service<Request<Body>> for Network {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let network = self.clone();
        Box::pin(async move { network.carry(request).await })
    }
}

/// A connection on which nothing comes: the operator's client gives up after a time.
async fn silence() -> Result<Answer, BoxError> {
    tokio::time::sleep(SILENCE).await;
    Err("nothing came for too long".into())
}

/// An API server's way to say no.
fn refusal(code: u16) -> Answer {
    let reason = match code {
        403 => "Forbidden",
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{reason}, says the simulation"), "reason": reason, "code": code,
    });
    let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// How long the operator's client waits for a sign of life on a connection (`operator/src/kubernetes/client.rs`).
pub const SILENCE: Duration = Duration::from_secs(130);
/// The shortest and the longest time that a request takes in one direction.
pub const LATENCY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));
