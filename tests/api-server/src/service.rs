//! The server as a service for HTTP clients: kube's client, or a connection.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tower::BoxError;

use crate::{handle, server::ApiServer, status::Status, watch::Watch};

/// The server, as one user sees it.
#[derive(Clone)]
pub struct Service {
    server: ApiServer,
    user: Arc<str>,
}

/// The body of an answer: all at once, or a watch.
pub struct ResponseBody(Inner);

enum Inner {
    Whole(Option<Bytes>),
    Watch(Box<Watch>),
}

impl ResponseBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self(Inner::Whole(Some(bytes).filter(|b| !b.is_empty())))
    }

    pub(crate) fn watch(watch: Watch) -> Self {
        Self(Inner::Watch(Box::new(watch)))
    }
}

impl Service {
    pub(crate) fn new(server: ApiServer, user: &str) -> Self {
        Self { server, user: user.into() }
    }

    /// Answers a request whose body is there already.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<ResponseBody> {
        handle::answer(&self.server.shared, &self.user, request)
    }
}

impl tower::Service<Request<kube::client::Body>> for Service {
    type Response = Response<ResponseBody>;
    type Error = BoxError;
    type Future = Ready<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        let (parts, body) = request.into_parts();
        // What kube's client sends is in memory, and there at once.
        let answer = match body.collect().now_or_never() {
            Some(Ok(body)) => self.answer(&Request::from_parts(parts, body.to_bytes())),
            Some(Err(error)) => {
                handle::refusal(&Status::bad_request(format!("the body cannot be read: {error}")))
            }
            None => {
                handle::refusal(&Status::unsupported("bodies that come piece by piece through this service"))
            }
        };
        ready(Ok(answer))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut self.0 {
            Inner::Whole(bytes) => Poll::Ready(bytes.take()),
            Inner::Watch(watch) => watch.poll(cx),
        };
        next.map(|bytes| bytes.map(|b| Ok(Frame::data(b))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Inner::Whole(None))
    }
}
