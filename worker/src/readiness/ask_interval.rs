//! When the scheduler is asked whether a worker is registered. Decisions only; time comes in as a value.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    time::Duration,
};

/// Between two questions about a worker that was registered: 1,000 workers together ask 10 times a second at most.
pub const STEADY: Duration = Duration::from_secs(110);
/// Between the first two questions about a worker that listens, and was not registered yet; longer and longer afterwards.
const FIRST: Duration = Duration::from_millis(250);
/// Longest wait after a question that was not answered: there is nothing to be spared.
const UNANSWERED: Duration = Duration::from_secs(5);
/// Shortest time between two questions for something that the pod's own processes do: tasks may open ports, too.
const CHANGED: Duration = Duration::from_secs(10);

/// When the next question is due.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Part of [`STEADY`] after which this worker is asked for first, so that those that began together do not ask together.
    phase: f64,
    listeners: BTreeSet<SocketAddr>,
    was_registered: bool,
    /// Questions in vain, since it began to listen.
    vain: u32,
    wait: Duration,
    last: Option<Duration>,
    next: Duration,
}

impl Pace {
    /// At the beginning.
    pub fn new(phase: f64) -> Self {
        Self {
            phase,
            listeners: BTreeSet::new(),
            was_registered: false,
            vain: 0,
            wait: FIRST,
            last: None,
            next: Duration::ZERO,
        }
    }

    /// Whether the worker that listens was registered already.
    pub fn was_registered(&self) -> bool {
        self.was_registered
    }

    /// Questions in vain, since it began to listen.
    pub fn vain(&self) -> u32 {
        self.vain
    }

    /// Whether to ask now, when processes listen there, and the conversation has `broken` or not.
    pub fn is_due(&mut self, now: Duration, listeners: &BTreeSet<SocketAddr>, broken: bool) -> bool {
        if *listeners != self.listeners || (broken && self.was_registered) {
            // A worker that was started anew, or one that is no more.
            self.listeners.clone_from(listeners);
            (self.was_registered, self.vain, self.wait) = (false, 0, FIRST);
            self.next = self.last.map_or(now, |last| last + CHANGED).max(now).min(self.next.max(now));
        }
        now >= self.next
    }

    /// The answer came, and the worker is registered and takes tasks, or not: it may be paused, or leaving.
    pub fn answered(&mut self, now: Duration, takes_tasks: bool) {
        self.last = Some(now);
        if takes_tasks || self.was_registered {
            let part = if self.was_registered { 1.0 } else { self.phase };
            (self.was_registered, self.vain) = (true, 0);
            self.next = now + STEADY.mul_f64(part);
        } else {
            self.vain += 1;
            self.next = now + self.wait;
            self.wait = (self.wait * 3 / 2).min(STEADY);
        }
    }

    /// No answer came.
    pub fn unanswered(&mut self, now: Duration) {
        self.last = Some(now);
        self.next = now + self.wait.min(UNANSWERED);
        self.wait = (self.wait * 2).min(UNANSWERED);
    }
}

/// A part of [`STEADY`], another one in each process.
pub fn phase() -> f64 {
    let random = RandomState::new().hash_one(std::process::id());
    0.1 + 0.9 * (f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(port: u16) -> BTreeSet<SocketAddr> {
        [SocketAddr::from(([0, 0, 0, 0], port))].into()
    }

    /// Seconds, of `seconds` many, in which `paces` ask, when they are asked 4 times a second; each answer is `takes_tasks`.
    fn asked(paces: &mut [Pace], seconds: u64, takes_tasks: bool) -> Vec<u64> {
        let mut asked = vec![0; usize::try_from(seconds).unwrap()];
        for quarter in 0..4 * seconds {
            let now = Duration::from_millis(250 * quarter);
            for pace in &mut *paces {
                if pace.is_due(now, &listeners(1), false) {
                    asked[usize::try_from(quarter / 4).unwrap()] += 1;
                    pace.answered(now, takes_tasks);
                }
            }
        }
        asked
    }

    fn thousand() -> Vec<Pace> {
        (0..1000).map(|n| Pace::new(0.1 + 0.9 * f64::from(n) / 1000.0)).collect()
    }

    #[test]
    fn a_thousand_workers_that_began_together_cost_ten_questions_a_second() {
        let asked = asked(&mut thousand(), 1000, true);
        assert_eq!(asked[0], 1000, "each is found at once");
        assert!(asked[1..].iter().all(|n| *n <= 11), "{asked:?}");
        assert!(asked[1..].iter().sum::<u64>() <= 10 * 1000);
    }

    #[test]
    fn paused_workers_are_not_asked_for_more_often() {
        let mut paces = thousand();
        asked(&mut paces, 1, true);
        let asked = asked(&mut paces, 1000, false);
        assert!(asked.iter().all(|n| *n <= 11), "{asked:?}");
    }

    #[test]
    fn workers_that_do_not_register_are_asked_for_ever_more_seldom() {
        let asked = asked(&mut [Pace::new(1.0)], 3600, false);
        assert!(asked[..3].iter().sum::<u64>() >= 4, "often at first");
        assert!(asked[1000..].iter().sum::<u64>() <= 25, "{asked:?}");
    }

    #[test]
    fn another_worker_is_found_soon_and_ports_of_tasks_do_not_cost_much() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::new(1.0);
        assert!(pace.is_due(seconds(0), &listeners(1), false));
        pace.answered(seconds(0), true);
        assert!(!pace.is_due(seconds(5), &listeners(1), false));
        assert!(!pace.is_due(seconds(6), &listeners(2), false), "it was asked just before");
        assert!(pace.is_due(seconds(10), &listeners(2), false));
        pace.answered(seconds(10), false);
        assert!(pace.is_due(seconds(11), &listeners(2), false), "often, until it is registered");
        pace.answered(seconds(11), true);
        let asked = (12..112).filter(|n| {
            let due = pace.is_due(seconds(*n), &listeners(u16::try_from(*n).unwrap()), false);
            if due {
                pace.answered(seconds(*n), true);
            }
            due
        });
        assert!(asked.count() <= 10);
    }

    #[test]
    fn a_scheduler_that_is_gone_is_looked_for() {
        let mut pace = Pace::new(1.0);
        assert!(pace.is_due(Duration::ZERO, &listeners(1), false));
        pace.answered(Duration::ZERO, true);
        let now = Duration::from_secs(20);
        assert!(pace.is_due(now, &listeners(1), true));
        pace.unanswered(now);
        assert!(pace.is_due(now + UNANSWERED, &listeners(1), true));
    }
}
