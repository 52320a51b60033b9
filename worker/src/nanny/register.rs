//! What a nanny says to the scheduler: that it is there, that a worker is gone, and why it ended one.

use std::time::Duration;

use dask_comm::{CommError, Connection, Message, Value, field};

use crate::{
    scheduler::{AskError, BULK_TIME, Scheduler},
    stream::Stream,
};

/// Longest wait for an answer that costs a scheduler nothing.
const SHORT: Duration = Duration::from_secs(2);
/// Longest wait where it has to do something.
const LONG: Duration = Duration::from_secs(10);

/// A scheduler that knows of this nanny.
#[derive(Debug)]
pub struct Registered {
    scheduler: Scheduler,
    /// The conversation in which it was registered; over when the first worker is there.
    first: Option<Connection<Stream>>,
    /// A connection to this very scheduler: another one does not answer on it.
    line: Connection<Stream>,
}

impl Registered {
    /// Tells the scheduler of the nanny at `address`; what it answers has the plugins that come before the first worker.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn with(scheduler: &Scheduler, address: &str) -> Result<(Self, Message), AskError> {
        let failed = |source| scheduler.failed(source);
        let (line, _) = scheduler.open().await?;
        let mut first = scheduler.open_bulk().await?;
        let hello = [("op", "register_nanny"), ("address", address)];
        first.write_message(&texts(&hello)).await.map_err(failed)?;
        let answer = async { first.read_message().await?.ok_or(CommError::Closed) };
        let late = || CommError::Timeout { step: "register_nanny".into() };
        let answer =
            tokio::time::timeout(BULK_TIME, answer).await.unwrap_or_else(|_| Err(late())).map_err(failed)?;
        Ok((Self { scheduler: scheduler.clone(), first: Some(first), line }, answer))
    }

    /// The first worker is there, or it will not be.
    pub async fn begun(&mut self, well: bool) {
        if let Some(mut first) = self.first.take() {
            let status = if well { "ok" } else { "error" };
            let _ = first.write_message(&texts(&[("status", status)])).await;
        }
    }

    /// Whether this scheduler is there; `Some(false)`: another one is, `None`: nobody.
    pub async fn is_same(&mut self) -> Option<bool> {
        if self.line.request_within("echo", vec![("data", 1.into())], SHORT).await.is_ok() {
            return Some(true);
        }
        self.scheduler.open().await.ok().map(|_| false)
    }

    /// Tells it that a worker is gone.
    pub async fn unregister(&mut self, worker: &str) {
        let args = vec![("address", worker.into()), ("stimulus_id", "nanny-close-agent".into())];
        if let Err(error) = self.line.request_within("unregister", args, LONG).await {
            tracing::warn!(%error, "cannot tell the scheduler that the worker is gone");
        }
    }

    /// Logs an event that clients can read.
    pub async fn log_event(&mut self, topic: &str, event: Value) {
        let args = vec![("topic", topic.into()), ("msg", event)];
        if let Err(error) = self.line.request_within("log_event", args, SHORT).await {
            tracing::debug!(%error, "cannot log an event");
        }
    }
}

/// The plugins in the answer to a registration, each as a request to set it up.
pub fn plugins(answer: &Message) -> Vec<Message> {
    let plugins = field(&answer.head, "nanny-plugins").and_then(Value::as_map);
    let request = |(name, plugin): &(Value, Value)| Message {
        head: Value::Map(vec![
            ("op".into(), "plugin_add".into()),
            ("reply".into(), true.into()),
            ("name".into(), name.clone()),
            ("plugin".into(), plugin.clone()),
        ]),
        payload: answer.payload.clone(),
    };
    plugins.into_iter().flatten().map(request).collect()
}

fn texts(entries: &[(&str, &str)]) -> Value {
    Value::Map(entries.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect())
}
