//! Polls one scheduler for as long as a reconciler needs it.

mod idle;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dask_operator_core::{
    model::{scheduler::SchedulerState, tls, uid::Uid},
    plan::scheduler_need::SchedulerNeed,
};
use tokio::{sync::Notify, time::Instant};

use super::{
    FAST,
    open::{self, Failure},
    poll_interval::{self, Pace},
    queries::{Question, Session, ask},
    reply_limits::Allowance,
    target::Target,
};
use crate::{
    context::Context,
    object_ref::{ObjectKey, ObjectRef},
};
use idle::IdleWatch;

/// A scheduler that started this short a time ago and has not answered yet starts.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A scheduler that answered is unreachable after two failures in a row, and not before it was silent this long:
/// one slow answer is no news.
const SILENT: Duration = Duration::from_secs(10);

/// Who may leave is acted on for this long after the scheduler said it.
const OFFER_MAX_AGE: Duration = Duration::from_secs(5);

/// What is remembered from one question to the next.
#[derive(Default)]
struct Talk {
    kept: Option<Session>,
    /// UID of the pod whose scheduler answered last, and when that was.
    answered: Option<(Uid, Instant)>,
    /// Failures since then.
    failures: u32,
    seen_starting: Option<Instant>,
    /// For how long it was watched and did nothing.
    idle: IdleWatch,
    /// Since when it has not answered.
    silent_since: Option<Instant>,
    allowance: Allowance,
    /// UID of the pod whose scheduler speaks TLS, and when that was found out.
    tls: Option<(Uid, Instant)>,
}

