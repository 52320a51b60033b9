//! The small HTTP server: metrics, and whether the operator lives and is ready.

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::net::TcpListener;

use crate::run::Operator;

/// Serves until the future is dropped.
///
/// # Errors
/// The listener broke.
pub async fn serve(listener: TcpListener, operator: Arc<Operator>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(operator);
    axum::serve(listener, router).await
}

async fn metrics(State(operator): State<Arc<Operator>>) -> (StatusCode, String) {
    operator.metrics.queue_length(operator.queue.len());
    let views = operator.state.lock().views.by_resource();
    for (resource, is_in_sync) in views {
        operator.metrics.watch_in_sync(resource, is_in_sync);
    }
    match operator.metrics.text() {
        Ok(text) => (StatusCode::OK, text),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()),
    }
}

/// Fails only when a loop of ours is stuck: restarting the pod helps against nothing else.
async fn healthz(State(operator): State<Arc<Operator>>) -> (StatusCode, String) {
    answer("stuck", &operator.health.stuck())
}

/// Fails while something is missing at the start, and when a watch has been broken for a minute. A leader goes on
/// leading: another process would hardly see more.
async fn readyz(State(operator): State<Arc<Operator>>) -> (StatusCode, String) {
    let mut missing = operator.health.missing();
    missing.extend(operator.state.lock().views.broken());
    answer("waiting for", &missing)
}

fn answer(what: &str, problems: &[String]) -> (StatusCode, String) {
    if problems.is_empty() {
        (StatusCode::OK, "ok\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{what}: {}\n", problems.join("; ")))
    }
}
