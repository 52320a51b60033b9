//! A client for one watch, through which it is seen whether the watch has an open connection.
//!
//! kube's watcher tells of objects and of failures, and not of a connection that was made anew and is quiet.

use http::Request;
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use tower::BoxError;

use super::list_pages::Pages;
use crate::{
    kubernetes::api::REQUEST,
    store::sync_state::{Name, SyncStates},
};

/// The same client, for this watch alone. A request that is not answered in time is given up: the next one may
/// get through. Its lists come in pages that are not too big.
pub fn client(inner: &Client, views: &SyncStates, name: &Name, pages: &Pages) -> Client {
    let (inner, views, name, pages) = (inner.clone(), views.clone(), name.clone(), pages.clone());
    let namespace = inner.default_namespace().to_string();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, views, name, pages) = (inner.clone(), views.clone(), name.clone(), pages.clone());
        async move {
            let watches = request.uri().query().is_some_and(|q| q.split('&').any(|p| p == "watch=true"));
            let (answer, turn) = if watches {
                let answer = tokio::time::timeout(REQUEST, inner.send(request)).await;
                (answer.map_err(|_| format!("no answer in {} s", REQUEST.as_secs()))??, None)
            } else {
                let (answer, turn) = pages.get(&inner, request).await?;
                (answer, Some(turn))
            };
            let open = (watches && answer.status().is_success()).then(|| views.opened(&name));
            // The connection is open for as long as its body is read.
            Ok::<_, BoxError>(answer.map(|body| {
                body.map_frame(move |frame| {
                    let _ = (&open, &turn);
                    frame
                })
            }))
        }
    });
    Client::new(service, namespace)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Response;

    use super::*;

    /// A client whose API server answers with this code.
    fn answering(code: u16) -> Client {
        let service = tower::service_fn(move |_: Request<Body>| {
            let answer = Response::builder().status(code).body(Body::from(b"{}".to_vec()));
            std::future::ready(answer.map_err(std::io::Error::other))
        });
        Client::new(service, "ns")
    }

    fn pages() -> Pages {
        Pages::new(&std::sync::Arc::new(tokio::sync::Semaphore::new(1)))
    }

    fn get(uri: &str) -> Request<Body> {
        Request::get(uri).body(Body::empty()).unwrap()
    }

    async fn is_in_sync_after(code: u16, uri: &str, is_read: bool) -> bool {
        let (views, name): (SyncStates, Name) = (SyncStates::default(), ("pods", None));
        views.watch_started(&name);
        views.list_completed(&name);
        let answer = client(&answering(code), &views, &name, &pages()).send(get(uri)).await.unwrap();
        let kept = is_read.then_some(answer);
        tokio::time::advance(Duration::from_secs(11)).await;
        let is_in_sync = views.in_sync_for("pods", "ns").is_some();
        drop(kept);
        is_in_sync
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_is_open_while_its_answer_is_read() {
        assert!(is_in_sync_after(200, "/api/v1/pods?limit=5&watch=true", true).await);
        assert!(!is_in_sync_after(200, "/api/v1/pods?limit=5&watch=true", false).await, "it ended");
        assert!(!is_in_sync_after(403, "/api/v1/pods?limit=5&watch=true", true).await, "refused");
        assert!(!is_in_sync_after(200, "/api/v1/pods?limit=5", true).await, "a list");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_not_waited_for_without_end() {
        let silent = tower::service_fn(|_: Request<Body>| {
            std::future::pending::<Result<Response<Body>, std::io::Error>>()
        });
        let (views, name): (SyncStates, Name) = (SyncStates::default(), ("pods", None));
        let answer =
            client(&Client::new(silent, "ns"), &views, &name, &pages()).send(get("/api/v1/pods")).await;
        assert!(answer.unwrap_err().to_string().contains("no answer in 30 s"));
    }
}
