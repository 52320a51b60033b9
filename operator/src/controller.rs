//! The operator as a whole: watches fill the cache, the queue hands out subjects, workers reconcile them.

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
    apply, backoff,
    clock_jump::Jumps,
    env::Environment,
    fair_shares::Permits,
    health::{BEAT, Health},
    kubernetes::{api, leader_election::Leadership},
    metrics::Metrics,
    object_ref::ObjectRef,
    queue::Queue,
    reconcile::{self, Outcome},
    scheduler::Schedulers,
    store::Shared,
    watch::{self, list_pages},
};

/// Every subject is looked at this often even if nothing seems to have changed.
const RESYNC: Duration = Duration::from_secs(300);
/// A reconcile that takes longer is given up and tried again.
const LIMIT: Duration = Duration::from_secs(120);
/// A new leader waits this long for its caches; what is late is told by the objects that need it.
const RELIST: Duration = Duration::from_secs(10);
/// First and longest wait after a reconcile failed.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));
/// The same for what reads its scheduler: what a scheduler said is out of date after some seconds, and nothing may
/// come of passes that always come later.
const BACKOFF_OF_READERS: Duration = Duration::from_secs(4);

/// The longest wait after reconciles of this subject failed.
fn longest_wait(subject: &ObjectRef) -> Duration {
    match subject {
        ObjectRef::Group(_) | ObjectRef::Autoscalers(_) => BACKOFF_OF_READERS,
        ObjectRef::Cluster(_) | ObjectRef::Job(_) => BACKOFF.1,
    }
}

/// Pods created at the same time: of all namespaces together, and of one. As many are changed or deleted.
const POD_WRITES: (usize, usize) = (192, 64);

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

/// A running operator.
pub struct Operator {
    /// Talks to the API server.
    pub client: Client,
    /// Clock, randomness, connections to schedulers.
    pub world: Environment,
    /// What is known.
    pub state: Shared,
    /// Who is to be looked at.
    pub queue: Queue,
    /// What is known of schedulers.
    pub links: Schedulers,
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
    pub(crate) written: reconcile::StatusWrites,
    busy: AtomicUsize,
    stopped: CancellationToken,
    jumps: Jumps,
}

/// A subject that failed, how often in a row, and until when it rests.
struct Failing {
    times: u32,
    not_before: Instant,
}

/// A subject that is being dealt with; whatever ends that, it may be handed out again.
struct Turn {
    operator: Arc<Operator>,
    subject: ObjectRef,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.operator.busy.fetch_sub(1, Ordering::Relaxed);
        self.operator.queue.done(&self.subject);
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Operator {
    /// An operator that does nothing yet.
    pub fn new(
        client: Client,
        world: Environment,
        metrics: Metrics,
        leadership: Leadership,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self {
            client,
            world,
            metrics,
            leadership,
            settings,
            state: Shared::default(),
            queue: Queue::default(),
            links: Schedulers::default(),
            health: Health::default(),
            pod_creates: Permits::new(POD_WRITES.0, POD_WRITES.1),
            pod_changes: Permits::new(POD_WRITES.0, POD_WRITES.1),
            big_pods: Permits::new(apply::BIG_PODS.0, apply::BIG_PODS.1),
            pages: Arc::new(Semaphore::new(list_pages::AT_A_TIME)),
            failures: Mutex::default(),
            written: reconcile::StatusWrites::default(),
            busy: AtomicUsize::new(0),
            stopped: CancellationToken::new(),
            jumps: Jumps::default(),
        })
    }

    /// Now, for all that is remembered: a clock that is set in the middle of a reconcile is noticed before the next.
    pub fn now(&self) -> Timestamp {
        self.jumps.steady().unwrap_or_else(|| self.world.now())
    }

