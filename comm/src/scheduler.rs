//! Typed client of the scheduler's operations an operator uses.

use crate::{
    Budget, CommError, Connection, Demand, DistributedVersion, Identity, Limits, Timeouts, demand,
    identity::MAX_WORKERS, raw::Raw, replies,
};
use rmpv::Value;
use std::collections::BTreeSet;
use tokio::io::{AsyncRead, AsyncWrite};

/// A scheduler, asked over one connection.
///
/// Every method can answer any [`CommError`]; which of them close the connection says
/// [`Connection::request`]. A reply of the wrong shape is [`CommError::Malformed`] or
/// [`CommError::Implausible`] and leaves the connection usable, as the next message is where it should be.
#[derive(Debug)]
pub struct SchedulerClient<S> {
    connection: Connection<S>,
    max_workers: usize,
}

impl<S> From<Connection<S>> for SchedulerClient<S> {
    fn from(connection: Connection<S>) -> Self {
        Self { connection, max_workers: MAX_WORKERS }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> SchedulerClient<S> {
    /// Opens a connection over `stream`.
    ///
    /// # Errors
    /// Those of [`Connection::handshake`].
    pub async fn connect(stream: S, limits: Limits, timeouts: Timeouts) -> Result<Self, CommError> {
        Connection::handshake(stream, limits, timeouts).await.map(Self::from)
    }

    /// How many workers the scheduler may have from now on, how long its answers may be, bytes, and whose
    /// memory they share.
    pub fn allow(&mut self, workers: usize, bytes: usize, budget: &Budget) {
        self.max_workers = workers;
        self.connection.allow(bytes, Some(budget.clone()));
    }

    /// Whether further calls can succeed.
    pub fn is_usable(&self) -> bool {
        self.connection.is_usable()
    }

    /// The connection itself, for requests that have no method here.
    pub fn connection(&mut self) -> &mut Connection<S> {
        &mut self.connection
    }

    /// The scheduler and all its workers.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn identity(&mut self) -> Result<Identity, CommError> {
        // `n_workers` is not known before 2025.4.0 and not needed.
        let most = self.max_workers;
        self.ask("identity", vec![], |reply| Identity::read(reply, most)).await
    }

    /// The version of the scheduler's `distributed`; `None` if it is not one we can read.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn versions(&mut self) -> Result<Option<DistributedVersion>, CommError> {
        self.ask("versions", vec![], replies::version).await
    }

    /// How many workers the scheduler would like to have, by its own default target duration.
    ///
    /// # Errors
    /// [`CommError::Implausible`] if that is negative, no integer or over a million; see [`SchedulerClient`].
    pub async fn adaptive_target(&mut self) -> Result<u32, CommError> {
        self.ask("adaptive_target", vec![], replies::target).await
    }

    /// Gives the scheduler the operation that [`SchedulerClient::demand`] asks for, where it does not have it yet. The
    /// scheduler says so in its log.
    ///
    /// # Errors
    /// [`CommError::Remote`] where its configuration forbids it (`distributed.scheduler.pickle`, blocked handlers), or
    /// its release is too old; see [`SchedulerClient`].
    pub async fn offer_demand(&mut self) -> Result<(), CommError> {
        let args = vec![
            ("function", Value::Binary(demand::EXEC.to_vec())),
            ("args", Value::Binary(demand::arguments())),
            ("serializers", Value::Array(vec!["msgpack".into()])),
        ];
        self.ask("run_function", args, |_| Ok(())).await
    }

    /// What waits, and what it needs.
    ///
    /// # Errors
    /// [`CommError::Unsupported`] before [`SchedulerClient::offer_demand`]; see [`SchedulerClient`].
    pub async fn demand(&mut self) -> Result<Demand, CommError> {
        self.ask(demand::OPERATION, vec![], Demand::read).await
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
        self.ask("workers_to_close", args, |reply| replies::to_close(reply, n)).await
    }

    /// Those of `workers` that are registered and take tasks.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn running(&mut self, workers: &[String]) -> Result<BTreeSet<String>, CommError> {
        if workers.is_empty() {
            return Ok(BTreeSet::new());
        }
        let args = vec![("workers", addresses(workers))];
        self.ask("ncores_running", args, |reply| replies::running(reply, workers)).await
    }

    /// Moves the data of `workers` to the others and retires them; answers those for which that worked.
    ///
    /// With neither `close_workers` nor `remove` they stay registered as
    /// [`ClosingGracefully`](crate::WorkerStatus::ClosingGracefully) and finish what they run; `close_workers`
    /// ends their processes, `remove` takes them out of the scheduler. A worker that is unknown, or whose data
    /// no other worker can take, is not in the answer and goes on as before. Takes at most [`Timeouts::retire`]; the
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
        let op = "retire_workers";
        let limit = self.connection.timeouts().retire;
        self.connection.ask(op, args, limit, |reply| replies::retired(supported(op, reply)?, workers)).await
    }

    /// Whether a P2P shuffle, rechunk or join has begun and is not through; losing a worker restarts it.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn p2p_active(&mut self) -> Result<bool, CommError> {
        self.ask("get_task_prefix_states", vec![], replies::p2p_active).await
    }

    /// Since when the scheduler has nothing to do, seconds since the epoch by its clock; `None` while it has.
    ///
    /// It looks only when asked and every 250 ms: the first answer after some work is always `None`.
    ///
    /// # Errors
    /// See [`SchedulerClient`].
    pub async fn check_idle(&mut self) -> Result<Option<f64>, CommError> {
        // Nil is an answer here, so that a scheduler without this operation cannot be told from a busy one.
        let limit = self.connection.timeouts().request;
        self.connection.ask("check_idle", vec![], limit, replies::idle_since).await
    }

    /// A request whose answer is never nil.
    async fn ask<T>(
        &mut self,
        op: &str,
        args: Vec<(&str, Value)>,
        read: impl FnOnce(Raw<'_>) -> Result<T, CommError> + Send,
    ) -> Result<T, CommError> {
        let limit = self.connection.timeouts().request;
        self.connection.ask(op, args, limit, |reply| read(supported(op, reply)?)).await
    }
}

/// Schedulers answer nil to operations they do not have.
fn supported<'a>(op: &str, reply: Raw<'a>) -> Result<Raw<'a>, CommError> {
    if reply.is_nil() { Err(CommError::Unsupported { op: op.to_owned() }) } else { Ok(reply) }
}

fn addresses(workers: &[String]) -> Value {
    Value::Array(workers.iter().map(|address| address.as_str().into()).collect())
}
