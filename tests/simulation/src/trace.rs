//! What happened, in words: compared between two runs of a seed, and read by whoever has to understand a failure.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::clock::SimClock;

/// The story of a run.
#[derive(Clone, Debug)]
pub struct Trace {
    clock: SimClock,
    lines: Arc<Mutex<String>>,
}

impl Trace {
    /// An empty story, told in the time of this clock.
    pub fn new(clock: &SimClock) -> Self {
        Self { clock: clock.clone(), lines: Arc::default() }
    }

    /// Adds a line.
    pub fn say(&self, who: &str, what: std::fmt::Arguments<'_>) {
        let at = self.clock.elapsed();
        let mut lines = self.lock();
        // Writing to a String does not fail.
        let _ = writeln!(lines, "{:>5}.{:03} {who:<10} {what}", at.as_secs(), at.subsec_millis());
    }

    /// All of it.
    pub fn text(&self) -> String {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
