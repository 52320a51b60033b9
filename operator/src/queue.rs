//! The work queue: which objects are to be reconciled, and when.
//!
//! A subject is in the queue at most once, and is handed out to one worker at a time. What is due is handed out by
//! namespace in turn, and within one in the order in which it became due: neither a namespace with a thousand objects
//! nor one whose requests hang delays another. A group that must create a thousand pods does a batch and queues up
//! again behind the others, which is what keeps a huge cluster from delaying a small one beside it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{fair_shares::Shares, object_ref::ObjectRef};

/// Subjects handed out at the same time: of all namespaces together, and of one.
const WORKERS: (usize, usize) = (128, 16);

/// The work queue.
#[derive(Debug, Default)]
pub struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug)]
struct Inner {
    /// What becomes due later.
    order: BTreeMap<(Instant, u64), ObjectRef>,
    due: BTreeMap<ObjectRef, (Instant, u64)>,
    /// What is due, by namespace.
    ready: BTreeMap<String, VecDeque<ObjectRef>>,
    /// The namespaces in `ready`; the next one's turn comes first.
    turns: VecDeque<String>,
    running: BTreeSet<ObjectRef>,
    shares: Shares,
    count: u64,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            order: BTreeMap::new(),
            due: BTreeMap::new(),
            ready: BTreeMap::new(),
            turns: VecDeque::new(),
            running: BTreeSet::new(),
            shares: Shares::new(WORKERS.0, WORKERS.1),
            count: 0,
        }
    }
}

impl Inner {
    /// Sorts what has become due by namespace; answers when the next one will.
    fn becomes_due(&mut self, now: Instant) -> Option<Instant> {
        while let Some(first) = self.order.first_entry() {
            if first.key().0 > now {
                return Some(first.key().0);
            }
            let subject = first.remove();
            let namespace = &subject.key().namespace;
            let lane = self.ready.entry(namespace.clone()).or_insert_with(|| {
                self.turns.push_back(namespace.clone());
                VecDeque::new()
            });
            lane.push_back(subject);
        }
        None
    }

    /// The next subject, of the first namespace in turn that may have one.
    fn take(&mut self) -> Option<ObjectRef> {
        for _ in 0..self.turns.len() {
            let namespace = self.turns.pop_front()?;
            let found = self.take_of(&namespace);
            if self.ready.contains_key(&namespace) {
                self.turns.push_back(namespace);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn take_of(&mut self, namespace: &str) -> Option<ObjectRef> {
        if !self.shares.may(namespace) {
            return None;
        }
        let lane = self.ready.get_mut(namespace)?;
        let at = lane.iter().position(|s| !self.running.contains(s))?;
        let subject = lane.remove(at)?;
        if lane.is_empty() {
            self.ready.remove(namespace);
        }
        self.due.remove(&subject);
        self.shares.take(namespace);
        self.running.insert(subject.clone());
        Some(subject)
    }
}

impl Queue {
    /// Look at `subject` after `delay` at the latest.
    pub fn add(&self, subject: ObjectRef, delay: Duration) {
        let at = Instant::now() + delay;
        let mut inner = self.lock();
        inner.count += 1;
        let slot = (at, inner.count);
        match inner.due.get(&subject).copied() {
            Some(earlier) if earlier.0 <= at => return,
            Some(later) => {
                inner.order.remove(&later);
            }
            None => {}
        }
        inner.due.insert(subject.clone(), slot);
        inner.order.insert(slot, subject);
        drop(inner);
        self.changed.notify_one();
    }

    /// The next subject that is due and not being reconciled, as soon as its namespace may have one more. Call
    /// [`Queue::done`] when it is dealt with.
    pub async fn next(&self) -> ObjectRef {
        loop {
            let changed = self.changed.notified();
            let wait = match self.take() {
                Ok(subject) => return subject,
                Err(wait) => wait,
            };
            match wait {
                Some(at) => {
                    let _ = tokio::time::timeout_at(at, changed).await;
                }
                None => changed.await,
            }
        }
    }

    /// `subject` may be handed out again.
    pub fn done(&self, subject: &ObjectRef) {
        let mut inner = self.lock();
        if inner.running.remove(subject) {
            inner.shares.give_back(&subject.key().namespace);
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Nothing is to be reconciled any more.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.order.clear();
        inner.due.clear();
        inner.ready.clear();
        inner.turns.clear();
    }

    /// How many subjects wait, whether due or not.
    pub fn len(&self) -> usize {
        self.lock().due.len()
    }

    /// Whether no subject waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&self) -> Result<ObjectRef, Option<Instant>> {
        let mut inner = self.lock();
        let later = inner.becomes_due(Instant::now());
        inner.take().ok_or(later)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::object_ref::ObjectKey;

    fn subject(name: &str) -> ObjectRef {
        ObjectRef::Group(ObjectKey::new("ns", name))
    }

    #[tokio::test(start_paused = true)]
    async fn first_due_first_served_and_never_twice() {
        let queue = Queue::default();
        queue.add(subject("late"), Duration::from_secs(5));
        queue.add(subject("a"), Duration::ZERO);
        queue.add(subject("b"), Duration::ZERO);
        queue.add(subject("a"), Duration::from_secs(1));
        assert_eq!(queue.next().await, subject("a"));
        assert_eq!(queue.next().await, subject("b"));
        let before = Instant::now();
        assert_eq!(queue.next().await, subject("late"));
        assert_eq!(before.elapsed().as_secs(), 5);
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_worker_at_a_time() {
        let queue = Queue::default();
        queue.add(subject("a"), Duration::ZERO);
        let a = queue.next().await;
        queue.add(subject("a"), Duration::ZERO);
        queue.add(subject("b"), Duration::ZERO);
        assert_eq!(queue.next().await, subject("b"));
        assert!(tokio::time::timeout(Duration::from_secs(9), queue.next()).await.is_err());
        queue.done(&a);
        assert_eq!(queue.next().await, a);
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_of_two_wishes_counts() {
        let queue = Queue::default();
        queue.add(subject("a"), Duration::from_secs(60));
        queue.add(subject("a"), Duration::from_secs(1));
        let before = Instant::now();
        queue.next().await;
        assert_eq!(before.elapsed().as_secs(), 1);
    }

    fn of(namespace: &str, name: &str) -> ObjectRef {
        ObjectRef::Group(ObjectKey::new(namespace, name))
    }

    fn at_once(queue: &Queue) -> Option<ObjectRef> {
        queue.next().now_or_never()
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_whose_requests_hang_delays_no_other() {
        let queue = Queue::default();
        (0..100).for_each(|n| queue.add(of("hangs", &n.to_string()), Duration::ZERO));
        let held: Vec<_> = std::iter::from_fn(|| at_once(&queue)).collect();
        assert_eq!(held.len(), WORKERS.1);
        queue.add(of("works", "a"), Duration::ZERO);
        assert_eq!(at_once(&queue), Some(of("works", "a")));
        queue.done(&held[3]);
        assert_eq!(at_once(&queue), Some(of("hangs", "16")));
        assert_eq!(at_once(&queue), None);
    }

    #[tokio::test(start_paused = true)]
    async fn namespaces_take_turns() {
        let queue = Queue::default();
        ["a", "b", "c"].into_iter().for_each(|n| queue.add(of("many", n), Duration::ZERO));
        queue.add(of("few", "x"), Duration::ZERO);
        let order: Vec<_> = std::iter::from_fn(|| at_once(&queue)).map(|s| s.key().name.clone()).collect();
        assert_eq!(order, ["a", "x", "b", "c"]);
        assert!(queue.is_empty());
    }
}
