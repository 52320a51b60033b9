//! The one conversation that the agent has with its scheduler: kept open, used by all parts of the agent, one request after
//! the other. A request that is not waited for any more is answered all the same, so that the conversation goes on.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use dask_comm::{CommError, SchedulerClient, Timeouts};
use futures::{FutureExt, future::BoxFuture};
use tokio::time::Instant;

use super::{AskError, LIMITS, Scheduler};
use crate::{
    drain_plan::Contact,
    stream::{self, Stream},
};

/// Asks a scheduler.
pub type Client = SchedulerClient<Stream>;

/// Longest wait for an answer. A scheduler whose loop is held by a large graph is silent for minutes, and a conversation that
/// is given up meanwhile could not be had again. One that is gone is noticed by the system (`stream.rs`).
const ANSWER: Duration = Duration::from_secs(3600);
/// Longest wait for a busy scheduler's greeting.
const GREETING: Duration = Duration::from_secs(30);
/// Wait for a scheduler after which the log says so; doubles each time.
const WAITED: Duration = Duration::from_secs(10);

/// The conversation, or none yet.
#[derive(Debug, Default)]
pub struct SharedConnection {
    talk: tokio::sync::Mutex<Option<Client>>,
    facts: Mutex<Facts>,
}

/// What is known of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Whether, and how, the scheduler is reached.
    pub contact: Contact,
    /// Our own address, as the scheduler sees it.
    pub own: Option<IpAddr>,
    /// Where the scheduler was reached last.
    peer: Option<SocketAddr>,
    /// Number of the last conversation, from 1 on.
    number: u64,
    /// Whether that one goes on, as far as was seen.
    open: bool,
    /// Since when there is none although one is wanted, and how often the log said so.
    waits: Option<(Instant, u32)>,
}

impl SharedConnection {
    /// What is known.
    pub fn facts(&self) -> Facts {
        self.change(|facts| *facts)
    }

    /// The scheduler told a worker that it closes.
    pub fn said_goodbye(&self) {
        self.change(|facts| facts.contact.said_goodbye = true);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Facts) -> T) -> T {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the conversation of this number goes on. One that waits for an answer does.
    pub fn is_open(&self, number: u64) -> bool {
        if let Ok(mut talk) = self.talk.try_lock() {
            self.drop_if_over(&mut talk);
        }
        let facts = self.facts();
        facts.open && facts.number == number
    }

    fn drop_if_over(&self, talk: &mut Option<Client>) {
        let Some(client) = talk else { return };
        // Nothing is expected but the end.
        let over = match client.connection().read_message().now_or_never() {
            None => return,
            Some(over) => over,
        };
        *talk = None;
        // A message that was not asked for is no end of the scheduler's.
        self.over(!matches!(over, Ok(Some(_))));
    }

    /// There is no conversation any more; `broken`: not because of us.
    fn over(&self, broken: bool) {
        self.change(|facts| {
            facts.open = false;
            facts.contact.broken = broken;
        });
    }

    async fn open<'t>(
        &self,
        scheduler: &Scheduler,
        talk: &'t mut Option<Client>,
    ) -> Result<&'t mut Client, AskError> {
        self.drop_if_over(talk);
        if talk.is_none() {
            let made = self.dial(scheduler).await;
            self.note(scheduler, &made);
            *talk = Some(made?.0);
        }
        talk.as_mut().ok_or_else(|| scheduler.failed(CommError::Closed))
    }

    /// By its name, then where it was reached before: an address of a pod may be another scheduler's by now.
    async fn dial(&self, scheduler: &Scheduler) -> Result<(Client, IpAddr, SocketAddr), AskError> {
        let not_listening = |source| scheduler.not_listening(source);
        let known = self.facts().peer;
        let reached = match (stream::reach(scheduler.host()).await, known) {
            (Ok(stream), _) => stream,
            (Err(error), None) => return Err(not_listening(error)),
            (Err(_), Some(peer)) => stream::reach(&peer.to_string()).await.map_err(not_listening)?,
        };
        let (own, peer) = (|| Ok((reached.local_addr()?.ip().to_canonical(), reached.peer_addr()?)))()
            .map_err(not_listening)?;
        let timeouts = Timeouts { handshake: GREETING, request: ANSWER, retire: ANSWER };
        let connection = scheduler.greet(reached, LIMITS, timeouts).await?;
        Ok((connection.into(), own, peer))
    }

    /// Takes note of a try.
    fn note(&self, scheduler: &Scheduler, made: &Result<(Client, IpAddr, SocketAddr), AskError>) {
        let error = match made {
            Ok((_, own, peer)) => {
                let contact = Contact { talked: true, reaches: true, ..Contact::default() };
                let number = self.facts().number + 1;
                let (own, peer) = (Some(*own), Some(*peer));
                return self
                    .change(|facts| *facts = Facts { contact, own, peer, number, open: true, waits: None });
            }
            Err(error) => error,
        };
        let waited = self.change(|facts| {
            facts.contact.reaches = error.is_slow();
            let (since, told) = facts.waits.get_or_insert((Instant::now(), 0));
            is_due(since.elapsed(), *told).then(|| {
                *told += 1;
                since.elapsed().as_secs()
            })
        });
        if let Some(seconds) = waited {
            tracing::warn!(
                %error, seconds, scheduler = scheduler.address(),
                "still waiting for the scheduler: check that it runs, and that this is its address (the worker's command \
                 line, DASK_SCHEDULER_ADDRESS) and scheme (tcp or tls; DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME)"
            );
        }
    }
}

/// Whether a wait of this length is to be told, after it was told so often.
fn is_due(waited: Duration, told: u32) -> bool {
    waited >= WAITED.saturating_mul(2_u32.saturating_pow(told))
}

impl Scheduler {
    /// Asks something.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask<T, Q>(&self, question: Q) -> Result<T, AskError>
    where
        T: Send + 'static,
        Q: for<'a> FnOnce(&'a mut Client) -> BoxFuture<'a, Result<T, CommError>> + Send + 'static,
    {
        let scheduler = self.clone();
        let asked = tokio::spawn(async move {
            let connection = scheduler.connection();
            let mut talk = connection.talk.lock().await;
            let client = connection.open(&scheduler, &mut talk).await?;
            let answer = question(client).await;
            if !client.is_usable() {
                *talk = None;
                connection.over(matches!(answer, Err(CommError::Io(_) | CommError::Closed)));
            }
            answer.map_err(|source| scheduler.failed(source))
        });
        asked.await.unwrap_or_else(|_| Err(self.failed(CommError::Closed)))
    }

    /// The number of the conversation, which is begun if there is none.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn conversation(&self) -> Result<u64, AskError> {
        self.ask(|_| async { Ok(()) }.boxed()).await?;
        Ok(self.connection().facts().number)
    }
}

#[cfg(test)]
mod tests;
