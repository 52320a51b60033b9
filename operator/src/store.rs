//! What the operator knows at this moment: the cache, and what it remembers of its own doing.

pub mod cache;
pub mod mapping;
mod memory_limit;
mod readiness;
pub mod schedulers;
pub mod status_writes;
pub mod sync_state;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dask_operator_core::{
    autoscaler, cluster, job,
    model::{time::Timestamp, uid::Uid},
    protocol::expectations::{Expectations, Expected, at_least},
    validation::dry_run::Verdicts,
    worker_group,
};

pub(crate) use memory_limit::MemoryBudget;
pub use readiness::Unreadable;

use crate::{
    object_ref::{ObjectKey, ObjectRef},
    store::{
        cache::{Cache, Store},
        sync_state::SyncStates,
    },
};

/// A kind of object that is cached.
pub trait Cached: Send + Sync + 'static {
    /// What is kept of it.
    type Record: PartialEq + Send + Sync;
    /// Its plural, for logs and metrics.
    const PLURAL: &'static str;

    /// Where it is kept.
    fn store(cache: &mut Cache) -> &mut Store<Self::Record>;
    /// Its UID, resourceVersion, and whether it has a deletionTimestamp.
    fn version(record: &Self::Record) -> (&Uid, &str, bool);
    /// The subject that ends with this object, which the cache does not have any more.
    fn own(_cache: &Cache, _key: &ObjectKey, _record: &Self::Record) -> Option<ObjectRef> {
        None
    }
    /// Who must be looked at when it changes.
    fn subjects(cache: &Cache, key: &ObjectKey, record: &Self::Record) -> BTreeSet<ObjectRef>;
    /// What the agent in it said at its end, if its workers had not left in order.
    fn last_words(_record: &Self::Record) -> Option<&str> {
        None
    }
    /// Updates the cache's indexes.
    fn index(_cache: &mut Cache, _key: &ObjectKey, _record: &Self::Record, _present: bool) {}
}

/// Events by name, and when each was last told.
#[derive(Debug, Default)]
pub struct RecentEvents(BTreeMap<String, Timestamp>);

impl RecentEvents {
    /// For how long an event is not told again.
    const PAUSE: Duration = Duration::from_secs(600);

    /// It was not told after all.
    pub fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Whether the event was told a short time ago; if not, it counts as told now.
    pub fn again(&mut self, name: &str, now: Timestamp) -> bool {
        self.0.retain(|_, at| now.since(*at) < Self::PAUSE);
        let again = self.0.contains_key(name);
        if !again {
            self.0.insert(name.into(), now);
        }
        again
    }
}

/// What the operator knows at this moment.
#[derive(Debug, Default)]
pub struct State {
    /// What the watches have shown.
    pub cache: Cache,
    /// Memories of clusters, by UID.
    pub clusters: BTreeMap<Uid, cluster::PlannerState>,
    /// Memories of groups, by UID.
    pub groups: BTreeMap<Uid, worker_group::PlannerState>,
    /// Memories of each cluster's autoscalers.
    pub autoscalers: BTreeMap<ObjectKey, autoscaler::PlannerState>,
    /// Memories of jobs, by UID.
    pub jobs: BTreeMap<Uid, job::PlannerState>,
    /// What the API server says of templates.
    pub verdicts: Verdicts,
    /// Events that were told a short time ago.
    pub told: RecentEvents,
    /// Since when each watch is in sync.
    pub views: SyncStates,
    /// Objects that are not acted on because what is known of them is out of date, and what was said of that.
    pub held: BTreeMap<ObjectRef, String>,
    /// What the objects of ours that are held take.
    pub(crate) room: MemoryBudget,
    unreadable: BTreeMap<(&'static str, ObjectKey), Unreadable>,
    expectations: BTreeMap<ObjectRef, Expectations>,
}

/// A subject that is not decided on until the cache shows a write of ours.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// Which one.
    pub subject: &'a ObjectRef,
    /// The UID that its object had.
    pub uid: &'a Uid,
    /// Since when.
    pub now: Timestamp,
}

impl State {
    /// An object is there like this. Answers who must be looked at.
    pub fn apply<K: Cached>(&mut self, key: &ObjectKey, record: K::Record) -> BTreeSet<ObjectRef> {
        let record = Arc::new(record);
        self.readable::<K>(key);
        let before = K::store(&mut self.cache).insert(key.clone(), record.clone());
        let mut enqueue_after = BTreeSet::new();
        if let Some(before) = before {
            // Whom it concerned before, it concerns once more.
            enqueue_after = K::subjects(&self.cache, key, &before);
            if K::version(&before).0 != K::version(&record).0 {
                enqueue_after = self.vanished::<K>(key, &before);
            }
            K::index(&mut self.cache, key, &before, false);
        }
        K::index(&mut self.cache, key, &record, true);
        let subjects = K::subjects(&self.cache, key, &record);
        let (uid, version, deleting) = K::version(&record);
        for subject in enqueue_after.union(&subjects) {
            if let Some(e) = self.expectations.get_mut(subject) {
                e.seen(&key.name, uid, version, deleting);
            }
        }
        enqueue_after.extend(subjects);
        enqueue_after
    }

    /// An object is gone. Answers who must be looked at.
    pub fn remove<K: Cached>(&mut self, key: &ObjectKey) -> BTreeSet<ObjectRef> {
        self.readable::<K>(key);
        self.room.release(K::PLURAL, key);
        let Some(before) = K::store(&mut self.cache).remove(key) else { return BTreeSet::new() };
        K::index(&mut self.cache, key, &before, false);
        self.vanished::<K>(key, &before)
    }

