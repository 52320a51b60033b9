//! A watch: its events one by one, with a deadline.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use bytes::BytesMut;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer::same;

const PATIENCE: Duration = Duration::from_secs(30);

/// An open watch.
pub(super) struct Stream {
    body: Body,
    unread: BytesMut,
}

impl Stream {
    pub(super) fn new(body: Body) -> Self {
        Self { body, unread: BytesMut::new() }
    }

    /// The next event, or nothing if the server ended the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line = self.unread.split_to(end + 1);
                return serde_json::from_slice(&line).map(Some).context("an event that is no JSON");
            }
            let frame = timeout(PATIENCE, self.body.frame()).await;
            match frame.map_err(|_| anyhow!("no event in {} s", PATIENCE.as_secs()))? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.context("the watch broke")?.into_data() {
                        self.unread.extend_from_slice(&data);
                    }
                }
            }
        }
    }

    /// The next event, which is of this type and about the object of this name; answers the object.
    pub(super) async fn expect(&mut self, kind: &str, name: &str) -> Result<Value> {
        let Some(event) = self.next().await? else { bail!("the watch ended before {kind} of {name}") };
        let seen = json!([event["type"], event["object"]["metadata"]["name"]]);
        same("event", &seen, &json!([kind, name]))?;
        Ok(event["object"].clone())
    }

    /// No event comes any more, and the server ends it.
    pub(super) async fn ends(&mut self) -> Result<()> {
        let event = self.next().await?;
        ensure!(event.is_none(), "instead of the end: {event:?}");
        Ok(())
    }
}