/// Asks until no reconciler needs it any more.
pub(crate) async fn run(context: &Arc<Context>, cluster: &ObjectKey) {
    let mut talk = Talk::default();
    let mut pace = Pace::new();
    while let Some((need, wake)) = needed(context, cluster) {
        let state = match Target::of(context, cluster) {
            None => {
                talk.seen_starting = Some(Instant::now());
                absent(context, cluster)
            }
            Some(target) => talk.ask(context, cluster, &target, need).await,
        };
        let pause = pace.after(&state, need, context.settings.poll.max(FAST));
        // Report Unreachable only if a reconciler needs the scheduler.
        let is_told =
            need.is_acted_on() || matches!(state, SchedulerState::Known(_) | SchedulerState::SpeaksTls);
        store(context, cluster, if is_told { state } else { SchedulerState::default() });
        if rest(context, cluster, &wake, pause).await {
            pace.hurry();
        } else {
            pace.waited();
        }
        // Changes of interest come in bursts: debounce them.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Talk {
    /// What is known of the scheduler in this pod after it was asked.
    async fn ask(
        &mut self,
        context: &Arc<Context>,
        cluster: &ObjectKey,
        target: &Target,
        need: SchedulerNeed,
    ) -> SchedulerState {
        if self.speaks_tls(context, cluster, target).await {
            return SchedulerState::SpeaksTls;
        }
        self.allowance = Allowance::of(context, cluster, self.allowance);
        let question = Question { need, allowance: self.allowance };
        match ask(context, target, question, &mut self.kept).await {
            Ok(mut snapshot) => {
                self.answered = Some((target.uid.clone(), Instant::now()));
                self.failures = 0;
                self.silent_since = None;
                self.idle.look(&mut snapshot);
                SchedulerState::Known(Arc::new(snapshot))
            }
            Err(Failure::SpeaksTls) => {
                self.kept = None;
                self.tls = Some((target.uid.clone(), Instant::now()));
                SchedulerState::SpeaksTls
            }
            Err(Failure::Other(why)) => {
                self.kept = None;
                self.failed(context, cluster, target, why)
            }
        }
    }

    /// Whether it speaks TLS, as far as that is known without Dask's own hello, which makes such a scheduler write
    /// a warning.
    async fn speaks_tls(&mut self, context: &Context, cluster: &ObjectKey, target: &Target) -> bool {
        let found = self.tls.as_ref().filter(|(uid, _)| *uid == target.uid);
        if found.is_some_and(|(_, at)| at.elapsed() < poll_interval::TLS) {
            return true;
        }
        let has_answered = self.answered.as_ref().is_some_and(|(uid, _)| *uid == target.uid);
        let is_likely = || {
            let state = context.state.lock();
            state.cache.clusters.get(cluster).is_some_and(|c| tls::is_likely(c))
        };
        let ask = !has_answered && (found.is_some() || is_likely());
        let speaks = ask && open::speaks_tls(context, &target.address).await;
        self.tls = speaks.then(|| (target.uid.clone(), Instant::now()));
        speaks
    }

    /// It did not answer. One that does not answer yet starts, and one that just answered is slow.
    fn failed(
        &mut self,
        context: &Context,
        cluster: &ObjectKey,
        target: &Target,
        why: String,
    ) -> SchedulerState {
        self.failures = self.failures.saturating_add(1);
        let silent = self.silent_since.get_or_insert_with(Instant::now).elapsed();
        let age = context.now().since(target.pod.created);
        let young = age.min(self.seen_starting.map_or(age, |t| t.elapsed())) < STARTS_WITHIN;
        match self.answered.as_ref().filter(|(uid, _)| *uid == target.uid) {
            Some((_, at)) if !is_silence(self.failures, at.elapsed()) => {
                context.schedulers.set_aside_offer(cluster);
                let last = context.schedulers.last_snapshot(cluster);
                last.map_or(SchedulerState::Unknown, SchedulerState::Known)
            }
            // One that is being deleted ends, which its pod does not say yet.
            answered => {
                failed((target.pod.deleting && silent < STARTS_WITHIN) || (young && answered.is_none()), why)
            }
        }
    }
}

/// Whether so many failures in a row, so long after an answer, are more than one slow answer.
fn is_silence(failures: u32, since_answer: Duration) -> bool {
    failures >= 2 && since_answer >= SILENT
}

/// Waits until the scheduler is asked again; whether something happened meanwhile.
async fn rest(context: &Context, cluster: &ObjectKey, wake: &Notify, pause: Duration) -> bool {
    let start = Instant::now();
    let mut woken = tokio::time::timeout(pause.min(OFFER_MAX_AGE), wake.notified()).await.is_ok();
    if !woken && pause > OFFER_MAX_AGE {
        context.schedulers.set_aside_offer(cluster);
        woken = tokio::time::timeout_at(start + pause, wake.notified()).await.is_ok();
    }
    if context.schedulers.take_stirred(cluster) {
        // Pods change in bunches too.
        tokio::time::sleep_until(start + FAST).await;
    }
    woken
}

/// What is needed; `None` when nothing is, and the link is gone then.
fn needed(context: &Context, cluster: &ObjectKey) -> Option<(SchedulerNeed, Arc<Notify>)> {
    let mut handles = context.schedulers.lock();
    let handle = handles.get_mut(cluster)?;
    let need = handle.need();
    let (wake, is_silent) = (handle.wake.clone(), matches!(handle.state, SchedulerState::Unreachable { .. }));
    if need.is_acted_on() {
        return Some((need, wake));
    }
    if need.is_none() {
        handles.remove(cluster);
    } else if is_silent {
        handle.state = SchedulerState::default();
    }
    drop(handles);
    // What was said about it is said no more.
    if is_silent {
        let groups: Vec<_> =
            context.state.lock().cache.groups_of(cluster).map(|g| g.meta.name.clone()).collect();
        context.enqueue(ObjectRef::Cluster(cluster.clone()));
        for group in groups {
            context.enqueue(ObjectRef::Group(cluster.beside(group)));
        }
    }
    (!need.is_none()).then_some((need, wake))
}

/// No scheduler pod runs: either there is none, or it has not started. While pods are not seen as they are, neither
/// is known.
fn absent(context: &Context, cluster: &ObjectKey) -> SchedulerState {
    let state = context.state.lock();
    if state.views.in_sync_for("pods", &cluster.namespace).is_none() {
        return SchedulerState::Unknown;
    }
    let pods = state.cache.schedulers_of(cluster);
    if pods.iter().any(|p| p.is_live()) { SchedulerState::Starting } else { SchedulerState::Absent }
}

/// A scheduler that does not answer yet, or ends, is not one that stopped answering.
fn failed(is_expected: bool, why: String) -> SchedulerState {
    if is_expected { SchedulerState::Unknown } else { SchedulerState::Unreachable { why } }
}

fn store(context: &Context, cluster: &ObjectKey, state: SchedulerState) {
    context.metrics.scheduler_asked(match &state {
        SchedulerState::Known(_) => "answered",
        SchedulerState::Unreachable { .. } => "unreachable",
        SchedulerState::SpeaksTls => "speaks_tls",
        _ => "not_there",
    });
    let subjects: BTreeSet<ObjectRef> = {
        let mut handles = context.schedulers.lock();
        let Some(handle) = handles.get_mut(cluster) else { return };
        let turned = std::mem::discriminant(&handle.state) != std::mem::discriminant(&state);
        handle.state = state;
        let mut subjects: BTreeSet<ObjectRef> = handle.needs.keys().cloned().collect();
        if turned {
            subjects.insert(ObjectRef::Cluster(cluster.clone()));
        }
        subjects
    };
    for subject in subjects {
        context.enqueue(subject);
    }
}

#[cfg(test)]
mod tests;
