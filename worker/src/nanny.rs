//! The agent as the worker's nanny (mode Full): what its parts share. See `docs/adr/0012-the-agent-as-nanny.md`.

mod find_scheduler;
mod logs;
mod memory_limits;
mod memory_watchdog;
mod nannies;
mod outcome;
mod pod;
mod python_helper;
mod readiness;
mod restart_policy;
mod rpc_connections;
mod rpc_server;
mod run;
mod scheduler_rpc;
mod scratch_dir;
mod terminate;
mod worker_env;

use std::{path::PathBuf, sync::Mutex, time::Duration};

use dask_worker_line::Place;
use tokio::sync::{mpsc, oneshot, watch};

pub use logs::Logs;
pub use nannies::run;
pub use outcome::Outcome;
pub use pod::Pod;

use self::{
    python_helper::Helper,
    worker_env::{Changes, Own},
};
use crate::{child::Child, metrics, scheduler::Scheduler, tls::Tls};

/// The worker that is registered, as it told itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Worker {
    /// Where it listens.
    pub address: String,
    /// Its process.
    pub pid: i32,
    /// Its scratch folder.
    pub folder: PathBuf,
    /// Bytes of resident memory from which on it is to be restarted; 0: never.
    pub terminate: u64,
    /// The part of its memory limit that this is.
    pub part: f64,
    /// Between two looks at its memory.
    pub interval: Duration,
}

/// How things are.
#[derive(Clone, Debug, Default)]
pub struct Now {
    /// The worker, while it is registered.
    pub worker: Option<Worker>,
    /// Workers that have registered so far.
    pub starts: u64,
    /// What the worker said when it asked not to be started again.
    pub told: Option<String>,
}

/// What others ask of the nanny.
#[derive(Debug)]
pub enum Order {
    /// End the worker's process within this time, and start another one.
    Kill(Duration, String, oneshot::Sender<()>),
    /// End all.
    Terminate(String),
}

/// What the parts share.
#[derive(Debug)]
pub struct Shared {
    /// Its scheduler.
    scheduler: Scheduler,
    /// How connections are secured.
    tls: Option<Tls>,
    /// Known to processes of this pod alone.
    token: String,
    /// Which one of several workers it has.
    place: Option<Place>,
    /// Where the nanny is.
    address: String,
    now: watch::Sender<Now>,
    orders: mpsc::Sender<Order>,
    changes: Mutex<Changes>,
    helper: Helper,
    pod: Pod,
}

impl Shared {
    /// Has the worker's process ended, and waits for its end.
    async fn kill(&self, within: Duration, reason: &str) {
        let (done, ended) = oneshot::channel();
        if self.orders.send(Order::Kill(within, reason.into(), done)).await.is_ok() {
            let _ = ended.await;
        }
    }

    /// The worker has this process, as it told itself, or none.
    fn set_worker_pid(&self, process: Option<i32>) {
        self.pod.set_worker_pid(self.index(), process);
    }

    /// Whether no other worker of the pod uses more memory than these bytes of this one.
    fn is_largest(&self, resident: u64) -> bool {
        self.pod.is_largest(self.index(), resident)
    }

    fn index(&self) -> u16 {
        self.place.map_or(0, |place| place.index)
    }

    /// Starts a process of Python that knows its nanny.
    fn start(&self, line: &[String]) -> std::io::Result<Child> {
        let changes = self.changes();
        let is_set = |name: &str| std::env::var_os(name).is_some();
        let own = Own {
            nanny: &self.address,
            token: &self.token,
            place: self.place,
            restarts: self.pod.metrics.restarts.get(),
            oom_kills: metrics::oom_kills(),
        };
        let env = changes.env(&own, is_set);
        Child::start_with(line, &env, changes.cwd.as_deref())
    }

    /// The changes that new workers get.
    fn changes(&self) -> Changes {
        self.changes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn change(&self, to: Changes) {
        *self.changes.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = to;
    }
}
