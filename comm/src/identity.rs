//! What a scheduler says of itself and its workers.

use crate::{CommError, raw::Raw, tokens::Token, typed};
use std::collections::BTreeMap;

/// Most workers of one identity unless told; distributed itself struggles far below.
pub const MAX_WORKERS: usize = 100_000;
/// Memory for the texts of one identity (addresses, names, hosts), bytes, and for each worker that it may
/// have. A pod's name and two addresses are some 150 bytes.
const TEXTS: usize = 16 << 10;
const TEXT_OF_A_WORKER: usize = 256;

/// A scheduler and its workers, as of now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Identity {
    /// The scheduler's own id; another one after a restart.
    pub id: String,
    /// When it started, seconds since the epoch by its clock.
    pub started: f64,
    /// The registered workers by address.
    pub workers: BTreeMap<String, WorkerInfo>,
    /// Registered workers whose entry is not acceptable, so that one of them cannot hide the others.
    pub refused: Vec<RefusedWorker>,
}

/// A worker whose entry is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedWorker {
    /// Its address, cut to 256 characters; empty if that is no text.
    pub address: String,
    /// What is wrong with it: the text of a [`CommError::TooLarge`] or [`CommError::Malformed`].
    pub reason: String,
}

/// A registered worker. What it has not reported yet (no heartbeat so far) is 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkerInfo {
    /// Where it listens, e.g. `tcp://10.0.0.7:40001`; its key everywhere in the protocol.
    pub address: String,
    /// Its name; integers, which `--name 7` gives, as their decimal text.
    pub name: String,
    /// Its host as the scheduler sees it.
    pub host: String,
    /// Its state, as far as the scheduler knows.
    pub status: WorkerStatus,
    /// Threads that run tasks.
    pub nthreads: u32,
    /// Memory it manages itself to, bytes; 0 is unlimited.
    pub memory_limit: u64,
    /// Its last sign of life, seconds since the epoch by the scheduler's clock.
    pub last_seen: f64,
    /// Tasks running on its threads.
    pub executing: u64,
    /// Tasks running that have seceded from its threads.
    pub long_running: u64,
    /// Tasks assigned to it, running or not, as its last heartbeat said.
    pub assigned: u64,
    /// Keys it holds results of.
    pub in_memory: u64,
    /// Size of all results it holds, bytes as `sizeof` measures them, those spilled to disk included: its
    /// state machine counts a task's size until the task is released, wherever the data lies.
    pub managed_bytes: u64,
    /// Resident memory of its process, bytes.
    pub rss_bytes: u64,
    /// What its agent counted, if that is its nanny.
    pub agent: Option<AgentCounts>,
    /// Address of its nanny, if it has one.
    pub nanny: Option<String>,
}

/// What the agent of a pod counted before a worker began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentCounts {
    /// Worker processes that it started, the first one not counted.
    pub restarts: u32,
    /// Processes of its container that the kernel had ended for want of memory.
    pub oom_kills: u32,
}

impl AgentCounts {
    fn read(value: Raw<'_>) -> Result<Self, CommError> {
        let count = |value| {
            let count = typed::count(value, "worker: agent");
            count.map(|n| u32::try_from(n).unwrap_or(u32::MAX))
        };
        let [restarts, oom_kills] = value.fields(["restarts", "oom_kills"]);
        Ok(Self { restarts: count(restarts)?, oom_kills: count(oom_kills)? })
    }
}

/// State of a worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkerStatus {
    /// Registered, not yet taking tasks.
    Init,
    /// Taking tasks.
    Running,
    /// Out of memory: finishes what runs, starts nothing.
    Paused,
    /// Being retired: its data is (being) copied away, it gets no more tasks.
    ClosingGracefully,
    /// Shutting down.
    Closing,
    /// Any other: `closed`, `failed`, or one we do not know.
    #[default]
    Other,
}

impl WorkerStatus {
    /// The status of that name.
    pub fn parse(name: &str) -> Self {
        match name {
            "init" => Self::Init,
            "running" => Self::Running,
            "paused" => Self::Paused,
            "closing_gracefully" => Self::ClosingGracefully,
            "closing" => Self::Closing,
            _ => Self::Other,
        }
    }
}

