//! The loop of the operator: watches fill the cache, the queue hands out subjects, each is reconciled.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use dask_operator_core::model::{backoff::doubled, uid::Uid};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::{
    context::{Context, Failing},
    health::BEAT,
    kubernetes::api,
    object_ref::{ObjectKey, ObjectRef},
    reconcile::{self, Outcome},
    watch,
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

/// A subject that is being dealt with; whatever ends that, it may be handed out again.
struct Turn {
    context: Arc<Context>,
    subject: ObjectRef,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.context.busy.fetch_sub(1, Ordering::Relaxed);
        self.context.queue.done(&self.subject);
    }
}

/// Runs until the future is dropped; what it started goes on until [`Context::stop`].
pub async fn run(context: &Arc<Context>) {
    api::wait_for_crds(context).await;
    if context.settings.namespaces.is_empty() {
        watch::start(context, None);
    }
    for namespace in &context.settings.namespaces {
        watch::start(context, Some(namespace));
    }
    if context.settings.nodes {
        watch::start_nodes(context);
    }
    wait_for_caches(context).await;
    tracing::info!("ready: all watches are in sync");
    context.health.idle("start");
    let mut last = None;
    loop {
        let term = context.leadership.gained().await;
        begin(context, last != Some(term)).await;
        last = Some(term);
        tokio::select! {
            () = work(context) => {}
            () = context.leadership.lost(term) => {}
        }
        tracing::warn!("does not lead any more: nothing is written");
        context.health.idle("queue");
        context.queue.clear();
        context.schedulers.clear();
    }
}

/// A leader looks at everything. In a new term it remembers nothing of an earlier one, whose last reconciles
/// must have ended, and sees all that the leader before it wrote; in one that was only interrupted, all that it
/// knows is still true.
async fn begin(context: &Context, is_new: bool) {
    context.drain(LIMIT).await;
    if is_new {
        relist(context).await;
    }
    let subjects = {
        let mut state = context.state.lock();
        if is_new {
            state.forget();
        }
        let unreadable: Vec<_> = state.all_unreadable().into_iter().collect();
        [state.cache.subjects(), unreadable].concat()
    };
    context.failures().clear();
    for subject in subjects {
        context.queue.add(subject, Duration::ZERO);
    }
}

/// Lists anew what was listed before this process led: a watch can run late, and the names of pods that the last
/// leader made would be new ones again. What cannot be listed counts as not seen.
async fn relist(context: &Context) {
    let views = context.state.lock().views.clone();
    views.relist_from_before(context.leadership.since());
    let until = Instant::now() + RELIST;
    while views.is_relisting() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn wait_for_caches(context: &Context) {
    while !context.health.missing().is_empty() {
        context.health.heartbeat("start");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn work(context: &Arc<Context>) {
    loop {
        context.health.heartbeat("queue");
        let Ok(subject) = tokio::time::timeout(BEAT, context.queue.next()).await else { continue };
        let span = span(context, &subject);
        let turn = Turn { context: context.clone(), subject };
        context.busy.fetch_add(1, Ordering::Relaxed);
        let reconciled = async move {
            one(&turn.context, &turn.subject).await;
            drop(turn);
        };
        context.spawn(reconciled.instrument(span));
    }
}

/// What every line of the log says of the object that it is about.
fn span(context: &Context, subject: &ObjectRef) -> Span {
    let (ObjectKey { namespace, name }, state) = (subject.key(), context.state.lock());
    let uid = state.cache.uid(subject).map_or("", Uid::as_str);
    tracing::info_span!("reconcile", kind = subject.kind(), namespace, name, uid)
}

/// Reconciles one subject, and puts it in the queue again for later.
async fn one(context: &Arc<Context>, subject: &ObjectRef) {
    let now = context.env.now();
    if context.jumps.jumped(now) {
        tracing::warn!("the clock was set: what was remembered in its old time is forgotten");
        context.state.lock().clock_was_set(now);
        context.schedulers.forget_readings();
    }
    let timer = context.metrics.reconciling(subject.kind());
    let outcome = tokio::time::timeout(LIMIT, reconcile::reconcile(context, subject)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(reconcile::Error::TooSlow(LIMIT)));
    timer.done(outcome.as_ref().map_or_else(|e| e.label(), |_| "ok"));
    match outcome {
        Ok(Outcome::Gone) => drop(context.failures().remove(subject)),
        Ok(Outcome::Waiting(limit)) => context.queue.add(subject.clone(), limit),
        Ok(Outcome::Done(again)) => {
            context.failures().remove(subject);
            // A long wait is one by a clock that may be set.
            let resync = jittered(context, RESYNC);
            context.queue.add(subject.clone(), again.map_or(resync, |wait| wait.min(resync)));
        }
        Err(error) => failed(context, subject, &error),
    }
}

fn failed(context: &Context, subject: &ObjectRef, error: &reconcile::Error) {
    let (times, wait) = {
        let mut failures = context.failures();
        let times = failures.get(subject).map_or(1, |f| f.times.saturating_add(1));
        let wait = jittered(context, doubled(BACKOFF.0, times, longest_wait(subject)));
        failures.insert(subject.clone(), Failing { times, not_before: Instant::now() + wait });
        (times, wait)
    };
    let ObjectKey { namespace, name } = subject.key();
    if error.is_conflict() && times < 3 {
        tracing::debug!(kind = subject.kind(), namespace, name, %error, "changed meanwhile");
    } else {
        tracing::warn!(kind = subject.kind(), namespace, name, %error, times, "failed; trying again");
    }
    context.queue.add(subject.clone(), wait);
}

fn jittered(context: &Context, d: Duration) -> Duration {
    d.mul_f64(0.8 + 0.4 * context.env.random.fraction())
}
