//! Back-off for pods that end by themselves. What ends them from outside costs no waiting.

use std::time::Duration;

use dask_crds::DaskWorkerGroupStatus;

use crate::{
    model::{
        backoff::doubled,
        pod::{PodPhase, PodRecord},
        scheduler::SchedulerState,
        time::Timestamp,
        trouble::Trouble,
    },
    resources,
    worker_group::{PodCounts, input::Input},
};

/// Wait after the first round of pods that failed; doubles with each round.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait: the kubelet's own for a crashing container.
const MAX: Duration = Duration::from_secs(300);
/// From this many rounds on, pods are made one at a time until one lasts.
pub const BREAKER: i32 = 3;
/// A pod that was ready this long proves that the template works; one that ended well after this long
/// was no failure.
pub const LASTS: Duration = Duration::from_secs(30);

/// Rounds of pods that failed, as kept in the group's status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Rounds in a row.
    pub rounds: i32,
    /// When the last pod failed.
    pub last: Option<Timestamp>,
    /// The template they were made from.
    pub template: Option<String>,
}

impl Failures {
    /// As the status has it.
    pub fn of(status: &DaskWorkerGroupStatus) -> Self {
        Self {
            rounds: status.failures.unwrap_or(0).max(0),
            last: status.last_failure_time.as_deref().and_then(Timestamp::parse),
            template: status.template_hash.clone(),
        }
    }

    /// With what is observed now.
    pub(crate) fn after(mut self, input: &Input<'_>, counts: &PodCounts<'_>) -> Self {
        // A wrong clock may have written it down.
        self.last = self.last.map(|t| t.min(input.now));
        let worker = &input.group.spec.worker;
        let current = resources::hash(&worker.spec, worker.metadata.as_ref());
        if self.template.as_deref() != Some(&current) {
            self = Self { template: Some(current.clone()), ..Self::default() };
        }
        let of_current = |p: &&PodRecord| p.template_hash.as_deref() == Some(&current);
        let lasted = |p: &PodRecord| p.ready_since.is_some_and(|t| input.now.since(t) >= LASTS);
        let proved = counts.all_live().filter(of_current).any(|p| self.is_proof(p) && lasted(p));
        if proved || self.is_over(input, counts) {
            (self.rounds, self.last) = (0, None);
        }
        let failed: Vec<_> = counts
            .finished
            .iter()
            .copied()
            .filter(of_current)
            .filter(|p| failed_by_itself(p, input.scheduler))
            .collect();
        // Pods of the round that was counted already are no new evidence.
        let is_new = |p: &&PodRecord| self.last.is_none_or(|t| p.created.0 / 1000 >= t.0 / 1000);
        if failed.iter().any(is_new) {
            self.rounds = self.rounds.saturating_add(1);
            self.last = Some(input.now);
        }
        self
    }

    /// A pod from before the last failure proves nothing about what fails since.
    fn is_proof(&self, pod: &PodRecord) -> bool {
        self.last.is_none_or(|last| pod.created.0 / 1000 >= last.0 / 1000)
    }

    /// Nothing has failed for a while, and nothing is missing that could: there is nothing to wait for.
    fn is_over(&self, input: &Input<'_>, counts: &PodCounts<'_>) -> bool {
        let ready = |p: &&PodRecord| p.ready_since.is_some_and(|t| input.now.since(t) >= LASTS);
        self.last.is_some_and(|last| input.now.since(last) >= LASTS)
            && counts.finished.is_empty()
            && counts.staying.len() >= counts.desired
            && counts.staying.iter().all(ready)
    }

    /// When to look whether the failures are over: nothing else would tell.
    pub(crate) fn recheck_after(&self, input: &Input<'_>, counts: &PodCounts<'_>) -> Option<Duration> {
        let since = counts.all_live().filter_map(|p| p.ready_since).chain(self.last);
        let left = since.map(|t| input.now.until(t.plus(LASTS))).filter(|d| !d.is_zero()).min();
        left.filter(|_| self.rounds > 0)
    }

    /// How long no pod is made.
    pub fn wait(&self, now: Timestamp) -> Duration {
        match self.last {
            Some(last) if self.rounds > 0 => {
                let until = last.plus(doubled(FIRST, self.rounds.unsigned_abs(), MAX));
                now.until(until)
            }
            _ => Duration::ZERO,
        }
    }

    /// How many pods may be made at once, with this many that have not proved themselves yet.
    pub fn allowance(&self, unproved: usize) -> usize {
        if self.rounds >= BREAKER { 1_usize.saturating_sub(unproved) } else { usize::MAX }
    }
}

/// What is kept of a pod that ended by itself: it is deleted, with its status and its logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The pod's name.
    pub pod: String,
    /// Why it ended.
    pub trouble: Trouble,
}

/// The last pod that ended by itself.
pub(crate) fn last_end(input: &Input<'_>, counts: &PodCounts<'_>, before: Option<Ended>) -> Option<Ended> {
    let failed = counts.finished.iter().filter(|p| failed_by_itself(p, input.scheduler));
    let last = failed.max_by_key(|p| (p.finished, p.created));
    let of = |p: &PodRecord| {
        let well = || Trouble { reason: "Completed".into(), message: "ended with exit code 0".into() };
        Ended { pod: p.name.clone(), trouble: p.trouble.clone().unwrap_or_else(well) }
    };
    last.map(|p| of(p)).or(before)
}

/// Whether the pod is to blame for its end: not one that was evicted, chosen to leave, or left alone
/// by its scheduler (workers exit with 0 when it goes).
fn failed_by_itself(pod: &PodRecord, scheduler: &SchedulerState) -> bool {
    if pod.disrupted || pod.mark.is_some() {
        return false;
    }
    match pod.phase {
        PodPhase::Failed => true,
        PodPhase::Succeeded => {
            let young = scheduler.known().is_some_and(|s| s.started > pod.created);
            let lived = pod.finished.map(|f| f.since(pod.created));
            !scheduler.is_gone() && !young && lived.is_none_or(|l| l < LASTS)
        }
        _ => false,
    }
}
