//! How this pod's workers leave: prepared first, closed when nothing runs on them any more. Decisions only; time and
//! what was seen come in as values.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

/// For how long everybody must be leaving before nobody is waited for any more.
const ALONE: Duration = Duration::from_secs(1);
/// Wait after a refusal, before the scheduler is asked again.
const REFUSED: Duration = Duration::from_secs(1);
/// Heartbeats after which a worker's numbers are surely of a time after it was prepared.
const BEATS: u32 = 2;

/// One of this pod's workers, as its scheduler knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mine {
    /// Its address.
    pub address: String,
    /// Whether it gets no more tasks.
    pub leaving: bool,
    /// Whether a task runs on it.
    pub busy: bool,
    /// Its last heartbeat, seconds since the epoch.
    pub last_seen: f64,
}

/// What the scheduler tells at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// This pod's workers.
    pub mine: Vec<Mine>,
    /// Other workers.
    pub peers: usize,
    /// Those of them that leave.
    pub peers_leaving: usize,
    /// Whether a P2P operation is on its way, which losing a worker restarts.
    pub p2p: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Look again a little later.
    Wait,
    /// Retire these without closing them: their results move, and they finish what they run.
    Prepare(Vec<String>),
    /// Retire these for good.
    Close(Vec<String>),
    /// It is over.
    End(Ending),
}

/// How leaving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// No worker of this pod was registered.
    NoWorker,
    /// The workers left; their results are elsewhere.
    Left,
    /// The scheduler is gone, and what it knew with it.
    SchedulerLost,
    /// All workers leave: there is nobody to take anything.
    NobodyElse,
    /// The time was over before the scheduler let the workers go: results may be lost.
    Refused,
    /// The time was over while tasks ran: they run again elsewhere; the results are elsewhere.
    Busy,
    /// Somebody asked for a quick end.
    Hurried,
    /// The scheduler cannot be asked (by this program).
    CannotAsk,
}

impl Ending {
    /// Exit code of a pod whose workers were not let go in order: `EX_TEMPFAIL` of sysexits.h.
    const NOT_IN_ORDER: i32 = 75;

    /// The exit code for it; `None`: the worker's own.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::NoWorker | Self::Left | Self::SchedulerLost | Self::CannotAsk => None,
            _ => Some(Self::NOT_IN_ORDER),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWorker => "no worker of this pod was registered",
            Self::Left => "the workers left; their results are elsewhere",
            Self::SchedulerLost => "the scheduler is gone",
            Self::NobodyElse => "all workers leave, so that nobody could take the results",
            Self::Refused => {
                "the time was over before the scheduler let the workers go; results may be lost; raise terminationGracePeriodSeconds"
            }
            Self::Busy => {
                "the time was over while tasks ran, which run again elsewhere; raise terminationGracePeriodSeconds"
            }
            Self::Hurried => "a second signal asked for a quick end; results may be lost",
            Self::CannotAsk => "the scheduler cannot be asked; the worker ends as without the agent",
        })
    }
}

/// A worker that was prepared: its last heartbeat, and how many came since.
#[derive(Clone, Copy, Debug)]
struct Prepared {
    last_seen: f64,
    beats: u32,
}

/// Workers that leave.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// When they must be gone, since the beginning.
    deadline: Duration,
    prepared: BTreeMap<String, Prepared>,
    seen: Seen,
    asked_to_close: bool,
    alone_since: Option<Duration>,
    not_before: Duration,
}

impl Leaving {
    /// They have so long.
    pub fn within(deadline: Duration) -> Self {
        Self {
            deadline,
            prepared: BTreeMap::new(),
            seen: Seen::default(),
            asked_to_close: false,
            alone_since: None,
            not_before: Duration::ZERO,
        }
    }

    /// How it ended if the time is over now.
    pub fn out_of_time(&self) -> Ending {
        if self.is_prepared() { Ending::Busy } else { Ending::Refused }
    }

    /// When it must be over.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    fn is_prepared(&self) -> bool {
        !self.seen.mine.is_empty() && self.seen.mine.iter().all(|m| self.prepared.contains_key(&m.address))
    }

    /// What to do now that this is seen.
    pub fn next(&mut self, now: Duration, seen: Seen) -> Step {
        self.note(now, seen);
        if self.seen.mine.is_empty() {
            let is_first = self.prepared.is_empty() && !self.asked_to_close;
            return Step::End(if is_first { Ending::NoWorker } else { Ending::Left });
        }
        if self.alone_since.is_some_and(|since| now.saturating_sub(since) >= ALONE) {
            return Step::End(Ending::NobodyElse);
        }
        if now >= self.deadline {
            return Step::End(self.out_of_time());
        }
        let is_held_up = self.seen.p2p && self.prepared.is_empty() && now < self.deadline / 2;
        if now < self.not_before || is_held_up {
            return Step::Wait;
        }
        let unprepared = self.addresses(|m| !self.prepared.contains_key(&m.address));
        if !unprepared.is_empty() {
            return Step::Prepare(unprepared);
        }
        let is_idle = |m: &Mine| !m.busy && self.prepared.get(&m.address).is_some_and(|p| p.beats >= BEATS);
        if self.seen.mine.iter().all(is_idle) {
            self.asked_to_close = true;
            return Step::Close(self.addresses(|_| true));
        }
        Step::Wait
    }

    fn note(&mut self, now: Duration, seen: Seen) {
        for worker in &seen.mine {
            // One that is back in service, whoever did that, is prepared anew.
            if !worker.leaving {
                self.prepared.remove(&worker.address);
            } else if let Some(p) = self.prepared.get_mut(&worker.address)
                && worker.last_seen > p.last_seen
            {
                *p = Prepared { last_seen: worker.last_seen, beats: p.beats + 1 };
            }
        }
        let all_leave = seen.peers_leaving == seen.peers;
        if !all_leave {
            self.alone_since = None;
        } else if seen.peers > 0 {
            self.alone_since.get_or_insert(now);
        }
        self.seen = seen;
    }

    fn addresses(&self, which: impl Fn(&Mine) -> bool) -> Vec<String> {
        self.seen.mine.iter().filter(|m| which(m)).map(|m| m.address.clone()).collect()
    }

    /// The scheduler was asked to prepare `asked`, and accepted these.
    pub fn prepared(&mut self, now: Duration, asked: &[String], accepted: &BTreeSet<String>) {
        for worker in self.seen.mine.iter_mut().filter(|m| accepted.contains(&m.address)) {
            worker.leaving = true;
            let beat = Prepared { last_seen: worker.last_seen, beats: 0 };
            self.prepared.insert(worker.address.clone(), beat);
        }
        self.pause(now, asked, accepted);
    }

    /// The scheduler was asked to let `asked` go, and accepted these.
    pub fn closed(&mut self, now: Duration, asked: &[String], accepted: &BTreeSet<String>) {
        self.pause(now, asked, accepted);
    }

    fn pause(&mut self, now: Duration, asked: &[String], accepted: &BTreeSet<String>) {
        if !asked.iter().all(|a| accepted.contains(a)) {
            self.not_before = now + REFUSED;
        }
    }
}

#[cfg(test)]
mod tests;
