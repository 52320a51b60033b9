//! The server on a socket: HTTP without TLS, for kubectl and clients in other processes.

use axum::{Router, body::Body, extract::Request, http::header::USER_AGENT, response::Response};

use crate::{ApiServer, handle, status::Status};

/// Most bytes of a body, as a real server takes them.
const LARGEST: usize = 3 * 1024 * 1024;

/// Answers every request; others may add routes for what needs more than objects.
pub fn router(server: ApiServer) -> Router {
    Router::new().fallback(move |request: Request| answer(server, request))
}

async fn answer(server: ApiServer, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let agent = parts.headers.get(USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let service = server.service(agent.split('/').next().unwrap_or_default());
    let answer = match axum::body::to_bytes(body, LARGEST).await {
        Ok(body) => service.answer(&http::Request::from_parts(parts, body)),
        Err(_) => handle::refusal(&Status::new(413, "RequestEntityTooLarge", "the body is too large")),
    };
    answer.map(Body::new)
}
