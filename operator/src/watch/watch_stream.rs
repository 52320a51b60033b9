//! Following one watch: what it tells goes into the cache, and when it fails it is tried again.

use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

use dask_operator_core::model::backoff::doubled;
use futures::{FutureExt, Stream, StreamExt};
use kube::{
    Resource,
    runtime::watcher::{self, Event},
};
use tokio::time::Instant;

use crate::{
    context::Context,
    health::BEAT,
    kubernetes::extract,
    object_ref::{ObjectKey, ObjectRef},
    store::{
        Cached, MemoryBudget, Unreadable, mapping,
        sync_state::{Name, OPTIONAL, SyncStates, words},
    },
};

/// Changes are collected for this long, so that a burst is one reconcile.
const SETTLE: Duration = Duration::from_millis(10);
/// First and longest wait after a watch failed.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How often it is said that a watch still fails.
const SAID: Duration = Duration::from_secs(300);
/// The same of a watch that all goes on without.
const SAID_OF_OPTIONAL: Duration = Duration::from_secs(3600);

/// What is kept of an object, by its key: a record, or that it cannot be read.
pub(super) type Project<T> = (ObjectKey, Result<T, Unreadable>);

/// From what is watched to what is kept of it, if there is room for that.
pub(super) type Projection<R, T> = Box<dyn Fn(R, &mut MemoryBudget) -> Option<Project<T>> + Send>;

/// One watch. What is kept of an object is `None` for one without a name.
pub(super) struct Watch<R, K: Cached> {
    context: Arc<Context>,
    views: SyncStates,
    name: Name,
    words: String,
    project: Projection<R, K::Record>,
    present: BTreeSet<ObjectKey>,
    failures: u32,
    said: Option<Instant>,
}

impl<R: Resource, K: Cached> Watch<R, K> {
    /// A watch that has not begun. The operator is not ready until it has listed everything once.
    pub(super) fn new(context: &Arc<Context>, name: Name, project: Projection<R, K::Record>) -> Self {
        let words = words(&name);
        context.health.not_ready(&words);
        Self {
            context: context.clone(),
            views: context.state.lock().views.clone(),
            name,
            words,
            project,
            present: BTreeSet::new(),
            failures: 0,
            said: None,
        }
    }

    /// Follows the stream, for ever; one that ends is begun anew.
    pub(super) async fn run<S>(mut self, begin: impl Fn() -> S)
    where
        S: Stream<Item = watcher::Result<Event<R>>>,
    {
        let mut stream = Box::pin(begin());
        loop {
            self.context.health.heartbeat(&self.words);
            let event = tokio::select! {
                event = tokio::time::timeout(BEAT, stream.next()) => event,
                () = self.views.must_relist(&self.name) => {
                    stream.set(begin());
                    // The list begins now, also where the API server is slow to answer.
                    self.views.list_started(&self.name);
                    continue;
                }
            };
            let Ok(event) = event else { continue };
            match self.take(event, stream.as_mut()) {
                None => {}
                Some(Broke::Failed(error)) => self.failed(&error.to_string(), is_routine(&error)).await,
                Some(Broke::Ended) => {
                    stream.set(begin());
                    self.failed("it ended", false).await;
                }
            }
        }
    }

    /// Takes this event and what else has arrived already, in one go; answers how the stream broke, if it did.
    fn take<S>(&mut self, event: Option<S::Item>, mut stream: Pin<&mut S>) -> Option<Broke>
    where
        S: Stream<Item = watcher::Result<Event<R>>>,
    {
        let mut next = Some(event);
        while let Some(event) = next {
            match event {
                Some(Ok(event)) => self.handle(event),
                Some(Err(error)) => return Some(Broke::Failed(error)),
                None => return Some(Broke::Ended),
            }
            next = stream.next().now_or_never();
        }
        None
    }

    fn handle(&mut self, event: Event<R>) {
        // A list begins with `Init` whether the server answers or not.
        if !matches!(event, Event::Init) && std::mem::take(&mut self.failures) > 0 && self.said.is_some() {
            tracing::info!(watch = self.words, "the watch works again");
            self.said = None;
        }
        for subject in self.event(event) {
            if let (ObjectRef::Cluster(cluster), true) = (&subject, K::PLURAL == mapping::Pods::PLURAL) {
                self.context.schedulers.wake(cluster);
            }
            self.context.enqueue_after(subject, SETTLE);
        }
    }

    /// Takes what it says into the cache; answers who must be looked at.
    fn event(&mut self, event: Event<R>) -> BTreeSet<ObjectRef> {
        let mut state = self.context.state.lock();
        match event {
            Event::Init => {
                self.views.list_started(&self.name);
                self.present.clear();
                BTreeSet::new()
            }
            Event::InitApply(object) | Event::Apply(object) => {
                let Some((key, record)) = (self.project)(object, &mut state.room) else {
                    return BTreeSet::new();
                };
                self.present.insert(key.clone());
                match record {
                    Ok(record) => state.apply::<K>(&key, record),
                    Err(what) => {
                        let known = state.unreadable_object::<K>(&key);
                        if known.is_none_or(|known| known.error != what.error) {
                            tracing::error!(
                                kind = K::PLURAL,
                                namespace = key.namespace,
                                name = key.name,
                                error = what.error,
                                "cannot be read: it is not acted on; put it right, or install a newer operator"
                            );
                        }
                        state.mark_unreadable::<K>(&key, what)
                    }
                }
            }
            Event::Delete(object) => {
                let Some(key) = extract::key_of(&object) else { return BTreeSet::new() };
                self.present.remove(&key);
                state.remove::<K>(&key)
            }
            Event::InitDone => {
                let enqueue_after = state.retain::<K>(self.name.1.as_deref(), &self.present);
                self.present.clear();
                self.views.list_completed(&self.name);
                self.context.health.ready(&self.words);
                enqueue_after
            }
        }
    }

    async fn failed(&mut self, error: &str, is_routine: bool) {
        self.views.failed(&self.name);
        self.failures = self.failures.saturating_add(1);
        let pause = if OPTIONAL.contains(&K::PLURAL) { SAID_OF_OPTIONAL } else { SAID };
        // A watch that ends is started anew, and that is all; a list that fails is news, once in a while.
        let is_news = self.said.is_none_or(|at| at.elapsed() >= pause);
        if is_news && (self.failures > 1 || !is_routine) {
            self.said = Some(Instant::now());
            let failures = self.failures;
            tracing::warn!(watch = self.words, error, failures, "watch failed; trying again and again");
        }
        self.context.metrics.watch_failed(K::PLURAL);
        let longest = doubled(BACKOFF.0, self.failures, BACKOFF.1);
        tokio::time::sleep(longest.mul_f64(0.5 + self.context.env.random.fraction() / 2.0)).await;
    }
}

/// How a stream broke.
enum Broke {
    /// It told of a failure, and goes on.
    Failed(watcher::Error),
    /// It ended, which kube's do not.
    Ended,
}

fn is_routine(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchError(_) | watcher::Error::WatchFailed(_))
}

#[cfg(test)]
mod tests;
