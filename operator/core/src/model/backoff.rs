//! How long to wait after failures in a row: the first wait, then twice as long each time, up to the longest.

use std::time::Duration;

/// The wait after so many failures in a row.
pub fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    let times = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(times).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_tried_again_after_the_first_wait() {
        let (first, longest) = (Duration::from_millis(250), Duration::from_secs(60));
        let waits = [1, 2, 3, 9, u32::MAX].map(|failures| doubled(first, failures, longest).as_millis());
        assert_eq!(waits, [250, 500, 1000, 60_000, 60_000]);
    }
}
