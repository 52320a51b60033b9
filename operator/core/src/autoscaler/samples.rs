//! What one scheduler process said it would like, lately.

use std::{collections::VecDeque, time::Duration};

use crate::model::time::Timestamp;

/// Samples that must agree before anything shrinks.
pub const AGREEING: usize = 3;
/// Samples closer together than this count as one.
pub const SPACING: Duration = Duration::from_millis(1500);
/// Samples older than this say nothing about now, and those before a gap of that length nothing about those after it.
pub const STALE: Duration = Duration::from_secs(30);
/// The longest time for which samples are kept.
pub const LONGEST: Duration = Duration::from_secs(3_600);

/// The samples of one scheduler process, in worker processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    scheduler: String,
    newest: Option<(Timestamp, u32)>,
    since: Timestamp,
    /// When the last samples were taken that count, the oldest first.
    spaced: VecDeque<Timestamp>,
    /// Each sample that is more than all after it: the first of a time is the most of that time.
    falling: VecDeque<(Timestamp, u32)>,
}

impl Samples {
    /// Adds a sample; the same one twice counts once, and another scheduler's start anew.
    pub fn add(&mut self, scheduler: &str, at: Timestamp, wanted: u32) {
        // What has a time far ahead is of a clock that was wrong.
        let is_apart = |t: Timestamp| t.since(at) > STALE || at.since(t) > STALE;
        if self.scheduler != scheduler || self.newest.is_none_or(|(t, _)| is_apart(t)) {
            *self = Self { scheduler: scheduler.into(), since: at, ..Self::default() };
        }
        if self.newest.is_some_and(|(t, _)| t >= at) {
            return;
        }
        self.newest = Some((at, wanted));
        if self.spaced.back().is_none_or(|t| at.since(*t) >= SPACING) {
            self.spaced.push_back(at);
        }
        if self.spaced.len() > AGREEING {
            self.spaced.pop_front();
        }
        while self.falling.back().is_some_and(|(_, less)| *less <= wanted) {
            self.falling.pop_back();
        }
        self.falling.push_back((at, wanted));
        while self.falling.front().is_some_and(|(t, _)| at.since(*t) > LONGEST) {
            self.falling.pop_front();
        }
    }

    /// The scheduler did not answer: what it said before does not count any more.
    pub fn clear(&mut self) {
        *self = Self { scheduler: std::mem::take(&mut self.scheduler), ..Self::default() };
    }

    /// The newest sample and its time, if it is of now.
    pub fn newest(&self, now: Timestamp) -> Option<(Timestamp, u32)> {
        self.newest.filter(|(t, _)| now.since(*t) <= STALE && t.since(now) <= STALE)
    }

    /// The most that was wanted for so long, and in the last samples, if there are enough of them.
    pub fn agreed(&self, now: Timestamp, keep: Duration) -> Option<u32> {
        let (newest, _) = self.newest(now)?;
        let is_of_now = |first: &&Timestamp| now.since(**first) <= STALE;
        let first = self.spaced.front().filter(|_| self.spaced.len() == AGREEING).filter(is_of_now)?;
        let keep = keep.min(LONGEST);
        let is_within = |t: &Timestamp| newest.since(*t) <= keep || t >= first;
        let most = self.falling.iter().find(|(t, _)| is_within(t)).map(|(_, wanted)| *wanted);
        most.filter(|_| newest.since(self.since) >= keep)
    }
}
