//! Who may ask at all: programs of this machine, and no pages of other sites that a browser on it shows.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};

/// Lets requests pass that say they are for this machine and come from no other origin: there are no passwords here.
pub async fn check(request: Request, next: Next) -> Response {
    if is_ours(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "only for programs of this machine\n").into_response()
}

fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|v| v.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_here = matches!(name, "127.0.0.1" | "localhost");
    // Without an origin it is no page.
    is_here && text(header::ORIGIN).is_none_or(|o| o.strip_prefix("http://") == Some(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_sites_get_nothing() {
        let with = |host: &str, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            is_ours(&headers)
        };
        assert!(with("127.0.0.1:6443", None));
        assert!(with("localhost:6443", Some("http://localhost:6443")));
        assert!(!with("127.0.0.1:6443", Some("http://example.org")));
        assert!(!with("127.0.0.1:6443", Some("null")));
        assert!(!with("rebound.example.org:6443", None));
    }
}
