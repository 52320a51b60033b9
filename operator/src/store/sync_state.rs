//! Since when each watch is in sync: whether what the cache shows of a resource is what there is.
//!
//! A watch is in sync while it has listed everything once and a connection is open on which it hears of changes.
//! It is renewed every two minutes, and a short break changes nothing: what happened meanwhile is heard at once.
//! After a longer one its view counts as out of date.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// A break that is shorter than this is a renewal, or a connection that was made anew.
pub const BREAK: Duration = Duration::from_secs(10);
/// A watch that goes on after a longer break is believed when it had this long to tell what it missed.
const CATCH_UP: Duration = Duration::from_secs(2);
/// A watch that has been out of sync for this long makes the operator unready.
pub const UNREADY: Duration = Duration::from_secs(60);

/// All goes on without seeing these: not everybody gives an operator the right to see nodes.
pub const OPTIONAL: [&str; 1] = ["nodes"];

/// Which watch: the plural of what it watches, and the namespace unless it watches all.
pub type Name = (&'static str, Option<String>);

/// Since when each watch is in sync; copies share it.
#[derive(Clone, Debug, Default)]
pub struct SyncStates {
    watches: Arc<Mutex<BTreeMap<Name, SyncState>>>,
    /// What was listed before is not believed.
    not_before: Arc<watch::Sender<Option<Instant>>>,
}

#[derive(Debug)]
struct SyncState {
    has_listed: bool,
    /// When the last list began, and when the last one that is complete did.
    list_began: Instant,
    listed_from: Instant,
    is_open: bool,
    /// Counts connections, so that the end of an old one says nothing of the next.
    connections: u64,
    /// In sync since then, short breaks left out.
    since: Instant,
    /// Not in sync since then.
    lost: Option<Instant>,
}

impl SyncState {
    fn new(now: Instant) -> Self {
        Self {
            has_listed: false,
            list_began: now,
            listed_from: now,
            is_open: false,
            connections: 0,
            since: now,
            lost: Some(now),
        }
    }

    fn update(&mut self, now: Instant) {
        match (self.has_listed && self.is_open, self.lost) {
            (false, None) => self.lost = Some(now),
            (true, Some(at)) => {
                if now.duration_since(at) > BREAK {
                    self.since = now + CATCH_UP;
                }
                self.lost = None;
            }
            _ => {}
        }
    }

    fn is_from_before(&self, time: Option<Instant>) -> bool {
        time.is_some_and(|time| self.listed_from < time)
    }

    fn in_sync_for(&self, now: Instant, not_before: Option<Instant>) -> Option<Duration> {
        let is_lost = self.lost.is_some_and(|at| now.duration_since(at) > BREAK);
        if is_lost || self.is_from_before(not_before) { None } else { now.checked_duration_since(self.since) }
    }
}

/// An open connection of a watch; dropped, it is closed.
#[derive(Debug)]
pub struct Open {
    views: SyncStates,
    name: Name,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        let number = self.number;
        self.views.change(&self.name, |view, _| view.is_open &= view.connections != number);
    }
}

impl SyncStates {
    /// A watch begins. It is not in sync.
    pub fn watch_started(&self, name: &Name) {
        self.lock().insert(name.clone(), SyncState::new(Instant::now()));
    }

    /// It lists anew: what it shows is not known to be all until it is through.
    pub fn list_started(&self, name: &Name) {
        self.change(name, |view, now| (view.has_listed, view.list_began) = (false, now));
    }

    /// What a watch shows by a list from before `time` is not believed: it may not have heard of what another process
    /// did until then. Such watches list anew.
    pub fn relist_from_before(&self, time: Instant) {
        self.not_before.send_replace(Some(time));
    }

    /// Waits until this watch has to list anew.
    pub async fn must_relist(&self, name: &Name) {
        let mut not_before = self.not_before.subscribe();
        let is_old = |time: &Option<Instant>| {
            self.lock().get(name).is_some_and(|v| time.is_some_and(|time| v.list_began < time))
        };
        // The sender lives as long as we do.
        let _ = not_before.wait_for(is_old).await;
    }

    /// Whether a watch that is needed still has to list anew, or is at it.
    pub fn is_relisting(&self) -> bool {
        let not_before = *self.not_before.borrow();
        let views = self.lock();
        let mut needed = views.iter().filter(|(name, _)| !OPTIONAL.contains(&name.0));
        needed.any(|(_, v)| v.is_from_before(not_before))
    }

    /// It has listed everything; at this moment it is in sync.
    pub fn list_completed(&self, name: &Name) {
        self.change(name, |view, now| {
            (view.has_listed, view.listed_from) = (true, view.list_began);
            if let Some(lost) = &mut view.lost {
                if now.duration_since(*lost) > BREAK {
                    view.since = now;
                }
                *lost = now;
            }
        });
    }

    /// A connection of it is open, until what is answered is dropped.
    #[must_use]
    pub fn opened(&self, name: &Name) -> Open {
        let mut number = 0;
        self.change(name, |view, _| {
            view.connections += 1;
            view.is_open = true;
            number = view.connections;
        });
        Open { views: self.clone(), name: name.clone(), number }
    }

    /// It failed: its connection is no good any more.
    pub fn failed(&self, name: &Name) {
        self.change(name, |view, _| view.is_open = false);
    }

    /// For how long objects of this resource in this namespace have been seen as they are: `None` while they are
    /// not. What is not watched at all counts as seen.
    pub fn in_sync_for(&self, resource: &'static str, namespace: &str) -> Option<Duration> {
        let (not_before, views) = (*self.not_before.borrow(), self.lock());
        let view = views.get(&(resource, None)).or_else(|| views.get(&(resource, Some(namespace.into()))));
        view.map_or(Some(Duration::MAX), |v| v.in_sync_for(Instant::now(), not_before))
    }

    /// Whether each resource is seen as it is, in all namespaces.
    pub fn by_resource(&self) -> BTreeMap<&'static str, bool> {
        let (not_before, views, now) = (*self.not_before.borrow(), self.lock(), Instant::now());
        let mut out = BTreeMap::new();
        for ((resource, _), view) in views.iter() {
            *out.entry(*resource).or_insert(true) &= view.in_sync_for(now, not_before).is_some();
        }
        out
    }

    /// Watches that have been out of sync for so long that a person must act, in words.
    pub fn broken(&self) -> Vec<String> {
        let (views, now) = (self.lock(), Instant::now());
        let lost = |view: &SyncState| view.lost.map(|at| now.duration_since(at)).filter(|t| *t > UNREADY);
        let needed = views.iter().filter(|(name, _)| !OPTIONAL.contains(&name.0));
        let told = needed.filter_map(|(name, view)| {
            Some(format!("{}, out of sync for {} s", words(name), lost(view)?.as_secs()))
        });
        told.collect()
    }

    fn change(&self, name: &Name, change: impl FnOnce(&mut SyncState, Instant)) {
        let now = Instant::now();
        if let Some(view) = self.lock().get_mut(name) {
            change(view, now);
            view.update(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, SyncState>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a watch is called.
pub fn words((resource, namespace): &Name) -> String {
    match namespace {
        Some(namespace) => format!("watch {resource} in {namespace}"),
        None => format!("watch {resource}"),
    }
}

#[cfg(test)]
mod tests;
