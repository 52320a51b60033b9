//! A page of a list, which is never more than some megabytes of text however big its objects are: where it would be,
//! fewer objects are asked for.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use http::{Request, Response, Uri, uri::PathAndQuery};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::BoxError;

use crate::kubernetes::api::REQUEST;

/// Most objects in a page.
pub const PAGE: u32 = 100;
/// Most bytes of a page with more than one object: two of the biggest that etcd takes.
pub const MOST: usize = 3 << 20;
/// Most bytes of a page with one object. The API server takes none that are bigger than that.
const MOST_OF_ONE: usize = 8 << 20;

/// How many objects a watch asks for at present.
#[derive(Clone, Debug)]
pub struct Pages {
    limit: Arc<AtomicU32>,
    turns: Arc<Semaphore>,
}

impl Pages {
    /// Pages that take turns with those of other watches.
    pub fn new(turns: &Arc<Semaphore>) -> Self {
        Self { limit: Arc::new(AtomicU32::new(PAGE)), turns: turns.clone() }
    }

    /// Gets the page, or the part of it that is not too big: the rest is in the next one. Until the permit is given
    /// back, few others are read.
    ///
    /// # Errors
    /// There was no answer in time, or one object alone is too big.
    pub async fn get(
        &self,
        client: &Client,
        request: Request<Body>,
    ) -> Result<(Response<Body>, OwnedSemaphorePermit), BoxError> {
        let (asked, _) = request.into_parts();
        loop {
            let limit = self.limit.load(Ordering::Relaxed);
            let mut parts = asked.clone();
            parts.uri = limited(&asked.uri, limit)?;
            let answer = client.send(Request::from_parts(parts, Body::empty()));
            let answer = tokio::time::timeout(REQUEST, answer).await.map_err(|_| late())??;
            let turn = self.turns.clone().acquire_owned().await?;
            let (head, body) = answer.into_parts();
            let most = if limit > 1 { MOST } else { MOST_OF_ONE };
            let read = tokio::time::timeout(REQUEST, read(body, most)).await.map_err(|_| late())??;
            if let Some(text) = read {
                let more = if text.len() < most / 4 { limit.saturating_mul(2).min(PAGE) } else { limit };
                self.limit.store(more, Ordering::Relaxed);
                return Ok((Response::from_parts(head, Body::from(text)), turn));
            }
            if limit == 1 {
                return Err(format!("one object takes more than {} MiB", MOST_OF_ONE >> 20).into());
            }
            self.limit.store((limit / 4).max(1), Ordering::Relaxed);
        }
    }
}

fn late() -> String {
    format!("no answer in {} s", REQUEST.as_secs())
}

/// The body, unless it has more bytes than that.
async fn read(mut body: Body, most: usize) -> Result<Option<Vec<u8>>, BoxError> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if all.len() + data.len() > most {
            return Ok(None);
        }
        all.extend_from_slice(&data);
    }
    Ok(Some(all))
}

/// The same request for so many objects.
fn limited(uri: &Uri, limit: u32) -> Result<Uri, http::Error> {
    let each = uri.query().unwrap_or_default().split('&');
    let each = each.map(|p| if p.starts_with("limit=") { format!("limit={limit}") } else { p.into() });
    let query = each.collect::<Vec<String>>().join("&");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{}?{query}", uri.path()))?);
    Ok(Uri::from_parts(parts)?)
}
