//! Fair shares by namespace: permits of which no namespace can hold so many that another one has to wait.
//!
//! A webhook that hangs holds what waits for it for half a minute. So a namespace may hold as many permits as are
//! free, and no more than its share: however many hang, some are left for the next one that comes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Who holds how many of so many permits.
#[derive(Debug)]
pub(crate) struct Shares {
    total: usize,
    share: usize,
    used: usize,
    by_namespace: BTreeMap<String, usize>,
}

impl Shares {
    /// So many permits, and so many at most for one namespace.
    pub(crate) fn new(total: usize, share: usize) -> Self {
        Self { total, share, used: 0, by_namespace: BTreeMap::new() }
    }

    /// Permits that this namespace holds.
    pub(crate) fn held_by(&self, namespace: &str) -> usize {
        self.by_namespace.get(namespace).copied().unwrap_or(0)
    }

    /// Whether this namespace may have one more.
    pub(crate) fn may(&self, namespace: &str) -> bool {
        let (held, free) = (self.held_by(namespace), self.total.saturating_sub(self.used));
        held < self.share && held < free
    }

    /// It has one more.
    pub(crate) fn take(&mut self, namespace: &str) {
        self.used += 1;
        *self.by_namespace.entry(namespace.into()).or_default() += 1;
    }

    /// It gives one back.
    pub(crate) fn give_back(&mut self, namespace: &str) {
        self.used = self.used.saturating_sub(1);
        if let Some(held) = self.by_namespace.get_mut(namespace) {
            *held -= 1;
            if *held == 0 {
                self.by_namespace.remove(namespace);
            }
        }
    }
}

/// Permits that are waited for. Within a namespace they are given out in the order they were asked for, and
/// between namespaces to the one that holds the fewest.
#[derive(Clone, Debug)]
pub(crate) struct Permits(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    shares: Shares,
    waiting: BTreeMap<String, VecDeque<oneshot::Sender<Permit>>>,
}

/// A permit; dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Permit {
    from: Permits,
    namespace: String,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.from.lock().shares.give_back(&self.namespace);
        self.from.give();
    }
}

impl Permits {
    /// So many permits, and so many at most for one namespace.
    pub(crate) fn new(total: usize, share: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner { shares: Shares::new(total, share), waiting: BTreeMap::new() })))
    }

    /// Waits for a permit of this namespace.
    pub(crate) async fn acquire(&self, namespace: &str) -> Option<Permit> {
        let (give, given) = oneshot::channel();
        self.lock().waiting.entry(namespace.into()).or_default().push_back(give);
        self.give();
        given.await.ok()
    }

    /// Gives out what may be given.
    fn give(&self) {
        while let Some((to, namespace)) = self.next() {
            // Who does not wait any more gives it back by dropping it, which gives it to the next one.
            drop(to.send(Permit { from: self.clone(), namespace }));
        }
    }

    /// The next one to be given a permit, which counts as given.
    fn next(&self) -> Option<(oneshot::Sender<Permit>, String)> {
        let inner = &mut *self.lock();
        inner.waiting.retain(|_, all| {
            all.retain(|w| !w.is_closed());
            !all.is_empty()
        });
        let may = inner.waiting.keys().filter(|n| inner.shares.may(n));
        let namespace = may.min_by_key(|n| inner.shares.held_by(n))?.clone();
        let to = inner.waiting.get_mut(&namespace)?.pop_front()?;
        inner.shares.take(&namespace);
        Some((to, namespace))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn at_once(permits: &Permits, namespace: &str) -> Option<Permit> {
        permits.acquire(namespace).now_or_never().flatten()
    }

    fn as_many_as_it_gets(permits: &Permits, namespace: &str) -> Vec<Permit> {
        std::iter::from_fn(|| at_once(permits, namespace)).collect()
    }

    #[test]
    fn a_namespace_that_holds_on_leaves_some_for_the_others() {
        let permits = Permits::new(32, 16);
        let mut held = Vec::new();
        for (namespace, gets) in [("a", 16), ("b", 8), ("c", 4), ("d", 2)] {
            let got = as_many_as_it_gets(&permits, namespace);
            assert_eq!(got.len(), gets, "{namespace}");
            held.push(got);
        }
        assert!(at_once(&permits, "e").is_some());
    }

    #[test]
    fn alone_it_gets_its_whole_share() {
        assert_eq!(as_many_as_it_gets(&Permits::new(192, 64), "a").len(), 64);
    }

    #[tokio::test]
    async fn who_waits_is_served_in_turn_and_the_namespace_with_the_fewest_first() {
        let permits = Permits::new(4, 2);
        let mut a = as_many_as_it_gets(&permits, "a");
        let (mut third, mut fourth) = (Box::pin(permits.acquire("a")), Box::pin(permits.acquire("a")));
        assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());
        let b = as_many_as_it_gets(&permits, "b");
        assert_eq!((a.len(), b.len()), (2, 1), "another namespace does not wait for those");
        a.pop();
        assert!((&mut fourth).now_or_never().is_none());
        let third = third.now_or_never().flatten();
        assert!(third.is_some());
        drop(third);
        assert!(fourth.now_or_never().flatten().is_some());
    }

    #[test]
    fn who_gives_up_waiting_takes_nothing_with_him() {
        let permits = Permits::new(2, 1);
        let first = at_once(&permits, "a");
        let mut gives_up = Box::pin(permits.acquire("a"));
        let mut waits = Box::pin(permits.acquire("a"));
        assert!((&mut gives_up).now_or_never().is_none() && (&mut waits).now_or_never().is_none());
        drop(gives_up);
        drop(first);
        assert!(waits.now_or_never().flatten().is_some());
        assert!(at_once(&permits, "a").is_some(), "all came back");
    }

    #[test]
    fn a_permit_that_was_given_and_not_fetched_comes_back() {
        let permits = Permits::new(2, 1);
        let first = at_once(&permits, "a");
        let mut waits = Box::pin(permits.acquire("a"));
        assert!((&mut waits).now_or_never().is_none());
        drop(first);
        drop(waits);
        assert!(at_once(&permits, "a").is_some());
    }
}
