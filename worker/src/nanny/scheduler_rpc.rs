//! What a nanny says to the scheduler: that it is there, that a worker is gone, and why it ended one.

use dask_comm::{CommError, Connection, Message, Value, field};
use futures::FutureExt;

use crate::{
    scheduler::{AskError, BULK_TIME, Scheduler},
    stream::Stream,
};

/// A scheduler that knows of this nanny.
#[derive(Debug)]
pub struct Registered {
    scheduler: Scheduler,
    /// The conversation in which it was registered; over when the first worker is there.
    first: Option<Connection<Stream>>,
    /// The number of the agent's conversation with this very scheduler: with another one there is another conversation.
    conversation: u64,
}

impl Registered {
    /// Tells the scheduler of the nanny at `address`; what it answers has the plugins that come before the first worker.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn with(scheduler: &Scheduler, address: &str) -> Result<(Self, Message), AskError> {
        let failed = |source| scheduler.failed(source);
        let conversation = scheduler.conversation().await?;
        let mut first = scheduler.open_bulk().await?;
        let hello = [("op", "register_nanny"), ("address", address)];
        first.write_message(&texts(&hello)).await.map_err(failed)?;
        let answer = async { first.read_message().await?.ok_or(CommError::Closed) };
        let late = || CommError::Timeout { step: "register_nanny".into() };
        let answer =
            tokio::time::timeout(BULK_TIME, answer).await.unwrap_or_else(|_| Err(late())).map_err(failed)?;
        Ok((Self { scheduler: scheduler.clone(), first: Some(first), conversation }, answer))
    }

    /// The first worker is there, or it will not be.
    pub async fn begun(&mut self, well: bool) {
        if let Some(mut first) = self.first.take() {
            let status = if well { "ok" } else { "error" };
            let _ = first.write_message(&texts(&[("status", status)])).await;
        }
    }

    /// Whether this scheduler is there; `Some(false)`: another one is, `None`: none. One whose loop is held does not answer,
    /// and is there.
    pub async fn is_same(&mut self) -> Option<bool> {
        if self.scheduler.connection().is_open(self.conversation) {
            return Some(true);
        }
        self.scheduler.conversation().await.ok().map(|_| false)
    }

    /// Tells it that a worker is gone. A worker that came before it is heard would be refused for its name: it waits.
    pub async fn unregister(&mut self, worker: &str) {
        let worker = Value::from(worker);
        let args = vec![("address", worker), ("stimulus_id", "nanny-close-agent".into())];
        let told = self
            .scheduler
            .ask(move |c| async move { c.connection().request("unregister", args).await.map(drop) }.boxed());
        if let Err(error) = told.await {
            tracing::warn!(%error, "cannot tell the scheduler that the worker is gone");
        }
    }

    /// Logs an event that clients can read. No answer is waited for.
    pub async fn log_event(&mut self, topic: &str, event: Value) {
        let message =
            [("op", "log_event".into()), ("topic", topic.into()), ("msg", event), ("reply", false.into())];
        let message = Value::Map(message.map(|(k, v)| (k.into(), v)).to_vec());
        let told =
            self.scheduler.ask(move |c| async move { c.connection().write_message(&message).await }.boxed());
        if let Err(error) = told.await {
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