    /// The objects of this namespace (or of all) are these and no others: what else there was is gone.
    pub fn retain<K: Cached>(
        &mut self,
        namespace: Option<&str>,
        present: &BTreeSet<ObjectKey>,
    ) -> BTreeSet<ObjectRef> {
        let gone: Vec<ObjectKey> = K::store(&mut self.cache)
            .keys()
            .filter(|k| namespace.is_none_or(|n| n == k.namespace) && !present.contains(*k))
            .cloned()
            .collect();
        self.retain_unreadable::<K>(namespace, present);
        gone.iter().flat_map(|key| self.remove::<K>(key)).collect()
    }

    /// Until when calls of ours may have moved results between the workers of this cluster.
    pub fn results_moved(&self, cluster: &ObjectKey, now: Timestamp) -> Option<Timestamp> {
        let memories = self.cache.groups_of(cluster).filter_map(|g| self.groups.get(&g.meta.uid));
        memories.filter_map(|m| m.results_moved(now)).max()
    }

    /// UIDs of pods that were chosen to leave a moment ago, in the cluster's groups but for the one with this UID.
    pub fn chosen_elsewhere(&self, cluster: &ObjectKey, group: &Uid) -> BTreeSet<Uid> {
        let others = self.cache.groups_of(cluster).filter(|g| g.meta.uid != *group);
        let memories = others.filter_map(|g| self.groups.get(&g.meta.uid));
        memories.flat_map(worker_group::PlannerState::chosen).cloned().collect()
    }

    fn vanished<K: Cached>(&mut self, key: &ObjectKey, record: &K::Record) -> BTreeSet<ObjectRef> {
        let subjects = K::subjects(&self.cache, key, record);
        let (uid, _, _) = K::version(record);
        for subject in &subjects {
            if let Some(e) = self.expectations.get_mut(subject) {
                e.gone(&key.name, uid);
            }
            let ObjectRef::Group(group) = subject else { continue };
            let uid = self.cache.groups.get(group).map(|g| &g.meta.uid);
            if let Some(memory) = uid.and_then(|uid| self.groups.get_mut(uid)) {
                memory.gone(&key.name);
                if let Some(words) = K::last_words(record) {
                    memory.heard(&key.name, words);
                }
            }
        }
        if let Some(own) = K::own(&self.cache, key, record) {
            self.expectations.remove(&own);
            self.held.remove(&own);
        }
        self.clusters.remove(uid);
        self.groups.remove(uid);
        self.jobs.remove(uid);
        subjects
    }

    /// The subject is not decided on until the cache shows this of that object. Nothing
    /// is expected that the cache shows already: a watch may be faster than the answer to a write. Nor
    /// anything for a subject that has gone meanwhile: no event would reach it.
    pub fn expect<K: Cached>(&mut self, waiting: Waiting<'_>, key: &ObjectKey, uid: &Uid, what: Expected) {
        let shown = match (K::store(&mut self.cache).get(key).map(|r| K::version(r)), &what) {
            (Some((u, have, deleting)), Expected::Version(want)) => {
                u == uid && (deleting || at_least(have, want))
            }
            (Some((u, _, deleting)), Expected::Deleted) => u != uid || deleting,
            (None, Expected::Version(_)) => false,
            (None, Expected::Deleted) => true,
        };
        let Waiting { subject, uid: subject_uid, now } = waiting;
        if !shown && self.is_there(subject, subject_uid) {
            self.expectations.entry(subject.clone()).or_default().expect(&key.name, uid, what, now);
        }
    }

    /// Whether the object with this UID is still one of this subject.
    fn is_there(&self, subject: &ObjectRef, uid: &Uid) -> bool {
        match subject {
            ObjectRef::Cluster(key) => self.cache.clusters.get(key).is_some_and(|o| o.meta.uid == *uid),
            ObjectRef::Group(key) => self.cache.groups.get(key).is_some_and(|o| o.meta.uid == *uid),
            ObjectRef::Autoscalers(key) => self.cache.autoscalers_of(key).any(|o| o.meta.uid == *uid),
            ObjectRef::Job(key) => self.cache.jobs.get(key).is_some_and(|o| o.meta.uid == *uid),
        }
    }

    /// Forgets what is remembered of an earlier term. What the watches have shown stays, and what they will show
    /// of our own writes.
    pub fn forget(&mut self) {
        let (cache, expectations) = (std::mem::take(&mut self.cache), std::mem::take(&mut self.expectations));
        let (views, unreadable) = (self.views.clone(), std::mem::take(&mut self.unreadable));
        let room = std::mem::take(&mut self.room);
        *self = Self { cache, expectations, views, unreadable, room, ..Self::default() };
    }

    /// The clock was set: what was remembered in its old time is forgotten, and our own writes are waited for in its
    /// new one.
    pub fn clock_was_set(&mut self, now: Timestamp) {
        self.forget();
        self.expectations.values_mut().for_each(|e| e.restart(now));
    }

    /// How long `subject` must wait for the cache, if at all. That time runs only while the cache is in sync.
    pub fn wait(&mut self, subject: &ObjectRef, now: Timestamp) -> Option<Duration> {
        let in_sync = self.in_sync_for(subject);
        let wait = self.expectations.get_mut(subject)?.wait(now, in_sync);
        if wait.is_none() {
            self.expectations.remove(subject);
        }
        wait
    }
}

/// The state, shared between the operator's tasks. It is never locked across an `await`.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<State>>);

impl Shared {
    /// Exclusive access.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
