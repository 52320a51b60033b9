//! What this process has itself watched, and for how long. Times that were written down may come from another clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    model::{pod::PodRecord, scheduler::SchedulerState, time::Timestamp, uid::Uid},
    plan::action::Action,
    worker_group::input::Input,
};

/// A scheduler's absence is believed after this long: the cache may run behind, and workers of a new scheduler
/// register within a second of its start.
const GONE: Duration = Duration::from_secs(5);
/// For how long a better reading is hoped for before it is done without.
const HOPE: Duration = Duration::from_secs(10);
/// Marks that no watch has shown for this long were not written.
const UNSEEN: Duration = Duration::from_secs(60);

/// What this process has itself watched of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    /// When this process first looked at the group.
    since: Option<Timestamp>,
    /// How long a person has waited for a shrink while the scheduler answered, and when that was looked at last.
    shrink: Option<(Duration, Timestamp)>,
    /// Since when there is no scheduler.
    gone: Option<Timestamp>,
    /// Since when the nodes of these pods are about to go, by the pods' UIDs.
    threatened: BTreeMap<Uid, Timestamp>,
    /// Since when a reading is waited for that tells more.
    hope: Option<Timestamp>,
    /// Pods that were chosen to leave, by UID, and when; until a watch shows their marks.
    chosen: BTreeMap<Uid, Timestamp>,
}

impl Watched {
    /// Before a decision: time has passed.
    pub fn begin(&mut self, input: &Input<'_>) {
        let now = input.now;
        self.since.get_or_insert(now);
        if let Some((so_far, last)) = &mut self.shrink {
            if input.scheduler.known().is_some() || matches!(input.scheduler, SchedulerState::SpeaksTls) {
                // A process that was suspended has watched nothing meanwhile, and what its first look asks for
                // needs time.
                *so_far = so_far.saturating_add(now.since(*last).min(input.longest_pause()));
            }
            *last = now;
        }
        let gone = self.gone.map_or(now, |t| t.min(now));
        self.gone = input.scheduler.is_gone().then_some(gone);
        let threatened: BTreeSet<&str> =
            input.pods.iter().filter(|p| input.is_threatened(p)).map(|p| p.uid.as_str()).collect();
        self.threatened.retain(|uid, _| threatened.contains(uid.as_str()));
        for uid in threatened {
            self.threatened.entry(uid.into()).or_insert(now);
        }
        let is_unseen = |uid: &Uid| input.pods.iter().any(|p| p.uid == *uid && p.mark.is_none());
        self.chosen.retain(|uid, at| now.since(*at) < UNSEEN && is_unseen(uid));
    }

    /// After a decision, which did this. `shrinks`: a person waits for a shrink.
    pub fn end(&mut self, shrinks: bool, actions: &[Action], now: Timestamp) {
        self.shrink = if shrinks { self.shrink.or(Some((Duration::ZERO, now))) } else { None };
        for action in actions {
            if let Action::MarkPods { pods, .. } = action {
                self.chosen.extend(pods.iter().map(|p| (p.uid.clone(), now)));
            }
        }
    }

    /// When this process first looked at the group.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// How long a person has waited for a shrink.
    pub fn patience(&self) -> Duration {
        self.shrink.map_or(Duration::ZERO, |(d, _)| d)
    }

    /// Whether there has been no scheduler for so long that what its workers held is lost.
    pub fn is_without_scheduler(&self, now: Timestamp) -> bool {
        self.gone.is_some_and(|t| now.since(t) >= GONE)
    }

    /// How long the pod's node has been about to go.
    pub fn threatened(&self, pod: &PodRecord, now: Timestamp) -> Duration {
        self.threatened.get(&pod.uid).map_or(Duration::ZERO, |t| now.since(*t))
    }

    /// Whether to wait for a reading that tells more, `if_any` may come; not for ever.
    pub fn awaits_better_reading(&mut self, if_any: bool, now: Timestamp) -> bool {
        if !if_any {
            self.hope = None;
            return false;
        }
        now.since(*self.hope.get_or_insert(now)) < HOPE
    }

    /// UIDs of pods that were chosen to leave, and whose marks no watch has shown yet.
    pub fn chosen(&self) -> impl Iterator<Item = &Uid> {
        self.chosen.keys()
    }
}
