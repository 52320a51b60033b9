//! What a scheduler says of itself and its workers.

use crate::{CommError, typed};
use rmpv::Value;
use std::collections::BTreeMap;

/// Most workers of one identity; distributed itself struggles far below.
pub const MAX_WORKERS: usize = 100_000;

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
    fn from_value(value: &Value) -> Result<Self, CommError> {
        let count = |key| {
            let count = typed::count(typed::field(value, key), "worker: agent");
            count.map(|n| u32::try_from(n).unwrap_or(u32::MAX))
        };
        Ok(Self { restarts: count("restarts")?, oom_kills: count("oom_kills")? })
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
    /// Reads the reply to `identity`.
    ///
    /// # Errors
    /// [`CommError::Malformed`] or [`CommError::TooLarge`] (more than [`MAX_WORKERS`]) if it is no identity;
    /// a single bad worker is [refused](Identity::refused) instead.
    pub fn from_value(value: &Value) -> Result<Self, CommError> {
        if !value.is_map() {
            return Err(typed::wrong("identity", value));
        }
        let id = typed::text(typed::field(value, "id").unwrap_or(&Value::Nil), "identity: id")?;
        let started = typed::seconds(typed::field(value, "started"), "identity: started")?;
        let entries = typed::field(value, "workers").unwrap_or(&Value::Nil);
        let entries = entries.as_map().ok_or_else(|| typed::wrong("identity: workers", entries))?;
        if entries.len() > MAX_WORKERS {
            let (got, limit) = (entries.len() as u64, MAX_WORKERS as u64);
            return Err(CommError::TooLarge { what: "identity: workers", got, limit });
        }
        let mut identity = Self { id, started, ..Self::default() };
        for (address, entry) in entries {
            match WorkerInfo::from_value(address, entry) {
                Ok(worker) => _ = identity.workers.insert(worker.address.clone(), worker),
                Err(error) => identity.refused.push(RefusedWorker::new(address, &error)),
            }
        }
        Ok(identity)
    }
}

impl RefusedWorker {
    fn new(address: &Value, error: &CommError) -> Self {
        let address = address.as_str().unwrap_or_default().chars().take(typed::MAX_TEXT).collect();
        Self { address, reason: error.to_string() }
    }
}

impl WorkerInfo {
    /// Reads one entry of an identity's workers.
    ///
    /// # Errors
    /// [`CommError::TooLarge`] for a long text, [`CommError::Malformed`] for a field of another type.
    pub fn from_value(address: &Value, entry: &Value) -> Result<Self, CommError> {
        let field = |key| typed::field(entry, key);
        let required = |key| field(key).unwrap_or(&Value::Nil);
        let metric = |key| typed::field(field("metrics")?, key);
        let tasks = |state| {
            let counts = metric("task_counts").unwrap_or(&Value::Nil);
            typed::count(typed::field(counts, state), "worker: task_counts")
        };
        let nthreads = typed::count(field("nthreads"), "worker: nthreads")?;
        Ok(Self {
            address: typed::address(address, "worker: address")?,
            name: name(required("name"))?,
            host: typed::text(required("host"), "worker: host")?,
            status: WorkerStatus::parse(&typed::text(required("status"), "worker: status")?),
            nthreads: u32::try_from(nthreads)
                .map_err(|_| typed::wrong("worker: nthreads", &nthreads.into()))?,
            memory_limit: typed::count(field("memory_limit"), "worker: memory_limit")?,
            last_seen: typed::seconds(field("last_seen"), "worker: last_seen")?,
            executing: tasks("executing")?,
            long_running: tasks("long-running")?,
            in_memory: tasks("memory")?,
            managed_bytes: typed::count(metric("managed_bytes"), "worker: managed_bytes")?,
            rss_bytes: typed::count(metric("memory"), "worker: memory")?,
            agent: metric("agent").filter(|a| a.is_map()).map(AgentCounts::from_value).transpose()?,
            nanny: match field("nanny") {
                None | Some(Value::Nil) => None,
                Some(nanny) => Some(typed::address(nanny, "worker: nanny")?),
            },
        })
    }
}

/// A worker's name: the command line makes integers of texts that look like one, and Python code may pass
/// other numbers.
fn name(value: &Value) -> Result<String, CommError> {
    match value {
        Value::Integer(number) => Ok(number.to_string()),
        Value::F64(number) => Ok(number.to_string()),
        other => typed::text(other, "worker: name"),
    }
}
