//! The agent's own HTTP server: /healthz, /readyz and /metrics.

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// Serves until the future is dropped.
///
/// # Errors
/// The listener broke.
pub async fn serve(listener: TcpListener, metrics: Metrics) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(text))
        .with_state(metrics);
    axum::serve(listener, router).await
}

/// Ready: a worker of this pod is registered and takes tasks.
async fn readyz(State(metrics): State<Metrics>) -> (StatusCode, &'static str) {
    if metrics.leaving.get() > 0 {
        (StatusCode::SERVICE_UNAVAILABLE, "leaving\n")
    } else if metrics.workers.get() == 0 {
        (StatusCode::SERVICE_UNAVAILABLE, "no worker is registered and takes tasks\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn text(State(metrics): State<Metrics>) -> (StatusCode, String) {
    match metrics.text() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}
