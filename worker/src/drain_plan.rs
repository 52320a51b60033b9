//! How this pod's workers leave: drained first, closed when nothing runs on them any more. Decisions only; time and
//! what was seen come in as values.

mod ending;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub use ending::Ending;

/// Wait after a refusal, before the scheduler is asked again, while another worker could take something.
const REFUSED: Duration = Duration::from_secs(1);
/// The same while no other worker takes tasks: only a new one changes the answer, and that is seen at once.
const REFUSED_ALONE: Duration = Duration::from_secs(5);
/// Heartbeats after which a worker's numbers are surely of a time after it was drained.
const BEATS: u32 = 2;
/// How long a P2P operation of which a worker is part holds up its drain. Nothing tells a container how long it really
/// has: a node that is reclaimed gives 30 s or less, and what can move takes most of them.
const HOLD_UP: Duration = Duration::from_secs(10);
/// For how long a scheduler whose conversation broke must be unreachable before it counts as gone.
const GONE: Duration = Duration::from_secs(10);

/// One of this pod's workers, as its scheduler knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodWorker {
    /// Its address.
    pub address: String,
    /// Whether it gets no more tasks.
    pub leaving: bool,
    /// Whether a task runs on it.
    pub busy: bool,
    /// Whether it has results.
    pub holds: bool,
    /// Its last heartbeat, seconds since the epoch.
    pub last_seen: f64,
}

/// What the scheduler tells at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The scheduler's id.
    pub scheduler: String,
    /// This pod's workers.
    pub mine: Vec<PodWorker>,
    /// Other workers that take tasks, and so results.
    pub recipients: usize,
    /// Whether a P2P operation is on its way that restarts when one of this pod's workers goes.
    pub takes_part: bool,
}

/// What is known of the conversation with the scheduler, after it could not be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// There was a conversation, since this process began.
    pub talked: bool,
    /// The last one was ended by the other side, or by the network.
    pub broken: bool,
    /// The last try reached something that takes connections and keeps them: busy, not gone.
    pub reaches: bool,
    /// The scheduler told a worker of this pod that it closes.
    pub said_goodbye: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Look again a little later.
    Wait,
    /// Retire these without closing them: their results move, and they finish what they run.
    Drain(Vec<String>),
    /// Retire these for good.
    Close(Vec<String>),
    /// It is over.
    End(Ending),
}

/// A worker that was drained: its last heartbeat, and how many came since.
#[derive(Clone, Copy, Debug)]
struct Drained {
    last_seen: f64,
    beats: u32,
}

/// Workers that leave.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// When they must be gone, since the beginning.
    deadline: Duration,
    drained: BTreeMap<String, Drained>,
    seen: Option<Seen>,
    contact: Contact,
    asked_to_close: bool,
    refused_at: Option<Duration>,
    /// Since when nothing takes connections where the scheduler should be.
    silent_since: Option<Duration>,
}

impl Leaving {
    /// They have so long.
    pub fn within(deadline: Duration, contact: Contact) -> Self {
        Self {
            deadline,
            drained: BTreeMap::new(),
            seen: None,
            contact,
            asked_to_close: false,
            refused_at: None,
            silent_since: None,
        }
    }

    /// How it ended if the time is over now.
    pub fn out_of_time(&self) -> Ending {
        match &self.seen {
            None if !self.contact.talked => Ending::NeverReached,
            // A result that came after the others had moved may still be here.
            Some(_) if self.undrained().is_empty() && !self.asked_to_close => Ending::Busy,
            _ => Ending::OutOfTime,
        }
    }

    /// Whether a P2P operation of which the workers are part may still delay the drain: nothing is drained yet, and neither
    /// [`HOLD_UP`] nor half of the time is over.
    pub fn may_be_held_up(&self, now: Duration) -> bool {
        self.drained.is_empty() && now < HOLD_UP.min(self.deadline / 2)
    }

