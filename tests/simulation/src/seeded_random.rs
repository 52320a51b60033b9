//! Chance that a seed determines.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

/// A source of decisions: the same seed makes the same ones.
#[derive(Clone, Debug)]
pub struct Chance(StdRng);

impl Chance {
    /// Chance from a seed; each `stream` of it is independent of the others, so that more use of one does not
    /// change what another decides.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ stream))
    }

    /// A number below `n`; 0 where `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// An index of a list with `n` entries.
    pub fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap_or(0)
    }

    /// True with probability `p`.
    pub fn flip(&mut self, p: f64) -> bool {
        p > 0.0 && self.0.random::<f64>() < p
    }

    /// A duration between the two, in milliseconds.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let (least, most) = (least.as_millis(), most.as_millis());
        let spread = u64::try_from(most.saturating_sub(least)).unwrap_or(0);
        Duration::from_millis(u64::try_from(least).unwrap_or(0) + self.below(spread + 1))
    }

    /// A number as a seed for something else.
    pub fn number(&mut self) -> u64 {
        self.0.random()
    }
}
