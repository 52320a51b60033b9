//! The pollers of schedulers: one for each cluster whose scheduler a reconciler needs, and none for the others.

mod connect;
mod open;
mod poll_interval;
mod poller;
mod queries;
mod reply_limits;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dask_comm::{Budget, Limits, Timeouts};
use dask_operator_core::{
    model::{
        objects::Meta,
        scheduler::{SchedulerState, Snapshot},
    },
    plan::action::{RetireCall, RetireStage, SchedulerNeed},
};
use tokio::sync::Notify;

pub use connect::{Direct, PortForward};

use reply_limits::Allowance;

use crate::{
    controller::Operator,
    object_ref::{Key, ObjectRef},
};

/// Bounds on what any scheduler may make us read; how much of it one may is in `allow`.
const LIMITS: Limits = Limits { max_message_bytes: 32 << 20, max_frames: 64, max_depth: 32 };
/// A scheduler whose loop is held up by user code answers late; after this long it counts as unreachable.
const TIMEOUTS: Timeouts = Timeouts {
    handshake: Duration::from_secs(3),
    request: Duration::from_secs(5),
    retire: Duration::from_secs(120),
};
/// How often a scheduler is asked while workers leave; less often while nothing comes of it.
const FAST: Duration = Duration::from_millis(500);
/// How soon a group is looked at again after a retirement was not answered.
const RETIRE_FAILED: Duration = Duration::from_millis(200);

/// All links.
pub struct Schedulers {
    links: Mutex<BTreeMap<Key, SchedulerHandle>>,
    /// Memory for the answers of all schedulers together.
    budget: Budget,
}

impl Default for Schedulers {
    fn default() -> Self {
        Self { links: Mutex::default(), budget: reply_limits::budget() }
    }
}

impl fmt::Debug for Schedulers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedulers").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct SchedulerHandle {
    needs: BTreeMap<ObjectRef, SchedulerNeed>,
    state: SchedulerState,
    wake: Arc<Notify>,
    polling: bool,
    /// What those that shrink were when they last looked, so that a change of theirs is noticed.
    seen: BTreeMap<ObjectRef, u64>,
    /// One of those has changed: the scheduler is asked soon, however long nothing came of it.
    stirred: bool,
}

impl SchedulerHandle {
    fn need(&self) -> SchedulerNeed {
        self.needs.values().copied().max().unwrap_or_default()
    }

    /// Whether it is needed to know if the scheduler is idle, whatever else is needed.
    fn wants_idle(&self) -> bool {
        self.needs.values().any(|n| *n == SchedulerNeed::Idle)
    }
}

impl Schedulers {
    /// What is known of a cluster's scheduler.
    pub fn state(&self, cluster: &Key) -> SchedulerState {
        let links = self.lock();
        let is_told =
            |l: &&SchedulerHandle| l.need() > SchedulerNeed::Agents || l.state == SchedulerState::SpeaksTls;
        let link = links.get(cluster).filter(is_told);
        link.map(|l| l.state.clone()).unwrap_or_default()
    }

    /// What the cluster's workers told last, however long ago: nothing to act on.
    pub fn last_snapshot(&self, cluster: &Key) -> Option<Arc<Snapshot>> {
        match &self.lock().get(cluster)?.state {
            SchedulerState::Known(snapshot) => Some(snapshot.clone()),
            _ => None,
        }
    }

    /// `subject` is as this hash says. If it shrinks and was different, the scheduler is asked again soon.
    pub fn notice(&self, cluster: &Key, subject: &ObjectRef, hash: u64) {
        let mut links = self.lock();
        let Some(link) = links.get_mut(cluster) else { return };
        let shrinks = link.needs.get(subject) == Some(&SchedulerNeed::Offer);
        if link.seen.insert(subject.clone(), hash).is_some_and(|before| before != hash) && shrinks {
            link.stirred = true;
            link.wake.notify_one();
        }
    }

    /// `subject` needs this much of the cluster's scheduler from now on, and nothing of any other.
    pub fn want(&self, operator: &Arc<Operator>, cluster: &Key, subject: &ObjectRef, need: SchedulerNeed) {
        let mut links = self.lock();
        for (_, link) in links.iter_mut().filter(|(c, _)| *c != cluster || need == SchedulerNeed::None) {
            link.needs.remove(subject);
        }
        if need == SchedulerNeed::None || !operator.leadership.may_write() {
            return;
        }
        let link = links.entry(cluster.clone()).or_default();
        let before = (link.need(), link.wants_idle());
        let own = link.needs.insert(subject.clone(), need).unwrap_or_default();
        if before.0 <= SchedulerNeed::Agents && need > SchedulerNeed::Agents {
            // Discard low-frequency snapshots when a reconciler starts acting on them.
            link.state = SchedulerState::default();
        }
        if (link.need(), link.wants_idle()) > before {
            link.wake.notify_one();
        } else if need > own && need == SchedulerNeed::Offer {
            link.stirred = true;
            link.wake.notify_one();
        }
        if !link.polling {
            link.polling = true;
            let (polling, cluster) = (operator.clone(), cluster.clone());
            operator.spawn(async move { poller::run(&polling, &cluster).await });
        }
    }

