//! The one place where a size is chosen: from samples, bounds and time to a number of pods.
//!
//! Growing follows the newest sample at once. Shrinking waits until several samples of one scheduler
//! agree, because a single one may read 0 right after work was submitted, and goes in steps. Steps and
//! cooldown are those of dask-kubernetes.

use std::time::Duration;

use crate::time::Timestamp;

/// Samples that must agree before a group shrinks.
pub const AGREEING: usize = 3;
/// Time after a change in which nothing is changed again.
pub const COOLDOWN: Duration = Duration::from_secs(15);
/// A shrink takes away at most one in this many, but at least one.
pub const STEP_DOWN: i32 = 4;
/// Samples closer together than this count as one: the largest of them.
pub const SPACING: Duration = Duration::from_millis(1500);
/// Samples older than this say nothing about now.
pub const STALE: Duration = Duration::from_secs(30);

/// Fewest and most pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fewest.
    pub minimum: i32,
    /// Most.
    pub maximum: i32,
}

/// The last samples of one scheduler process, in pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    scheduler: String,
    newest: Option<(Timestamp, i32)>,
    spaced: Vec<(Timestamp, i32)>,
}

impl Samples {
    /// Adds a sample; the same one twice counts once, and another scheduler's start anew.
    pub fn add(&mut self, scheduler: &str, at: Timestamp, wanted: i32) {
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

    fn newest(&self, now: Timestamp) -> Option<i32> {
        self.newest.filter(|(t, _)| now.since(*t) <= STALE && t.since(now) <= STALE).map(|(_, w)| w)
    }

    /// The most that any of the last samples wanted, if there are enough of them.
    fn agreed(&self, now: Timestamp) -> Option<i32> {
        let fresh = self.spaced.iter().filter(|(t, _)| now.since(*t) <= STALE);
        (fresh.clone().count() >= AGREEING).then(|| fresh.map(|(_, w)| *w).max()).flatten()
    }
}

/// Pods of one group that a scheduler's target means: less what other groups have, in pods.
pub fn pods_wanted(target: u32, elsewhere: u32, processes_per_pod: u32) -> i32 {
    let pods = target.saturating_sub(elsewhere).div_ceil(processes_per_pod.max(1));
    i32::try_from(pods).unwrap_or(i32::MAX)
}

/// The size the group should have now.
pub fn next_size(
    current: i32,
    samples: &Samples,
    limits: Limits,
    last_change: Option<Timestamp>,
    now: Timestamp,
) -> i32 {
    let clamp = |n: i32| n.clamp(limits.minimum, limits.maximum.max(limits.minimum));
    if current < limits.minimum {
        return limits.minimum;
    }
    // What a wrong clock wrote down as far in the future is not waited for.
    if last_change.is_some_and(|t| now.since(t) < COOLDOWN && t.since(now) < COOLDOWN) {
        return current;
    }
    match (samples.newest(now).map(clamp), samples.agreed(now).map(clamp)) {
        (Some(wanted), _) if wanted > current => wanted,
        (Some(_), Some(agreed)) if agreed < current => agreed.max(current - (current / STEP_DOWN).max(1)),
        _ => current,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { minimum: 0, maximum: 10 };
    const NOW: Timestamp = Timestamp(100_000);

    fn samples(wanted: &[i32]) -> Samples {
        let mut s = Samples::default();
        for (i, w) in wanted.iter().enumerate() {
            s.add("id", Timestamp(90_000 + 1_500 * i64::try_from(i).unwrap()), *w);
        }
        s
    }

    #[test]
    fn growing_is_at_once_and_bounded() {
        assert_eq!(next_size(0, &samples(&[4]), LIMITS, None, NOW), 4);
        assert_eq!(next_size(2, &samples(&[99]), LIMITS, None, NOW), 10);
    }

    #[test]
    fn one_zero_removes_nobody() {
        assert_eq!(next_size(8, &samples(&[0]), LIMITS, None, NOW), 8);
        assert_eq!(next_size(8, &samples(&[8, 0, 0]), LIMITS, None, NOW), 8);
    }

    #[test]
    fn shrinking_takes_a_quarter_at_least_one() {
        assert_eq!(next_size(8, &samples(&[0, 0, 0]), LIMITS, None, NOW), 6);
        assert_eq!(next_size(1, &samples(&[0, 0, 0]), LIMITS, None, NOW), 0);
        assert_eq!(next_size(8, &samples(&[0, 7, 0]), LIMITS, None, NOW), 7);
    }

    #[test]
    fn samples_in_quick_succession_count_as_one() {
        let mut s = Samples::default();
        for i in 0..20 {
            s.add("id", Timestamp(99_000 + i), 0);
        }
        assert_eq!(next_size(8, &s, LIMITS, None, NOW), 8);
    }

    #[test]
    fn a_new_scheduler_must_agree_with_itself() {
        let mut s = samples(&[0, 0, 0]);
        s.add("other", Timestamp(99_000), 0);
        assert_eq!(next_size(8, &s, LIMITS, None, NOW), 8);
    }

    #[test]
    fn nothing_changes_while_it_cools_down() {
        let just = Some(Timestamp(NOW.0 - 14_000));
        assert_eq!(next_size(2, &samples(&[9]), LIMITS, just, NOW), 2);
        assert_eq!(next_size(2, &samples(&[9]), LIMITS, Some(Timestamp(NOW.0 - 15_000)), NOW), 9);
        assert_eq!(next_size(2, &samples(&[9]), LIMITS, Some(Timestamp(NOW.0 + 3_600_000)), NOW), 9);
    }

    #[test]
    fn bounds_hold_without_samples() {
        let none = Samples::default();
        let limits = Limits { minimum: 3, maximum: 10 };
        assert_eq!(next_size(1, &none, limits, None, NOW), 3);
        assert_eq!(next_size(20, &none, limits, None, NOW), 20, "no data, no shrink");
    }

    #[test]
    fn old_samples_say_nothing() {
        let later = Timestamp(NOW.0 + 60_000);
        assert_eq!(next_size(8, &samples(&[0, 0, 0]), LIMITS, None, later), 8);
        assert_eq!(next_size(2, &samples(&[9]), LIMITS, None, later), 2);
    }

    #[test]
    fn a_sample_of_a_clock_that_was_ahead_does_not_outlast_it() {
        let mut s = Samples::default();
        s.add("id", Timestamp(NOW.0 + 3_600_000), 9);
        assert_eq!(next_size(2, &s, LIMITS, None, NOW), 2);
        for i in 0..3 {
            s.add("id", Timestamp(90_000 + 1_500 * i), 1);
        }
        assert_eq!(next_size(2, &s, LIMITS, None, NOW), 1);
    }

    #[test]
    fn processes_are_counted_in_pods() {
        assert_eq!(pods_wanted(7, 0, 2), 4);
        assert_eq!(pods_wanted(7, 5, 1), 2);
        assert_eq!(pods_wanted(3, 5, 0), 0);
    }

    proptest! {
        #[test]
        fn the_size_stays_in_bounds_or_moves_towards_them(
            current in 0..200_i32, wanted in proptest::collection::vec(0..200_i32, 0..6),
            minimum in 0..50_i32, extra in 0..50_i32,
        ) {
            let limits = Limits { minimum, maximum: minimum + extra };
            let next = next_size(current, &samples(&wanted), limits, None, NOW);
            prop_assert!(next >= limits.minimum.min(current));
            prop_assert!(next <= limits.maximum.max(current));
            prop_assert!(next >= current || wanted.len() >= AGREEING, "no data, no shrink");
        }
    }
}
