//! What this process remembers of a group. Losing it is safe: everything that matters is in the API.

mod removals;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

pub(crate) use removals::{Asked, Call, LOST_CALL, Refusal, Victim, Victims};

use crate::{
    model::{backoff::doubled, pod::PodRecord, time::Timestamp, uid::Uid, worker_address::WorkerAddress},
    plan::action::{NewPod, RetireCall, RetireStage},
    validation::{api_rejection::Rejections, stuck_pods::Explanation},
    worker_group::{crash_backoff::Ended, observation_times::Watched, termination_messages::Heard},
};

/// Most pods created at once for one group: enough to keep the API server busy, few enough that other
/// clusters get their turn between two batches.
pub const MAX_BATCH: usize = 64;
/// Longest wait after the API server refused a pod.
const MAX_REJECTED: Duration = Duration::from_secs(300);
/// Longest wait after creations that the API server did not answer.
const MAX_UNKNOWN: Duration = Duration::from_secs(30);
/// Wait after the first refused retirement; doubles with each.
const FIRST_REFUSAL: Duration = Duration::from_secs(2);
/// Longest wait after refused retirements.
const MAX_REFUSAL: Duration = Duration::from_secs(60);
/// Wait before asking again a scheduler that did not answer a retirement.
const UNANSWERED: Duration = Duration::from_secs(5);

/// What this process remembers of a group.
#[derive(Clone, Debug, Default)]
pub struct PlannerState {
    /// Numbers that are reserved and were never sent to the API server.
    pub(crate) fresh: Range<i64>,
    /// Numbers whose creation failed or was not answered: they come first, under the same names.
    pub(crate) again: BTreeSet<i64>,
    /// Numbers of pods that came and went before their creation was answered.
    used: BTreeSet<i64>,
    /// Pods whose creation was not answered, or not yet, by name.
    asked: BTreeMap<String, i64>,
    batch: usize,
    pub(crate) rejected: Option<Rejected>,
    /// Creations in a row that were not answered, and when to try again.
    pub(crate) unknown: Option<(u32, Timestamp)>,
    /// What was said of the last of them.
    pub(crate) unanswered_words: Option<String>,
    /// What the API server answered to our last writes, and how often in a row it refused them.
    pub rejections: Rejections,
    pub(crate) victims: BTreeMap<Uid, Victim>,
    pub(crate) refusals: BTreeMap<Uid, Refusal>,
    pub(crate) calls: BTreeMap<RetireStage, Call>,
    pub(crate) unanswered: BTreeMap<RetireStage, Timestamp>,
    /// When a call was answered last.
    last_answer: Option<Timestamp>,
    /// When a call ended without an answer last.
    last_silence: Option<Timestamp>,
    /// Marked pods that are not drained before the scheduler says whether it offers them.
    pub(crate) undecided: BTreeSet<Uid>,
    /// Pods whose marks were taken off because they need not leave any more, and when.
    pub(crate) spared: BTreeMap<Uid, Timestamp>,
    pub(crate) watched: Watched,
    pub(crate) heard: Heard,
    /// The last pod that ended by itself.
    pub(crate) last_end: Option<Ended>,
    /// What Kubernetes' events said of a pod.
    pub explained: Option<Explanation>,
}

/// How a creation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The pod exists, and is ours.
    Created,
    /// The API server refused it, with these words.
    Rejected(String),
    /// No answer: it may exist or not.
    Unknown,
    /// The API server, or a webhook that it asks, failed with these words: it may exist or not.
    Failed(String),
    /// Another owner has a pod of that name: the number cannot be used.
    Taken,
}

/// The API server refuses our pods.
#[derive(Clone, Debug)]
pub(crate) struct Rejected {
    /// The template that was refused.
    pub template: String,
    pub times: u32,
    pub until: Timestamp,
    pub message: String,
}

impl PlannerState {
    /// These numbers are ours now.
    pub fn reserved(&mut self, numbers: Range<i64>) {
        self.again.extend(self.fresh.clone());
        self.fresh = numbers;
    }

