//! How long to wait after failures in a row: the first wait, then twice as long each time, up to the longest.

use std::time::Duration;

/// The wait after so many failures in a row, between the first and the longest.
pub(crate) fn after((first, longest): (Duration, Duration), failures: u32) -> Duration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(12)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_tried_again_after_the_first_wait() {
        let bounds = (Duration::from_millis(250), Duration::from_secs(60));
        let waits = [1, 2, 3, 9, u32::MAX].map(|failures| after(bounds, failures).as_millis());
        assert_eq!(waits, [250, 500, 1000, 60_000, 60_000]);
    }
}
