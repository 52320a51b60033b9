//! What all parts of the operator share: what it is told, what it knows, and what limits it. It reconciles nothing.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dask_operator_core::{model::time::Timestamp, resources::agent_plan};
use kube::Client;
use tokio::{sync::Semaphore, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    clock_jump::Jumps,
    env::Environment,
    fair_shares::Permits,
    health::Health,
    leadership::Leadership,
    metrics::Metrics,
    object_ref::ObjectRef,
    queue::Queue,
    store::{Shared, schedulers::Schedulers, status_writes::StatusWrites},
};

/// Pods created at the same time: of all namespaces together, and of one. As many are changed or deleted.
const POD_WRITES: (usize, usize) = (192, 64);

/// Big pods that are being created at the same time, of all namespaces together and of one: of the biggest that the API
/// server takes, with what else each needs on its way, so many fit into the memory limit of the chart.
const BIG_PODS: (usize, usize) = (6, 3);
/// Pages of lists that are read at a time, for all watches together.
const PAGES: usize = 2;

/// Settings of a running operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Namespaces to watch; empty means all.
    pub namespaces: Vec<String>,
    /// The Kubernetes cluster's DNS domain.
    pub cluster_domain: String,
    /// How often a scheduler is asked while an autoscaler needs it.
    pub poll: Duration,
    /// The agent of new workers.
    pub agent: agent_plan::Settings,
    /// Most pods of a group whose autoscaler has no maximum.
    pub autoscaler_maximum: i32,
    /// Whether nodes are watched, so that workers leave those that are about to go.
    pub nodes: bool,
}

/// What all parts of a running operator share.
pub struct Context {
    /// Talks to the API server.
    pub client: Client,
    /// Clock, randomness, connections to schedulers.
    pub env: Environment,
    /// What is known.
    pub state: Shared,
    /// Who is to be looked at.
    pub queue: Queue,
    /// What is known of schedulers.
    pub schedulers: Schedulers,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether all is well with the operator itself.
    pub health: Health,
    /// Whether this process leads.
    pub leadership: Leadership,
    /// Settings.
    pub settings: Settings,
    /// Permits to create pods.
    pub(crate) pod_creates: Permits,
    /// Permits to mark and delete pods, which do not wait for creations that hang.
    pub(crate) pod_changes: Permits,
    /// Permits to create big pods, beside those to create any.
    pub(crate) big_pods: Permits,
    /// Permits to read a page of a list.
    pub(crate) pages: Arc<Semaphore>,
    failures: Mutex<BTreeMap<ObjectRef, Failing>>,
    /// What was last written to each status.
    pub(crate) written: StatusWrites,
    /// How many subjects are being dealt with.
    pub(crate) busy: AtomicUsize,
    stopped: CancellationToken,
    pub(crate) jumps: Jumps,
}

/// A subject that failed, how often in a row, and until when it rests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failing {
    pub times: u32,
    pub not_before: Instant,
}

/// What an operator reaches the world with.
#[allow(missing_debug_implementations, reason = "clients have none")]
pub struct Access {
    /// The API server.
    pub client: Client,
    /// Clock, randomness and connections to schedulers.
    pub env: Environment,
    /// What it counts.
    pub metrics: Metrics,
    /// Whether it may write.
    pub leadership: Leadership,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Context {
    /// Of an operator that does nothing yet.
    pub fn new(access: Access, settings: Settings) -> Arc<Self> {
        let Access { client, env, metrics, leadership } = access;
        Arc::new(Self {
            client,
            env,
            metrics,
            leadership,
            settings,
            state: Shared::default(),
            queue: Queue::default(),
            schedulers: Schedulers::default(),
            health: Health::default(),
            pod_creates: Permits::new(POD_WRITES.0, POD_WRITES.1),
            pod_changes: Permits::new(POD_WRITES.0, POD_WRITES.1),
            big_pods: Permits::new(BIG_PODS.0, BIG_PODS.1),
            pages: Arc::new(Semaphore::new(PAGES)),
            failures: Mutex::default(),
            written: StatusWrites::default(),
            busy: AtomicUsize::new(0),
            stopped: CancellationToken::new(),
            jumps: Jumps::default(),
        })
    }

    /// Now, for all that is remembered: a clock that is set in the middle of a reconcile is noticed before the next.
    pub fn now(&self) -> Timestamp {
        self.jumps.steady().unwrap_or_else(|| self.env.now())
    }

    /// Starts a task that ends with this operator.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let stopped = self.stopped.clone();
        tokio::spawn(async move {
            let _ = stopped.run_until_cancelled_owned(task).await;
        })
    }

    /// Cuts off whatever this operator does, which is safe at any point; [`Context::drain`] waits before.
    pub fn stop(&self) {
        self.stopped.cancel();
    }

    /// `subject` may have changed: look at it soon.
    pub fn enqueue_after(&self, subject: ObjectRef, delay: Duration) {
        // A new leader reconciles every object.
        if self.leadership.may_write() {
            self.queue.add(subject, delay);
        }
    }

    /// Something was heard of a scheduler that concerns `subject`. That is no reason to try a failing write
    /// again before its time.
    pub fn enqueue(&self, subject: ObjectRef) {
        if !self.leadership.may_write() {
            return;
        }
        let not_before = self.failures().get(&subject).map(|f| f.not_before);
        let delay = not_before.map(|t| t.saturating_duration_since(Instant::now())).unwrap_or_default();
        self.queue.add(subject, delay);
    }

    /// Waits until no reconcile is under way.
    pub async fn drain(&self, limit: Duration) {
        let until = Instant::now() + limit;
        while self.busy.load(Ordering::Relaxed) > 0 && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Subjects that failed.
    pub(crate) fn failures(&self) -> MutexGuard<'_, BTreeMap<ObjectRef, Failing>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
