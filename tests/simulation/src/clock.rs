//! The time of a simulated world: tokio's paused clock, and what clocks of other machines make of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use dask_operator::env::Clock;
use dask_operator_core::model::time::Timestamp;
use tokio::time::Instant;

/// When all worlds begin.
const BEGIN: i64 = 1_800_000_000_000;

/// The world's clock. Copies share it; [`SimClock::another`] is a machine whose clock may be wrong.
#[derive(Clone, Debug)]
pub struct SimClock {
    begin: Instant,
    skew: Arc<AtomicI64>,
}

impl SimClock {
    /// A world that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { begin: Instant::now(), skew: Arc::default() }
    }

    /// The clock of another machine in the same world.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { begin: self.begin, skew: Arc::default() }
    }

    /// From now on this machine's clock is wrong by so many seconds.
    pub fn skew(&self, seconds: i64) {
        self.skew.store(seconds.saturating_mul(1000), Ordering::Relaxed);
    }

    /// Time since the world began.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// The API server's way to say it.
    pub fn jiff(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.now().0).unwrap_or_default()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let skew = self.skew.load(Ordering::Relaxed);
        Timestamp(BEGIN.saturating_add(skew)).plus(self.elapsed())
    }
}
