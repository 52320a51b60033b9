//! The small HTTP server: metrics, and whether the operator lives and is ready.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::context::Context;

/// Most connections at a time. One more ends the oldest, so that a client with many connections cannot keep probes out.
const CONNECTIONS: usize = 64;
/// How long a connection lasts, with its one request and the answer.
const LASTS: Duration = Duration::from_secs(10);
/// Pause after a connection could not be accepted, as when files are scarce.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until the future is dropped.
pub async fn serve(listener: TcpListener, context: Arc<Context>) {
    let router = router(context);
    let mut open: VecDeque<AbortOnDropHandle<()>> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS {
            open.pop_front();
        }
        open.push_back(AbortOnDropHandle::new(tokio::spawn(answer_one(stream, router.clone()))));
    }
}

/// Answers one request. A peer that went away, or is slow, is no news.
async fn answer_one(stream: TcpStream, router: Router) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    drop(tokio::time::timeout(LASTS, connection).await);
}

fn router(context: Arc<Context>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(context)
}

async fn metrics(State(context): State<Arc<Context>>) -> (StatusCode, String) {
    context.metrics.queue_length(context.queue.len());
    context.metrics.leads(context.leadership.may_write());
    let (views, clusters, workers) = {
        let state = context.state.lock();
        (state.views.by_resource(), state.cache.clusters.len(), state.cache.workers_by_state())
    };
    for (resource, is_in_sync) in views {
        context.metrics.watch_in_sync(resource, is_in_sync);
    }
    context.metrics.clusters(clusters);
    for (state, n) in workers {
        context.metrics.workers(state, n);
    }
    match context.metrics.text() {
        Ok(text) => (StatusCode::OK, text),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()),
    }
}

/// Fails only when a loop of ours is stuck: restarting the pod helps against nothing else.
async fn healthz(State(context): State<Arc<Context>>) -> (StatusCode, String) {
    answer("stuck", &context.health.stuck())
}

/// Fails while something is missing at the start, and when a watch has been broken for a minute. A leader goes on
/// leading: another process would hardly see more.
async fn readyz(State(context): State<Arc<Context>>) -> (StatusCode, String) {
    let mut missing = context.health.missing();
    missing.extend(context.state.lock().views.broken());
    answer("waiting for", &missing)
}

fn answer(what: &str, problems: &[String]) -> (StatusCode, String) {
    if problems.is_empty() {
        (StatusCode::OK, "ok\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{what}: {}\n", problems.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::testing::context;

    async fn server() -> std::net::SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, context()));
        address
    }

    #[tokio::test]
    async fn the_metrics_say_who_leads_and_how_many_workers_there_are() {
        let mut client = TcpStream::connect(server().await).await.unwrap();
        client.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        for line in ["dask_operator_leader 1", "dask_operator_clusters 0"] {
            assert!(answer.contains(line), "{answer}");
        }
        for state in ["starting", "ready", "retiring", "ending"] {
            assert!(answer.contains(&format!("dask_operator_workers{{state=\"{state}\"}} 0")), "{answer}");
        }
        assert!(
            answer.contains(concat!("build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1")),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn idle_connections_keep_no_probe_out() {
        let address = server().await;
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS + 8 {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let mut probe = TcpStream::connect(address).await.unwrap();
        probe.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        probe.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        for oldest in &mut idle[..8] {
            let end = tokio::time::timeout(LASTS / 2, oldest.read(&mut [0; 8])).await;
            assert!(matches!(end, Ok(Ok(0) | Err(_))), "it was ended: {end:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_asks_nothing_ends() {
        let address = server().await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /metrics HTTP/1.1\r\nHo").await.unwrap();
        let end = tokio::time::timeout(Duration::from_secs(60), idle.read(&mut [0; 8])).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "{end:?}");
    }
}
