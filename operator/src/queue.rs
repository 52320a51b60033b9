//! The work queue: who is to be looked at, and when.
//!
//! A subject is in the queue at most once, and is handed out to one worker at a time; what becomes due
//! first goes first. A group that must create a thousand pods does a batch and queues up again behind the
//! others, which is what keeps a huge cluster from delaying a small one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::subject::Subject;

/// The work queue.
#[derive(Debug, Default)]
pub struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    order: BTreeMap<(Instant, u64), Subject>,
    due: BTreeMap<Subject, (Instant, u64)>,
    running: BTreeSet<Subject>,
    count: u64,
}

impl Queue {
    /// Look at `subject` after `delay` at the latest.
    pub fn add(&self, subject: Subject, delay: Duration) {
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

    /// The next subject that is due and that nobody works on. Call [`Queue::done`] when it is dealt with.
    pub async fn next(&self) -> Subject {
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
    pub fn done(&self, subject: &Subject) {
        self.lock().running.remove(subject);
        self.changed.notify_one();
    }

    /// Nobody need be looked at any more.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.order.clear();
        inner.due.clear();
    }

    /// How many subjects wait, whether due or not.
    pub fn len(&self) -> usize {
        self.lock().due.len()
    }

    /// Whether no subject waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&self) -> Result<Subject, Option<Instant>> {
        let mut inner = self.lock();
        let now = Instant::now();
        let mut wait = None;
        let mut found = None;
        for (slot, subject) in &inner.order {
            if slot.0 > now {
                wait = Some(slot.0);
                break;
            }
            if !inner.running.contains(subject) {
                found = Some(*slot);
                break;
            }
        }
        let Some(slot) = found else { return Err(wait) };
        let Some(subject) = inner.order.remove(&slot) else { return Err(None) };
        inner.due.remove(&subject);
        inner.running.insert(subject.clone());
        Ok(subject)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str) -> Subject {
        Subject::Group(("ns".into(), name.into()))
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
}
