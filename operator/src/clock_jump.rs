//! A clock that is set: what was remembered in its old time would be waited for in the wrong one.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use dask_operator_core::model::time::Timestamp;
use tokio::time::Instant;

/// The wall clock and the monotonic one may drift apart by this much between two looks: NTP slews, and does not set.
const DRIFT: Duration = Duration::from_secs(5);

/// Notices when the wall clock is set.
#[derive(Debug, Default)]
pub struct Jumps(Mutex<Option<(Timestamp, Instant)>>);

impl Jumps {
    /// The time by the wall clock at the last look, and by the monotonic one since: a clock that is set changes nothing
    /// before that is noticed, and what was remembered in its old time is forgotten.
    pub fn steady(&self) -> Option<Timestamp> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|(wall, monotonic)| wall.plus(monotonic.elapsed()))
    }

    /// Whether the clock was set since the last look.
    pub fn jumped(&self, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace((now, Instant::now()));
        before.is_some_and(|(wall, monotonic)| {
            let expected = wall.plus(monotonic.elapsed());
            expected.since(now).max(now.since(expected)) > DRIFT
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_that_passes_is_no_jump() {
        let (jumps, begin) = (Jumps::default(), Timestamp(1_000_000));
        assert!(!jumps.jumped(begin));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(!jumps.jumped(begin.plus(Duration::from_secs(3601))));
        assert!(jumps.jumped(begin), "set back");
        assert!(!jumps.jumped(begin), "once");
        assert!(jumps.jumped(begin.plus(Duration::from_secs(60))), "set forward");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(jumps.steady(), Some(begin.plus(Duration::from_secs(61))));
    }
}