impl Identity {
    /// Reads the reply to `identity`, of at most `max_workers` workers.
    ///
    /// # Errors
    /// [`CommError::Malformed`] or [`CommError::TooLarge`] (too many workers, too much text) if it is no
    /// identity; a single bad worker is [refused](Identity::refused) instead.
    pub(crate) fn read(value: Raw<'_>, max_workers: usize) -> Result<Self, CommError> {
        if value.entries().is_none() {
            return Err(typed::wrong("identity", value));
        }
        let [id, started, workers] = value.fields(["id", "started", "workers"]);
        let id = typed::text(id, "identity: id")?;
        let started = typed::seconds(started, "identity: started")?;
        let entries = workers.entries().ok_or_else(|| typed::wrong("identity: workers", workers))?;
        at_most("identity: workers", entries.len(), max_workers)?;
        let mut identity = Self { id, started, ..Self::default() };
        let mut texts = 0;
        for (address, entry) in entries {
            match WorkerInfo::read(address, entry) {
                Ok(worker) => {
                    texts += worker.text_bytes();
                    identity.workers.insert(worker.address.clone(), worker);
                }
                Err(error) => {
                    let refused = RefusedWorker::new(address, &error);
                    texts += refused.address.len() + refused.reason.len();
                    identity.refused.push(refused);
                }
            }
            at_most("identity: texts of workers", texts, TEXTS + TEXT_OF_A_WORKER * max_workers)?;
        }
        Ok(identity)
    }
}

/// An error if there is more than that.
fn at_most(what: &'static str, got: usize, limit: usize) -> Result<(), CommError> {
    if got <= limit {
        return Ok(());
    }
    Err(CommError::TooLarge { what, got: got as u64, limit: limit as u64 })
}

impl RefusedWorker {
    fn new(address: Raw<'_>, error: &CommError) -> Self {
        let address = address.as_str().unwrap_or_default().chars().take(typed::MAX_TEXT).collect();
        Self { address, reason: error.to_string() }
    }
}

impl WorkerInfo {
    /// Reads one entry of an identity's workers.
    ///
    /// # Errors
    /// [`CommError::TooLarge`] for a long text, [`CommError::Malformed`] for a field of another type.
    fn read(address: Raw<'_>, entry: Raw<'_>) -> Result<Self, CommError> {
        let [name, host, status, threads, limit, seen, nanny, metrics] = entry.fields([
            "name",
            "host",
            "status",
            "nthreads",
            "memory_limit",
            "last_seen",
            "nanny",
            "metrics",
        ]);
        let [tasks, managed, rss, agent] =
            metrics.fields(["task_counts", "managed_bytes", "memory", "agent"]);
        let tasks = Tasks::read(tasks)?;
        let nthreads = typed::count(threads, "worker: nthreads")?;
        Ok(Self {
            address: typed::address(address, "worker: address")?,
            name: name_text(name)?,
            host: typed::text(host, "worker: host")?,
            status: WorkerStatus::parse(&typed::text(status, "worker: status")?),
            nthreads: u32::try_from(nthreads).map_err(|_| typed::wrong("worker: nthreads", threads))?,
            memory_limit: typed::count(limit, "worker: memory_limit")?,
            last_seen: typed::seconds(seen, "worker: last_seen")?,
            executing: tasks.executing,
            long_running: tasks.long_running,
            assigned: tasks.assigned,
            in_memory: tasks.in_memory,
            managed_bytes: typed::count(managed, "worker: managed_bytes")?,
            rss_bytes: typed::count(rss, "worker: memory")?,
            agent: agent.entries().is_some().then(|| AgentCounts::read(agent)).transpose()?,
            nanny: if nanny.is_nil() { None } else { Some(typed::address(nanny, "worker: nanny")?) },
        })
    }

    /// Bytes of its texts.
    fn text_bytes(&self) -> usize {
        // The address is also a key.
        2 * self.address.len()
            + self.name.len()
            + self.host.len()
            + self.nanny.as_ref().map_or(0, String::len)
    }
}

/// A worker's tasks by their state.
struct Tasks {
    executing: u64,
    long_running: u64,
    assigned: u64,
    in_memory: u64,
}

impl Tasks {
    /// The states in which a worker has a task to run; data that it fetches or holds is not one.
    const ASSIGNED: [&str; 6] = ["executing", "long-running", "ready", "constrained", "waiting", "resumed"];

    fn read(counts: Raw<'_>) -> Result<Self, CommError> {
        let mut assigned = [0_u64; 6];
        for (sum, count) in assigned.iter_mut().zip(counts.fields(Self::ASSIGNED)) {
            *sum = typed::count(count, "worker: task_counts")?;
        }
        let in_memory = typed::count(counts.field("memory"), "worker: task_counts")?;
        let [executing, long_running, ..] = assigned;
        let assigned = assigned.into_iter().fold(0, u64::saturating_add);
        Ok(Self { executing, long_running, assigned, in_memory })
    }
}

/// A worker's name: the command line makes integers of texts that look like one, and Python code may pass
/// other numbers.
fn name_text(value: Raw<'_>) -> Result<String, CommError> {
    match value.token() {
        Token::Unsigned(number) => Ok(number.to_string()),
        Token::Signed(number) => Ok(number.to_string()),
        Token::F64(number) => Ok(number.to_string()),
        _ => typed::text(value, "worker: name"),
    }
}