    /// How many numbers may be used.
    pub fn numbers(&self) -> usize {
        self.again.len() + usize::try_from(self.fresh.end - self.fresh.start).unwrap_or(0)
    }

    /// How many pods slow start allows now: 1, 2, 4 and so on while all goes well.
    pub fn batch(&self) -> usize {
        self.batch.clamp(1, MAX_BATCH)
    }

    /// Takes up to `n` numbers to create pods with; each comes back through [`PlannerState::created`].
    pub(crate) fn take(&mut self, n: usize) -> Vec<i64> {
        let mut out: Vec<i64> = self.again.iter().copied().take(n).collect();
        for number in &out {
            self.again.remove(number);
        }
        while out.len() < n && self.fresh.start < self.fresh.end {
            out.push(self.fresh.start);
            self.fresh.start += 1;
        }
        out
    }

    /// These are about to be created.
    pub(crate) fn asks(&mut self, pods: &[NewPod]) {
        self.asked.extend(pods.iter().map(|p| (p.name.clone(), p.number)));
    }

    /// A pod is gone. If it is one whose creation was never answered, it was created, and has had its name.
    pub fn gone(&mut self, name: &str) {
        if let Some(number) = self.asked.remove(name) {
            self.again.remove(&number);
            self.used.insert(number);
        }
    }

    /// A pod is gone, and its agent ended with these words.
    pub fn heard(&mut self, pod: &str, words: &str) {
        self.heard.add(pod, words);
    }

    /// A batch of creations ended like this, by number.
    pub fn created(&mut self, outcomes: &[(i64, CreateOutcome)], template: &str, now: Timestamp) {
        let (mut message, mut words) = (None, None);
        for (number, outcome) in outcomes {
            match outcome {
                CreateOutcome::Created | CreateOutcome::Taken => {}
                CreateOutcome::Rejected(m) => message = Some(m.clone()),
                CreateOutcome::Unknown | CreateOutcome::Failed(_) => {
                    if let CreateOutcome::Failed(said) = outcome {
                        words = Some(said.clone());
                    }
                    if !self.used.remove(number) {
                        self.again.insert(*number);
                    }
                    continue;
                }
            }
            self.asked.retain(|_, n| n != number);
            self.used.remove(number);
            if matches!(outcome, CreateOutcome::Rejected(_)) {
                self.again.insert(*number);
            }
        }
        let all_well = outcomes.iter().all(|(_, o)| *o == CreateOutcome::Created);
        self.batch = if all_well { (self.batch() * 2).min(MAX_BATCH) } else { 1 };
        if all_well {
            (self.rejected, self.unknown, self.unanswered_words) = (None, None, None);
        } else if message.is_none() {
            let times = self.unknown.map_or(1, |(n, _)| n.saturating_add(1));
            let until = now.plus(doubled(Duration::from_millis(500), times, MAX_UNKNOWN));
            self.unknown = Some((times, until));
            self.unanswered_words = words.or(self.unanswered_words.take());
        }
        if let Some(message) = message {
            let times = self.rejected.as_ref().map_or(1, |r| r.times.saturating_add(1));
            let until = now.plus(doubled(Duration::from_secs(1), times, MAX_REJECTED));
            self.rejected = Some(Rejected { template: template.into(), times, until, message });
        }
    }

    /// Remembers what Kubernetes' events say of a pod.
    pub fn explain(&mut self, explained: Option<Explanation>) {
        self.explained = explained;
    }

    /// Remembers that a call is under way.
    pub(crate) fn calling(&mut self, call: &RetireCall, victims: Victims, now: Timestamp) {
        let scheduler = call.scheduler.clone();
        self.calls.insert(call.stage, Call { scheduler, victims, started: now });
    }

    /// Whether this call of `retire_workers` is under way, as far as this process remembers.
    pub fn is_calling(&self, call: &RetireCall) -> bool {
        self.calls.get(&call.stage).is_some_and(|made| made.is(call))
    }