    /// What to do now that this is seen.
    pub fn next(&mut self, now: Duration, seen: Seen) -> Step {
        // The one that knew these workers, and all results, is gone.
        if self.seen.as_ref().is_some_and(|before| before.scheduler != seen.scheduler) {
            return Step::End(self.lost());
        }
        let (nothing, takes_part, recipients) = (seen.mine.is_empty(), seen.takes_part, seen.recipients);
        self.note(seen);
        if nothing {
            let is_first = self.drained.is_empty() && !self.asked_to_close;
            return Step::End(if is_first { Ending::NoWorker } else { Ending::Left });
        }
        if now >= self.deadline {
            return Step::End(self.out_of_time());
        }
        let pause = if recipients > 0 { REFUSED } else { REFUSED_ALONE };
        let is_refused = self.refused_at.is_some_and(|at| now < at + pause);
        if is_refused || (takes_part && self.may_be_held_up(now)) {
            return Step::Wait;
        }
        let undrained = self.undrained();
        if !undrained.is_empty() {
            return Step::Drain(undrained);
        }
        let is_idle =
            |m: &PodWorker| !m.busy && self.drained.get(&m.address).is_some_and(|p| p.beats >= BEATS);
        if self.mine().iter().all(is_idle) {
            self.asked_to_close = true;
            return Step::Close(self.mine().iter().map(|m| m.address.clone()).collect());
        }
        Step::Wait
    }

    /// What to do now that the scheduler could not be asked.
    pub fn unanswered(&mut self, now: Duration, contact: Contact) -> Step {
        self.contact = contact;
        if contact.reaches {
            self.silent_since = None;
            return Step::Wait;
        }
        let silent = now.saturating_sub(*self.silent_since.get_or_insert(now));
        // It may be busy, or behind a name that does not resolve, as long as the conversation did not break.
        match contact {
            Contact { talked: true, broken: true, said_goodbye: true, .. } => Step::End(self.lost()),
            Contact { talked: true, broken: true, .. } if silent >= GONE => Step::End(self.lost()),
            Contact { talked: false, .. } if silent >= GONE.min(self.deadline / 2) => {
                Step::End(Ending::NeverReached)
            }
            _ => Step::Wait,
        }
    }

    /// The scheduler is gone. What was seen last tells whether anything is lost by that.
    fn lost(&self) -> Ending {
        let is_empty = |m: &PodWorker| !m.busy && !m.holds && self.drained.contains_key(&m.address);
        let nothing_held = self.seen.as_ref().is_some_and(|s| s.mine.iter().all(is_empty));
        if nothing_held { Ending::NothingHeld } else { Ending::SchedulerLost }
    }

    fn mine(&self) -> &[PodWorker] {
        self.seen.as_ref().map_or(&[], |s| &s.mine)
    }

    fn undrained(&self) -> Vec<String> {
        let undrained = self.mine().iter().filter(|m| !self.drained.contains_key(&m.address));
        undrained.map(|m| m.address.clone()).collect()
    }

    fn note(&mut self, seen: Seen) {
        for worker in &seen.mine {
            // A worker that is back in service is drained anew, whatever brought it back.
            if !worker.leaving {
                self.drained.remove(&worker.address);
            } else if let Some(p) = self.drained.get_mut(&worker.address)
                && worker.last_seen > p.last_seen
            {
                *p = Drained { last_seen: worker.last_seen, beats: p.beats + 1 };
            }
        }
        self.silent_since = None;
        self.seen = Some(seen);
    }

    /// The scheduler was asked to drain `asked`, and accepted these.
    pub fn drained(&mut self, now: Duration, asked: &[String], accepted: &BTreeSet<String>) {
        let mine = self.seen.iter_mut().flat_map(|s| &mut s.mine);
        for worker in mine.filter(|m| accepted.contains(&m.address)) {
            worker.leaving = true;
            let beat = Drained { last_seen: worker.last_seen, beats: 0 };
            self.drained.insert(worker.address.clone(), beat);
        }
        self.answered(now, asked, accepted);
    }

    /// The scheduler was asked to let `asked` go, and accepted these.
    pub fn closed(&mut self, now: Duration, asked: &[String], accepted: &BTreeSet<String>) {
        self.answered(now, asked, accepted);
    }

    /// A refusal says that a worker holds something unique, or an actor: it is asked again as long as there is time,
    /// because the operator makes a worker that can take it.
    fn answered(&mut self, now: Duration, asked: &[String], accepted: &BTreeSet<String>) {
        let is_refused = !asked.iter().all(|a| accepted.contains(a));
        self.refused_at = is_refused.then_some(now);
    }
}

#[cfg(test)]
mod tests;
