//! Waits that double up to a limit.

use std::time::Duration;

/// `first`, doubled with each further time, at most `max`.
pub(crate) fn doubled(first: Duration, times: u32, max: Duration) -> Duration {
    first.saturating_mul(1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX)).min(max)
}