    /// Starts a task that ends with this operator.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let stopped = self.stopped.clone();
        tokio::spawn(async move {
            let _ = stopped.run_until_cancelled_owned(task).await;
        })
    }

    /// Cuts off whatever this operator does, which is safe at any point; [`Operator::drain`] waits before.
    pub fn stop(&self) {
        self.stopped.cancel();
    }

    /// Runs until the future is dropped; what it started goes on until [`Operator::stop`].
    pub async fn run(self: &Arc<Self>) {
        api::wait_for_crds(self).await;
        if self.settings.namespaces.is_empty() {
            watch::start(self, None);
        }
        for namespace in &self.settings.namespaces {
            watch::start(self, Some(namespace));
        }
        if self.settings.nodes {
            watch::start_nodes(self);
        }
        self.wait_for_caches().await;
        tracing::info!("ready: all watches are in sync");
        self.health.idle("start");
        let mut last = None;
        loop {
            let term = self.leadership.gained().await;
            self.begin(last != Some(term)).await;
            last = Some(term);
            tokio::select! {
                () = self.work() => {}
                () = self.leadership.lost(term) => {}
            }
            tracing::warn!("does not lead any more: nothing is written");
            self.health.idle("queue");
            self.queue.clear();
            self.links.clear();
        }
    }

    /// A leader looks at everything. In a new term it remembers nothing of an earlier one, whose last reconciles
    /// must have ended, and sees all that the leader before it wrote; in one that was only interrupted, all that it
    /// knows is still true.
    async fn begin(&self, is_new: bool) {
        self.drain(LIMIT).await;
        if is_new {
            self.relist().await;
        }
        let subjects = {
            let mut state = self.state.lock();
            if is_new {
                state.forget();
            }
            let unreadable: Vec<_> = state.all_unreadable().into_iter().collect();
            [state.cache.subjects(), unreadable].concat()
        };
        self.failures().clear();
        for subject in subjects {
            self.queue.add(subject, Duration::ZERO);
        }
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

    /// Lists anew what was listed before this process led: a watch can run late, and the names of pods that the last
    /// leader made would be new ones again. What cannot be listed counts as not seen.
    async fn relist(&self) {
        let views = self.state.lock().views.clone();
        views.relist_from_before(self.leadership.since());
        let until = Instant::now() + RELIST;
        while views.is_relisting() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn wait_for_caches(&self) {
        while !self.health.missing().is_empty() {
            self.health.heartbeat("start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn work(self: &Arc<Self>) {
        loop {
            self.health.heartbeat("queue");
            let Ok(subject) = tokio::time::timeout(BEAT, self.queue.next()).await else { continue };
            let turn = Turn { operator: self.clone(), subject };
            self.busy.fetch_add(1, Ordering::Relaxed);
            self.spawn(async move {
                turn.operator.one(&turn.subject).await;
                drop(turn);
            });
        }
    }

    /// Reconciles one subject, and puts it in the queue again for later.
    async fn one(self: &Arc<Self>, subject: &ObjectRef) {
        let now = self.world.now();
        if self.jumps.jumped(now) {
            tracing::warn!("the clock was set: what was remembered in its old time is forgotten");
            self.state.lock().clock_was_set(now);
            self.links.forget_readings();
        }
        let timer = self.metrics.reconciling(subject.kind());
        let outcome = tokio::time::timeout(LIMIT, reconcile::reconcile(self, subject)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(reconcile::Error::TooSlow(LIMIT)));
        timer.done(outcome.as_ref().map_or_else(|e| e.label(), |_| "ok"));
        match outcome {
            Ok(Outcome::Gone) => drop(self.failures().remove(subject)),
            Ok(Outcome::Waiting(limit)) => self.queue.add(subject.clone(), limit),
            Ok(Outcome::Done(again)) => {
                self.failures().remove(subject);
                // A long wait is one by a clock that may be set.
                let resync = self.jittered(RESYNC);
                self.queue.add(subject.clone(), again.map_or(resync, |wait| wait.min(resync)));
            }
            Err(error) => self.failed(subject, &error),
        }
    }

    fn failed(&self, subject: &ObjectRef, error: &reconcile::Error) {
        let (times, wait) = {
            let mut failures = self.failures();
            let times = failures.get(subject).map_or(1, |f| f.times.saturating_add(1));
            let wait = self.jittered(backoff::after((BACKOFF.0, longest_wait(subject)), times));
            failures.insert(subject.clone(), Failing { times, not_before: Instant::now() + wait });
            (times, wait)
        };
        let (namespace, name) = subject.key();
        if error.is_conflict() && times < 3 {
            tracing::debug!(kind = subject.kind(), namespace, name, %error, "changed meanwhile");
        } else {
            tracing::warn!(kind = subject.kind(), namespace, name, %error, times, "failed; trying again");
        }
        self.queue.add(subject.clone(), wait);
    }

    fn jittered(&self, d: Duration) -> Duration {
        d.mul_f64(0.8 + 0.4 * self.world.dice.fraction())
    }

    fn failures(&self) -> MutexGuard<'_, BTreeMap<ObjectRef, Failing>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
