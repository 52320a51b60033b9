//! What is known of each scheduler that a reconciler needs, and what it is needed for.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use dask_comm::Budget;
use dask_operator_core::{
    model::scheduler::{SchedulerState, Snapshot},
    plan::scheduler_need::{SchedulerNeed, WorkersNeed},
};
use tokio::sync::Notify;

use crate::object_ref::{ObjectKey, ObjectRef};

/// Longest answer of any scheduler: an identity of 10,000 workers.
pub(crate) const LONGEST: usize = 32 << 20;
/// Answers up to this size are never held up by those of others: the identity of some twenty workers.
const SMALL: usize = 64 << 10;

/// What is known of the schedulers that reconcilers need.
pub struct Schedulers {
    handles: Mutex<BTreeMap<ObjectKey, SchedulerHandle>>,
    /// Memory for the answers of all schedulers together.
    pub(crate) budget: Budget,
}

impl Default for Schedulers {
    fn default() -> Self {
        Self { handles: Mutex::default(), budget: Budget::new(LONGEST, SMALL) }
    }
}

impl fmt::Debug for Schedulers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedulers").finish_non_exhaustive()
    }
}

/// One scheduler that is needed.
#[derive(Default)]
pub(crate) struct SchedulerHandle {
    pub(crate) needs: BTreeMap<ObjectRef, SchedulerNeed>,
    pub(crate) state: SchedulerState,
    pub(crate) wake: Arc<Notify>,
    polling: bool,
    /// What those that shrink were when they last looked, so that a change of theirs is noticed.
    seen: BTreeMap<ObjectRef, u64>,
    /// One of those has changed: the scheduler is asked soon, however long nothing came of it.
    stirred: bool,
}

impl SchedulerHandle {
    /// All that reconcilers need of it.
    pub(crate) fn need(&self) -> SchedulerNeed {
        self.needs.values().fold(SchedulerNeed::NONE, |all, need| all.and(*need))
    }
}

impl Schedulers {
    /// What is known of a cluster's scheduler.
    pub fn state(&self, cluster: &ObjectKey) -> SchedulerState {
        let handles = self.lock();
        let is_told = |l: &&SchedulerHandle| l.need().is_acted_on() || l.state == SchedulerState::SpeaksTls;
        let handle = handles.get(cluster).filter(is_told);
        handle.map(|l| l.state.clone()).unwrap_or_default()
    }

    /// What the cluster's workers told last, however long ago: nothing to act on.
    pub fn last_snapshot(&self, cluster: &ObjectKey) -> Option<Arc<Snapshot>> {
        match &self.lock().get(cluster)?.state {
            SchedulerState::Known(snapshot) => Some(snapshot.clone()),
            _ => None,
        }
    }

    /// `subject` is as this hash says. If it shrinks and was different, the scheduler is asked again soon.
    pub fn notice(&self, cluster: &ObjectKey, subject: &ObjectRef, hash: u64) {
        let mut handles = self.lock();
        let Some(handle) = handles.get_mut(cluster) else { return };
        let shrinks = handle.needs.get(subject).is_some_and(|need| need.workers == WorkersNeed::Offer);
        if handle.seen.insert(subject.clone(), hash).is_some_and(|before| before != hash) && shrinks {
            handle.stirred = true;
            handle.wake.notify_one();
        }
    }

    /// `subject` needs this much of the cluster's scheduler from now on, and nothing of any other; without the right to
    /// write it needs nothing. Answers whether a poller must be started.
    pub fn want(
        &self,
        cluster: &ObjectKey,
        subject: &ObjectRef,
        need: SchedulerNeed,
        may_write: bool,
    ) -> bool {
        let mut handles = self.lock();
        for (_, handle) in handles.iter_mut().filter(|(c, _)| *c != cluster || need.is_none()) {
            handle.needs.remove(subject);
        }
        if need.is_none() || !may_write {
            return false;
        }
        let handle = handles.entry(cluster.clone()).or_default();
        let before = handle.need();
        let own = handle.needs.insert(subject.clone(), need).unwrap_or_default();
        if !before.is_acted_on() && need.is_acted_on() {
            // Discard low-frequency snapshots when a reconciler starts acting on them.
            handle.state = SchedulerState::default();
        }
        if handle.need().reads_more_than(before) {
            handle.wake.notify_one();
        } else if need.workers == WorkersNeed::Offer && own.workers < WorkersNeed::Offer {
            handle.stirred = true;
            handle.wake.notify_one();
        }
        !std::mem::replace(&mut handle.polling, true)
    }

    /// `subject` is gone, and needs nothing any more.
    pub fn forget(&self, subject: &ObjectRef) {
        for handle in self.lock().values_mut() {
            handle.needs.remove(subject);
            handle.seen.remove(subject);
        }
    }

    /// No reconciler needs it any more.
    pub fn clear(&self) {
        for handle in self.lock().values_mut() {
            handle.needs.clear();
            handle.state = SchedulerState::default();
            handle.wake.notify_one();
        }
    }

    /// What schedulers said does not count any more; those that are needed are asked again.
    pub fn forget_readings(&self) {
        for handle in self.lock().values_mut() {
            handle.state = SchedulerState::default();
            handle.wake.notify_one();
        }
    }

    /// Who may leave was said too long ago to be acted on; the rest still tells who is registered.
    pub(crate) fn set_aside_offer(&self, cluster: &ObjectKey) {
        if let Some(handle) = self.lock().get_mut(cluster)
            && let SchedulerState::Known(snapshot) = &mut handle.state
            && snapshot.offer.is_some()
        {
            let snapshot = Arc::make_mut(snapshot);
            (snapshot.offer, snapshot.unanswered) = (None, None);
        }
    }

    /// Whether one that shrinks has changed since the last time.
    pub(crate) fn take_stirred(&self, cluster: &ObjectKey) -> bool {
        self.lock().get_mut(cluster).is_some_and(|handle| std::mem::take(&mut handle.stirred))
    }

    /// Something about the scheduler's pod changed: ask soon.
    pub fn wake(&self, cluster: &ObjectKey) {
        if let Some(handle) = self.lock().get(cluster) {
            handle.wake.notify_one();
        }
    }

    /// Exclusive access to all of them.
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, SchedulerHandle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
