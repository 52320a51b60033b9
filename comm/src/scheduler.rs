//! Typed client of the scheduler's operations an operator uses.

use crate::{CommError, Connection, DistributedVersion, Identity, Limits, Timeouts, replies};
use rmpv::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio::io::{AsyncRead, AsyncWrite};

/// A scheduler, asked over one connection.
///
/// Every method can answer any [`CommError`]; which of them close the connection says
/// [`Connection::request`]. A reply of the wrong shape is [`CommError::Malformed`] or
/// [`CommError::Implausible`] and leaves the connection usable, as the next message is where it should be.
#[derive(Debug)]
pub struct SchedulerClient<S>(Connection<S>);

impl<S> From<Connection<S>> for SchedulerClient<S> {
    fn from(connection: Connection<S>) -> Self {
        Self(connection)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> SchedulerClient<S> {
    /// Opens a connection over `stream`.
    ///
    /// # Errors
    /// Those of [`Connection::handshake`].
    pub async fn connect(stream: S, limits: Limits, timeouts: Timeouts) -> Result<Self, CommError> {
        Connection::handshake(stream, limits, timeouts).await.map(Self)
    }

    /// Whether further calls can succeed.
    pub fn is_usable(&self) -> bool {
        self.0.is_usable()
    }

    /// The connection itself, for requests that have no method here.
    pub fn connection(&mut self) -> &mut Connection<S> {
        &mut self.0
    }

    /// The scheduler and all its workers.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn identity(&mut self) -> Result<Identity, CommError> {
        // `n_workers` is not known before 2025.4.0 and not needed.
        Identity::from_value(&self.ask("identity", vec![]).await?)
    }

    /// The version of the scheduler's `distributed`; `None` if it is not one we can read.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn versions(&mut self) -> Result<Option<DistributedVersion>, CommError> {
        replies::version(&self.ask("versions", vec![]).await?)
    }

    /// How many workers the scheduler would like to have, by its own default target duration.
    ///
    /// # Errors
    /// [`CommError::Implausible`] if that is negative, no integer or over a million; see [`SchedulerClient`].
    pub async fn adaptive_target(&mut self) -> Result<u32, CommError> {
        replies::target(&self.ask("adaptive_target", vec![]).await?)
    }

    /// Addresses of the workers that can go best if `n` have to, best first; they may be busy. Fewer than `n`
    /// if the others must stay (seceded tasks, since 2024.4.2 also P2P operations).
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn workers_to_close(&mut self, n: usize) -> Result<Vec<String>, CommError> {
        if n == 0 {
            return Ok(Vec::new());
        }
        let args = vec![("n", (n as u64).into()), ("attribute", "address".into())];
        replies::to_close(&self.ask("workers_to_close", args).await?, n)
    }

    /// How many tasks are assigned to each of `workers`, running or not; those the scheduler does not know
    /// (any more) are missing.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn processing(&mut self, workers: &[String]) -> Result<BTreeMap<String, usize>, CommError> {
        if workers.is_empty() {
            return Ok(BTreeMap::new());
        }
        let reply = match self.ask("processing", vec![("workers", addresses(workers))]).await {
            // One unknown worker fails the whole request; then take those of all.
            Err(CommError::Remote { text, .. }) if text.starts_with("KeyError") => {
                self.ask("processing", vec![]).await?
            }
            reply => reply?,
        };
        replies::processing(&reply, workers)
    }

    /// Those of `workers` that are registered and take tasks.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn running(&mut self, workers: &[String]) -> Result<BTreeSet<String>, CommError> {
        if workers.is_empty() {
            return Ok(BTreeSet::new());
        }
        replies::running(&self.ask("ncores_running", vec![("workers", addresses(workers))]).await?, workers)
    }

    /// Moves the data of `workers` to the others and retires them; answers those for which that worked.
    ///
    /// With neither `close_workers` nor `remove` they stay registered as
    /// [`ClosingGracefully`](crate::WorkerStatus::ClosingGracefully) and finish what they run; `close_workers`
    /// ends their processes, `remove` takes them out of the scheduler. A worker that is unknown, or whose data
    /// nobody can take, is not in the answer and goes on as before. Takes at most [`Timeouts::retire`]; the
    /// scheduler does not stop when that is over.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn retire_workers(
        &mut self,
        workers: &[String],
        close_workers: bool,
        remove: bool,
    ) -> Result<BTreeSet<String>, CommError> {
        if workers.is_empty() {
            return Ok(BTreeSet::new());
        }
        let args = vec![
            ("workers", addresses(workers)),
            ("close_workers", close_workers.into()),
            ("remove", remove.into()),
        ];
        let limit = self.0.timeouts().retire;
        let reply = self.0.request_within("retire_workers", args, limit).await?;
        replies::retired(&supported("retire_workers", reply)?, workers)
    }

    /// Whether a P2P shuffle, rechunk or join has begun and is not through; losing a worker restarts it.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn p2p_active(&mut self) -> Result<bool, CommError> {
        replies::p2p_active(&self.ask("get_task_prefix_states", vec![]).await?)
    }

    /// Since when the scheduler has nothing to do, seconds since the epoch by its clock; `None` while it has.
    ///
    /// It looks only when asked and every 250 ms: the first answer after some work is always `None`.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn check_idle(&mut self) -> Result<Option<f64>, CommError> {
        // Nil is an answer here, so that a scheduler without this operation cannot be told from a busy one.
        replies::idle_since(&self.0.request("check_idle", vec![]).await?)
    }

    /// A request whose answer is never nil.
    async fn ask(&mut self, op: &str, args: Vec<(&str, Value)>) -> Result<Value, CommError> {
        supported(op, self.0.request(op, args).await?)
    }
}

/// Schedulers answer nil to operations they do not have.
fn supported(op: &str, reply: Value) -> Result<Value, CommError> {
    if reply.is_nil() { Err(CommError::Unsupported { op: op.to_owned() }) } else { Ok(reply) }
}

fn addresses(workers: &[String]) -> Value {
    Value::Array(workers.iter().map(|address| address.as_str().into()).collect())
}
