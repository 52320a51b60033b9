//! Whole numbers as fractions, and back.

/// A number of tasks, workers or runs.
#[expect(clippy::cast_precision_loss, reason = "far below what a fraction holds exactly")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
}

/// A number of bytes.
#[expect(clippy::cast_precision_loss, reason = "only the size matters")]
pub(crate) fn bytes(n: u64) -> f64 {
    n as f64
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "at most some days")]
pub(crate) fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

/// So many times this time, milliseconds.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "milliseconds of at most some days"
)]
pub(crate) fn scaled(milliseconds: u64, by: f64) -> u64 {
    (milliseconds as f64 * by).clamp(0.0, 1e12) as u64
}
