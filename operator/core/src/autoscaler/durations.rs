//! How long tasks take, by prefix: Dask's own averages, made steady.
//!
//! Dask's average of a prefix (`TaskPrefix.duration_average`) is half the last task's, and is forgotten when one task runs for
//! longer than twice as long; `adaptive_target` then takes twice the longest that was ever seen. Where durations are
//! spread, that makes ten times as much work of it, from one answer to the next.

use std::collections::BTreeMap;

use crate::model::{
    demand::{Demand, Work},
    time::Timestamp,
};

/// How long it takes until an average is a new one, for the most part (63 %).
const STEADY: f64 = 30.0;
/// While Dask has forgotten an average, the last one is believed to double in so many seconds.
const DOUBLING: f64 = 2.0;
/// Most prefixes that are remembered; the scheduler tells of no more than 192 at a time.
const MOST: usize = 512;

/// What was learned of one scheduler process, by prefix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations {
    scheduler: String,
    at: Timestamp,
    known: BTreeMap<String, Learned>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Learned {
    seconds: f64,
    /// When Dask told it last.
    told: Timestamp,
}

impl Durations {
    /// Takes note of a reading; the same one twice counts once.
    pub fn observe(&mut self, scheduler: &str, at: Timestamp, demand: &Demand) {
        if self.scheduler != scheduler || self.at > at {
            *self = Self { scheduler: scheduler.into(), ..Self::default() };
        }
        let since = at.since(std::mem::replace(&mut self.at, at)).as_secs_f64();
        let weight = 1.0 - (-since / STEADY).exp();
        for work in &demand.work {
            let Some(seconds) = work.seconds.filter(|s| s.is_finite() && *s >= 0.0) else { continue };
            if self.known.len() >= MOST && !self.known.contains_key(&work.prefix) {
                self.known.clear();
            }
            let learned = self.known.entry(work.prefix.clone()).or_insert(Learned { seconds, told: at });
            learned.seconds += weight * (seconds - learned.seconds);
            learned.told = at;
        }
    }

    /// How long one of these takes, seconds; `None` if nothing is known.
    pub fn of(&self, work: &Work) -> Option<f64> {
        let shown = work.longest.map(|l| 2.0 * l);
        let Some(learned) = self.known.get(&work.prefix) else { return work.seconds.or(shown) };
        if work.seconds.is_some() {
            return Some(learned.seconds);
        }
        let doubled = learned.seconds * (self.at.since(learned.told).as_secs_f64() / DOUBLING).exp2();
        Some(doubled.min(shown.unwrap_or(f64::INFINITY)).max(learned.seconds))
    }
}

#[cfg(test)]
mod tests;
