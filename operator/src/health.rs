//! Whether the operator's own loops turn, and what it waits for before it is ready.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often a loop must report at least.
pub const BEAT: Duration = Duration::from_secs(5);
/// A loop that has not reported for this long is stuck.
pub const STUCK: Duration = Duration::from_secs(60);

/// Whether the operator's own loops turn, and what it waits for before it is ready.
#[derive(Debug, Default)]
pub struct Health {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    beats: BTreeMap<String, Instant>,
    missing: BTreeSet<String>,
    started: bool,
}

impl Health {
    /// The loop with this name turns.
    pub fn heartbeat(&self, name: &str) {
        self.lock().beats.insert(name.into(), Instant::now());
    }

    /// The loop with this name has nothing to do for now.
    pub fn idle(&self, name: &str) {
        self.lock().beats.remove(name);
    }

    /// Not ready until [`Health::has`] is called with the same words.
    pub fn not_ready(&self, what: &str) {
        let mut inner = self.lock();
        inner.started = true;
        inner.missing.insert(what.into());
    }

    /// What was lacking is there.
    pub fn ready(&self, what: &str) {
        self.lock().missing.remove(what);
    }

    /// Names of loops that are stuck.
    pub fn stuck(&self) -> Vec<String> {
        let inner = self.lock();
        inner.beats.iter().filter(|(_, t)| t.elapsed() > STUCK).map(|(n, _)| n.clone()).collect()
    }

    /// What is missing before the operator is ready.
    pub fn missing(&self) -> Vec<String> {
        let inner = self.lock();
        if inner.started { inner.missing.iter().cloned().collect() } else { vec!["it starts".into()] }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_stops_reporting_is_stuck() {
        let health = Health::default();
        health.heartbeat("watch pods");
        tokio::time::advance(STUCK).await;
        assert!(health.stuck().is_empty());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(health.stuck(), ["watch pods"]);
        health.heartbeat("watch pods");
        assert!(health.stuck().is_empty());
    }

    #[test]
    fn ready_when_nothing_is_missing() {
        let health = Health::default();
        assert_eq!(health.missing().len(), 1);
        health.not_ready("pods");
        assert_eq!(health.missing(), ["pods"]);
        health.ready("pods");
        assert!(health.missing().is_empty());
    }
}
