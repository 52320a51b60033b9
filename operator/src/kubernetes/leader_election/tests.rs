//! Elections on a paused clock, with a Lease in memory.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::service_fn;

use super::*;
use crate::{
    context::Access,
    env::{Address, Clock, Connector, Environment, RandomSource, SchedulerStream},
    leadership::Leadership,
    metrics::Metrics,
    testing,
};

/// An API server that keeps one Lease.
#[derive(Clone, Default)]
struct Server {
    lease: Arc<Mutex<Option<Value>>>,
}

impl Server {
    /// A client, and what takes its connection away.
    fn client(&self) -> (Client, Arc<AtomicBool>) {
        let (server, away) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let is_away = away.clone();
        let service = service_fn(move |request: Request<Body>| {
            let (server, away) = (server.clone(), is_away.clone());
            async move {
                if away.load(Ordering::Relaxed) {
                    return Err(std::io::Error::other("away"));
                }
                let method = request.method().clone();
                let body = request.into_body().collect_bytes().await.map_err(std::io::Error::other)?;
                let (code, answer) =
                    server.answer(&method, serde_json::from_slice(&body).unwrap_or_default());
                let response =
                    Response::builder().status(code).body(Body::from(answer.to_string().into_bytes()));
                response.map_err(std::io::Error::other)
            }
        });
        (Client::new(service, "ns"), away)
    }

    fn answer(&self, method: &Method, mut body: Value) -> (u16, Value) {
        let mut lease = self.lease.lock().unwrap();
        let status = |code: u16, reason: &str| {
            let text = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason,
                "reason": reason, "code": code});
            (code, text)
        };
        let version = |l: &Value| l["metadata"]["resourceVersion"].as_str().map(String::from);
        match (method, lease.as_ref()) {
            (&Method::GET, None) => return status(404, "NotFound"),
            (&Method::GET, Some(found)) => return (200, found.clone()),
            (&Method::POST, Some(_)) => return status(409, "AlreadyExists"),
            (_, Some(found)) if version(found) != version(&body) => return status(409, "Conflict"),
            _ => {}
        }
        let number: u64 = lease.as_ref().and_then(version).and_then(|v| v.parse().ok()).unwrap_or(0);
        body["metadata"]["uid"] = json!("u");
        body["metadata"]["resourceVersion"] = json!((number + 1).to_string());
        *lease = Some(body.clone());
        (200, body)
    }

    fn holder(&self) -> String {
        let lease = self.lease.lock().unwrap();
        lease
            .as_ref()
            .and_then(|l| l["spec"]["holderIdentity"].as_str().map(String::from))
            .unwrap_or_default()
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000)
    }
}

struct Unreachable;

impl Connector for Unreachable {
    fn dial(
        &self,
        _: Address,
    ) -> futures::future::BoxFuture<'static, std::io::Result<Box<dyn SchedulerStream>>> {
        Box::pin(async { Err(std::io::Error::other("unreachable")) })
    }
}

struct Candidate {
    leadership: Leadership,
    away: Arc<AtomicBool>,
    task: JoinHandle<()>,
    stop: tokio::sync::oneshot::Sender<()>,
}

impl Candidate {
    fn connected(&self, yes: bool) {
        self.away.store(!yes, Ordering::Relaxed);
    }
}

fn candidate(server: &Server, name: &str) -> Candidate {
    let ((client, away), leadership) = (server.client(), Leadership::candidate());
    let seat = LeaseConfig { namespace: "ns".into(), name: "l".into(), candidate: name.into() };
    let env =
        Environment { clock: Arc::new(Still), random: RandomSource::seeded(1), dial: Arc::new(Unreachable) };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let task = {
        let leadership = leadership.clone();
        let context = testing::with(Access { client, env, metrics: Metrics::new().unwrap(), leadership });
        tokio::spawn(async move {
            context.health.not_ready("x");
            context.health.ready("x");
            run(&context, &seat, async { drop(stopped.await) }).await;
        })
    };
    Candidate { leadership, away, task, stop }
}

/// Seconds until it leads.
async fn seconds_until_it_leads(c: &Candidate) -> u64 {
    let start = Instant::now();
    c.leadership.gained().await;
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_goes_on_and_the_other_waits() {
    let server = Server::default();
    let a = candidate(&server, "a");
    assert_eq!(seconds_until_it_leads(&a).await, 0);
    let b = candidate(&server, "b");
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(a.leadership.may_write() && !b.leadership.may_write());
    assert_eq!(server.holder(), "a");
}

#[tokio::test(start_paused = true)]
async fn who_dies_is_replaced_after_the_leases_time_and_who_releases_at_once() {
    let server = Server::default();
    let a = candidate(&server, "a");
    a.leadership.gained().await;
    let b = candidate(&server, "b");
    tokio::time::sleep(Duration::from_secs(30)).await;
    a.task.abort();
    let took = seconds_until_it_leads(&b).await;
    assert!((13..=19).contains(&took), "{took} s");

    let c = candidate(&server, "c");
    tokio::time::sleep(Duration::from_secs(30)).await;
    b.stop.send(()).unwrap();
    b.task.await.unwrap();
    assert!(!b.leadership.may_write());
    let took = seconds_until_it_leads(&c).await;
    assert!(took <= 3, "{took} s");
}

#[tokio::test(start_paused = true)]
async fn who_cannot_renew_stops_before_anybody_else_may_begin_and_goes_on_in_its_term() {
    let server = Server::default();
    let a = candidate(&server, "a");
    let term = a.leadership.gained().await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    a.connected(false);
    let start = Instant::now();
    a.leadership.lost(term).await;
    let lost = start.elapsed().as_secs();
    assert!((7..=10).contains(&lost) && !a.leadership.may_write(), "{lost} s");
    a.connected(true);
    assert!(seconds_until_it_leads(&a).await <= 3, "no other process took it");
    assert_eq!(a.leadership.gained().await, term, "no other process led: what it knows is still true");
}

#[tokio::test(start_paused = true)]
async fn after_another_ones_term_it_is_a_new_one() {
    let server = Server::default();
    let a = candidate(&server, "a");
    let term = a.leadership.gained().await;
    let b = candidate(&server, "b");
    a.connected(false);
    b.leadership.gained().await;
    assert!(!a.leadership.may_write(), "never two");
    b.stop.send(()).unwrap();
    b.task.await.unwrap();
    a.connected(true);
    assert_ne!(a.leadership.gained().await, term);
    a.leadership.lost(term).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_frozen_does_not_write_when_it_goes_on() {
    let server = Server::default();
    let a = candidate(&server, "a");
    a.leadership.gained().await;
    // Its task does not run any more, and time passes.
    a.task.abort();
    assert!(a.leadership.may_write());
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(!a.leadership.may_write(), "it needs no message for that");
}