    /// `subject` is gone, and needs nothing any more.
    pub fn forget(&self, subject: &ObjectRef) {
        for link in self.lock().values_mut() {
            link.needs.remove(subject);
            link.seen.remove(subject);
        }
    }

    /// No reconciler needs it any more.
    pub fn clear(&self) {
        for link in self.lock().values_mut() {
            link.needs.clear();
            link.state = SchedulerState::default();
            link.wake.notify_one();
        }
    }

    /// What schedulers said does not count any more; those that are needed are asked again.
    pub fn forget_readings(&self) {
        for link in self.lock().values_mut() {
            link.state = SchedulerState::default();
            link.wake.notify_one();
        }
    }

    /// Who may leave was said too long ago to be acted on; the rest still tells who is registered.
    fn set_aside_offer(&self, cluster: &Key) {
        if let Some(link) = self.lock().get_mut(cluster)
            && let SchedulerState::Known(snapshot) = &mut link.state
            && snapshot.offer.is_some()
        {
            let snapshot = Arc::make_mut(snapshot);
            (snapshot.offer, snapshot.unanswered) = (None, None);
        }
    }

    /// Whether one that shrinks has changed since the last time.
    fn take_stirred(&self, cluster: &Key) -> bool {
        self.lock().get_mut(cluster).is_some_and(|link| std::mem::take(&mut link.stirred))
    }

    /// Something about the scheduler's pod changed: ask soon.
    pub fn wake(&self, cluster: &Key) {
        if let Some(link) = self.lock().get(cluster) {
            link.wake.notify_one();
        }
    }

    /// Calls `retire_workers` on a connection of its own: it can take long, and even hang. The group's
    /// memory learns the outcome.
    pub fn retire(&self, operator: &Arc<Operator>, subject: &ObjectRef, group: &Meta, call: RetireCall) {
        let (asking, subject, uid) = (operator.clone(), subject.clone(), group.uid.clone());
        operator.spawn(async move {
            let operator = asking;
            let cluster = {
                let state = operator.state.lock();
                state.cache.group_by_uid(&uid).map(|g| (g.meta.namespace.clone(), g.spec.cluster.clone()))
            };
            let accepted = match &cluster {
                Some(_) if !operator.leadership.may_write() => Err("another operator leads".into()),
                Some(cluster) => retire(&operator, (cluster, &uid), &call).await,
                None => Err("the group is gone".into()),
            };
            match &accepted {
                Ok(accepted) => tracing::info!(
                    namespace = subject.key().0, group = subject.key().1, stage = ?call.stage,
                    asked = call.addresses.len(), accepted = accepted.len(), "retired workers"),
                Err(why) => tracing::warn!(
                    namespace = subject.key().0, group = subject.key().1, stage = ?call.stage,
                    asked = call.addresses.len(), why, "retirement was not answered"),
            }
            let now = operator.now();
            if let Some(memory) = operator.state.lock().groups.get_mut(&uid) {
                memory.retired(&call, accepted.as_ref().ok(), now);
            }
            if let Some(cluster) = cluster {
                operator.links.wake(&cluster);
            }
            operator.enqueue_after(subject, if accepted.is_ok() { Duration::ZERO } else { RETIRE_FAILED });
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, SchedulerHandle>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn retire(
    operator: &Operator,
    (cluster, group): (&Key, &str),
    call: &RetireCall,
) -> Result<std::collections::BTreeSet<String>, String> {
    let target = poller::target(operator, cluster).ok_or("there is no scheduler pod")?;
    let mut client = open::connect(operator, &target.address).await.map_err(|e| e.to_string())?;
    let allowance = Allowance::of(operator, cluster, Allowance::default());
    allowance.set(&mut client, &operator.links.budget);
    let id = client.identity().await.map_err(|e| allowance.explain(&e))?.id;
    if id != call.scheduler {
        return Err("the scheduler is another one by now".into());
    }
    if !operator.leadership.may_write() {
        return Err("another operator leads by now".into());
    }
    // The scheduler may have taken seconds to answer, and marks of a call that was forgotten may be gone by now.
    if !operator.state.lock().groups.get(group).is_some_and(|memory| memory.is_calling(call)) {
        return Err("the call was forgotten, because the clock was set".into());
    }
    let close = call.stage == RetireStage::Close;
    let addresses: Vec<String> = call.addresses.iter().cloned().collect();
    allowance.set_for_retirement(&mut client, &operator.links.budget, addresses.len());
    client.retire_workers(&addresses, close, close).await.map_err(|e| e.to_string())
}
