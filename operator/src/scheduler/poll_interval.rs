//! How soon a scheduler is asked again: ever more seldom while its answers come to the same.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use dask_operator_core::{
    model::scheduler::{SchedulerState, Snapshot},
    plan::scheduler_need::{SchedulerNeed, WorkersNeed},
};
use tokio::time::Instant;

use super::FAST;

/// How often a scheduler is asked while only its idleness matters; as dask-kubernetes does.
const IDLE: Duration = Duration::from_secs(5);
/// The same while only its workers' agents matter, and the longest while others wait for it.
pub(crate) const SELDOM: Duration = Duration::from_secs(30);
/// The same for one that speaks TLS: only another pod speaks anything else.
pub(crate) const TLS: Duration = Duration::from_secs(600);

/// How long the answers of a scheduler have come to the same, and what the next pause is.
#[derive(Debug)]
pub(crate) struct Pace {
    pause: Duration,
    gist: u64,
    same_since: Instant,
}

impl Pace {
    pub fn new() -> Self {
        Self { pause: FAST, gist: 0, same_since: Instant::now() }
    }

    /// The pause after this answer. While others wait for a change: a tenth of the time for which there was
    /// none, and so often as `limit` at first.
    pub fn after(&mut self, state: &SchedulerState, need: SchedulerNeed, limit: Duration) -> Duration {
        let gist = gist(state);
        if gist != self.gist {
            (self.gist, self.same_since) = (gist, Instant::now());
        }
        let seldom = (self.same_since.elapsed() / 10).clamp(limit, SELDOM.max(limit));
        let has_answered = matches!(state, SchedulerState::Known(_));
        // Demand and idleness are clocks: they are read at their own pace, whatever else is asked.
        let most = match has_answered {
            true if need.target => limit,
            true if need.idle => seldom.min(limit.max(IDLE)),
            _ => seldom,
        };
        let workers = need.workers;
        self.pause = match state {
            SchedulerState::SpeaksTls => TLS,
            _ if !need.is_acted_on() => limit.max(SELDOM),
            _ if has_answered && need.target && workers < WorkersNeed::Offer => limit,
            _ if has_answered && need.idle && workers <= WorkersNeed::Agents => limit.max(IDLE),
            _ => self.pause.min(most),
        };
        self.pause
    }

    /// The pause is over: the next one is longer.
    pub fn waited(&mut self) {
        self.pause = self.pause.saturating_mul(2);
    }

    /// Something happened: the next pauses are short.
    pub fn hurry(&mut self) {
        self.pause = FAST;
        self.same_since = Instant::now();
    }
}

/// What of an answer decides who may leave. Clocks, and how much is computed meanwhile, do not count.
fn gist(state: &SchedulerState) -> u64 {
    let mut hash = DefaultHasher::new();
    std::mem::discriminant(state).hash(&mut hash);
    if let SchedulerState::Known(snapshot) = state {
        of_snapshot(snapshot, &mut hash);
    }
    hash.finish()
}

fn of_snapshot(snapshot: &Snapshot, hash: &mut DefaultHasher) {
    (&snapshot.id, snapshot.unanswered.is_some(), snapshot.workers.len()).hash(hash);
    for (address, worker) in &snapshot.workers {
        let executes = worker.leaving && worker.busy > 0;
        (address, worker.running, worker.leaving, executes).hash(hash);
        // Results come and go; what matters is how large they are.
        worker.bytes.checked_ilog2().hash(hash);
    }
    if let Some(offer) = &snapshot.offer {
        (&offer.addresses, offer.shuffle_blocks).hash(hash);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dask_operator_core::model::scheduler::{Offer, WorkerView};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);
    const SHRINK: SchedulerNeed = SchedulerNeed { workers: WorkersNeed::Offer, ..SchedulerNeed::NONE };

    fn known(worker: WorkerView) -> SchedulerState {
        let offer = Some(Offer::default());
        let workers = [("tcp://a:1".into(), worker)].into();
        SchedulerState::Known(Arc::new(Snapshot { id: "s".into(), workers, offer, ..Snapshot::default() }))
    }

    /// The pauses while the scheduler answers this for `minutes`.
    async fn pauses(pace: &mut Pace, state: &SchedulerState, minutes: u64) -> Vec<Duration> {
        let until = Instant::now() + Duration::from_secs(60 * minutes);
        let mut all = Vec::new();
        while Instant::now() < until {
            let pause = pace.after(state, SHRINK, LIMIT);
            all.push(pause);
            tokio::time::sleep(pause).await;
            pace.waited();
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_answer_is_asked_for_ever_more_seldom() {
        let mut pace = Pace::new();
        let state = known(WorkerView::default());
        let first = pauses(&mut pace, &state, 1).await;
        assert!(first.len() <= 24 && first[0] == FAST && first[3] == LIMIT, "{first:?}");
        let hour = pauses(&mut pace, &state, 60).await;
        assert!(hour.len() <= 145 && hour.last() == Some(&SELDOM), "{}", hour.len());
        // What the scheduler computes meanwhile is no change; that a worker is ready to go is.
        let busy = known(WorkerView { busy: 3, last_seen: 9.0, ..WorkerView::default() });
        assert_eq!(pace.after(&busy, SHRINK, LIMIT), SELDOM);
        let leaving = known(WorkerView { leaving: true, ..WorkerView::default() });
        assert_eq!(pace.after(&leaving, SHRINK, LIMIT), LIMIT);
        pace.hurry();
        assert_eq!(pace.after(&leaving, SHRINK, LIMIT), FAST);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_tls_are_asked_seldom_too() {
        let mut pace = Pace::new();
        let silent = SchedulerState::Unreachable { why: "x".into() };
        let first = pauses(&mut pace, &silent, 10).await;
        assert_eq!(first.last(), Some(&SELDOM));
        let scales = SchedulerNeed { target: true, ..SHRINK };
        assert_eq!(pace.after(&silent, scales, LIMIT), SELDOM);
        assert_eq!(pace.after(&known(WorkerView::default()), scales, LIMIT), LIMIT);
        assert_eq!(pace.after(&SchedulerState::SpeaksTls, SHRINK, LIMIT), TLS);
    }
}