    /// A call of `retire_workers` ended: with the addresses that were accepted, or without an answer.
    pub fn retired(&mut self, call: &RetireCall, accepted: Option<&BTreeSet<WorkerAddress>>, now: Timestamp) {
        // Of another call, which was forgotten meanwhile: this one's answer is still to come.
        if !self.is_calling(call) {
            return;
        }
        let Some(made) = self.calls.remove(&call.stage) else { return };
        let Some(accepted) = accepted else {
            self.last_silence = Some(now);
            self.unanswered.insert(call.stage, now.plus(UNANSWERED));
            return;
        };
        self.last_answer = Some(now);
        self.unanswered.remove(&call.stage);
        for (uid, Asked { addresses, leaving }) in made.victims {
            let victim = self.victims.entry(uid.clone()).or_default();
            if addresses.is_subset(accepted) {
                self.refusals.remove(&uid);
                match call.stage {
                    RetireStage::Drain => {
                        victim.beats.clear();
                        victim.drained = addresses;
                        victim.drained_at = now;
                    }
                    RetireStage::Close => victim.closed = addresses,
                }
                continue;
            }
            // What was accepted once, even one process of several, cannot come back: the pod still goes.
            victim.stays = call.stage == RetireStage::Drain && !leaving && addresses.is_disjoint(accepted);
            victim.drained.clear();
            let times = self.refusals.get(&uid).map_or(1, |r| r.times.saturating_add(1));
            let until = now.plus(doubled(FIRST_REFUSAL, times, MAX_REFUSAL));
            self.refusals.insert(uid, Refusal { times, at: now, until });
        }
    }

    /// Until when this group's calls may have moved results to other workers of the cluster: until now while one is under
    /// way, or may yet be carried out because it was not answered.
    pub fn results_moved(&self, now: Timestamp) -> Option<Timestamp> {
        // What lies ahead was remembered before the clock was set back.
        let (answered, unanswered) =
            (self.last_answer.filter(|t| *t <= now), self.last_silence.filter(|t| *t <= now));
        let is_under_way = !self.calls.is_empty() || unanswered.is_some_and(|t| now.since(t) < LOST_CALL);
        if is_under_way { Some(now) } else { answered }
    }

    /// This pod need not leave any more: its mark comes off.
    pub(crate) fn let_stay(&mut self, uid: &Uid, now: Timestamp) {
        self.victims.entry(uid.clone()).or_default().stays = true;
        self.spared.insert(uid.clone(), now);
    }

    /// Whether a marked pod goes on as if it had never been chosen, or may.
    pub(crate) fn comes_back(&self, uid: &Uid) -> bool {
        self.undecided.contains(uid) || self.victims.get(uid).is_some_and(|v| v.stays)
    }

    /// UIDs of pods that were chosen to leave a moment ago, which the cache may not show yet.
    pub fn chosen(&self) -> impl Iterator<Item = &Uid> {
        self.watched.chosen()
    }

    /// When a pod's mark was last taken off by this process.
    pub(crate) fn called_back_at(&self, uid: &Uid) -> Option<Timestamp> {
        self.refused_at(uid).max(self.spared.get(uid).copied())
    }

    /// Whether the scheduler refused to let this pod go, and it is too early to ask again.
    pub(crate) fn is_refused(&self, uid: &Uid, now: Timestamp) -> bool {
        self.refusals.get(uid).is_some_and(|r| r.until > now)
    }

    /// When the scheduler last refused to let this pod go.
    pub(crate) fn refused_at(&self, uid: &Uid) -> Option<Timestamp> {
        self.refusals.get(uid).map(|r| r.at)
    }

    /// When the next refused pod may be asked for again.
    pub(crate) fn next_refusal(&self, now: Timestamp) -> Option<Duration> {
        self.refusals.values().filter(|r| r.until > now).map(|r| now.until(r.until)).min()
    }

    /// Drops what is remembered of pods that are gone.
    pub(crate) fn forget_all_but(&mut self, pods: &[&PodRecord]) {
        let uids: BTreeSet<&str> = pods.iter().map(|p| p.uid.as_str()).collect();
        self.victims.retain(|uid, _| uids.contains(uid.as_str()));
        self.refusals.retain(|uid, _| uids.contains(uid.as_str()));
        self.spared.retain(|uid, _| uids.contains(uid.as_str()));
    }
}
