//! What one scheduler process said it would like, lately.

use std::time::Duration;

use crate::model::time::Timestamp;

/// Samples that must agree before anything shrinks.
pub const AGREEING: usize = 3;
/// Samples closer together than this count as one: the largest of them.
pub const SPACING: Duration = Duration::from_millis(1500);
/// Samples older than this say nothing about now.
pub const STALE: Duration = Duration::from_secs(30);

/// The last samples of one scheduler process, in worker processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    scheduler: String,
    newest: Option<(Timestamp, u32)>,
    spaced: Vec<(Timestamp, u32)>,
}

impl Samples {
    /// Adds a sample; the same one twice counts once, and another scheduler's start anew.
    pub fn add(&mut self, scheduler: &str, at: Timestamp, wanted: u32) {
        // What has a time far ahead is of a clock that was wrong.
        let is_ahead = self.newest.is_some_and(|(t, _)| t.since(at) > STALE);
        if self.scheduler != scheduler || is_ahead {
            *self = Self { scheduler: scheduler.into(), ..Self::default() };
        }
        if self.newest.is_some_and(|(t, _)| t >= at) {
            return;
        }
        self.newest = Some((at, wanted));
        match self.spaced.last_mut().filter(|(t, _)| at.since(*t) < SPACING) {
            Some((_, most)) => *most = wanted.max(*most),
            None => self.spaced.push((at, wanted)),
        }
        let surplus = self.spaced.len().saturating_sub(AGREEING);
        self.spaced.drain(..surplus);
    }

    /// The scheduler did not answer: what it said before does not count any more.
    pub fn clear(&mut self) {
        (self.newest, self.spaced) = (None, Vec::new());
    }

    /// The newest sample, if it is of now.
    pub fn newest(&self, now: Timestamp) -> Option<u32> {
        self.newest.filter(|(t, _)| now.since(*t) <= STALE && t.since(now) <= STALE).map(|(_, w)| w)
    }

    /// The most that any of the last samples wanted, if there are enough of them.
    pub fn agreed(&self, now: Timestamp) -> Option<u32> {
        let fresh = self.spaced.iter().filter(|(t, _)| now.since(*t) <= STALE);
        (fresh.clone().count() >= AGREEING).then(|| fresh.map(|(_, w)| *w).max()).flatten()
    }
}
