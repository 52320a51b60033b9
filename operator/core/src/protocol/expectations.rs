//! Expectations: an object is not decided on until the cache shows our own last writes.
//!
//! A cache runs behind. Deciding on it right after a write would create a second pod for the one it
//! does not show yet. Each write leaves an expectation here, by name and UID; the cache's events
//! fulfil them. An expectation that is not fulfilled in [`LIMIT`] is dropped, so that a missed event
//! delays an object and never stops it. That time runs only while the watches that would fulfil it are in
//! sync: the cache of one that is not shows nothing new, however long it is waited for.

use std::{collections::BTreeMap, time::Duration};

use crate::model::{time::Timestamp, uid::Uid};

/// How long a cache is waited for: longer than it takes to notice that a watch has gone silent (two
/// minutes) and to list anew. Kubernetes' ReplicaSets wait five minutes.
pub const LIMIT: Duration = Duration::from_secs(180);

/// Writes of ours that the cache has not shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectations {
    waiting: BTreeMap<(String, Uid), (Expected, Timestamp)>,
}

/// What the cache will show of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It exists, at this resourceVersion or later.
    Version(String),
    /// It is gone, or has a deletionTimestamp.
    Deleted,
}

impl Expectations {
    /// Expect this of the object with this name and UID.
    pub fn expect(&mut self, name: &str, uid: &Uid, what: Expected, now: Timestamp) {
        self.waiting.insert((name.into(), uid.clone()), (what, now));
    }

    /// The cache shows the object like this.
    pub fn seen(&mut self, name: &str, uid: &Uid, resource_version: &str, deleting: bool) {
        let key = (name.to_string(), uid.clone());
        let done = match self.waiting.get(&key) {
            Some((Expected::Version(v), _)) => deleting || at_least(resource_version, v),
            Some((Expected::Deleted, _)) => deleting,
            None => false,
        };
        if done {
            self.waiting.remove(&key);
        }
    }

    /// The cache shows that the object is gone.
    pub fn gone(&mut self, name: &str, uid: &Uid) {
        self.waiting.remove(&(name.to_string(), uid.clone()));
    }

    /// The clock was set: what is expected is waited for from now on. The cache is no newer for it.
    pub fn restart(&mut self, now: Timestamp) {
        self.waiting.values_mut().for_each(|(_, since)| *since = now);
    }

    /// How long to wait before deciding: `None` when nothing is expected (any more). `in_sync` is for how long
    /// the watches that fulfil these expectations have been in sync without a break; zero: they are not.
    pub fn wait(&mut self, now: Timestamp, in_sync: Duration) -> Option<Duration> {
        let age = |since: Timestamp| now.since(since).max(since.since(now)).min(in_sync);
        self.waiting.retain(|_, (_, since)| age(*since) < LIMIT);
        self.waiting.values().map(|(_, since)| LIMIT.saturating_sub(now.since(*since).min(in_sync))).min()
    }
}

/// Whether a resourceVersion is this one or a later one. They are numbers in every API server that
/// counts as conformant; anything else counts as later, and the time limit bounds the error.
pub fn at_least(have: &str, want: &str) -> bool {
    match (have.parse::<u128>(), want.parse::<u128>()) {
        (Ok(have), Ok(want)) => have >= want,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The watches have always been in sync.
    const IN_SYNC: Duration = Duration::MAX;

    #[test]
    fn a_write_is_waited_for_until_the_cache_shows_it() {
        let mut e = Expectations::default();
        e.expect("a", &"1".into(), Expected::Version("10".into()), Timestamp(0));
        e.seen("a", &"1".into(), "9", false);
        assert!(e.wait(Timestamp(1), IN_SYNC).is_some());
        e.seen("a", &"2".into(), "11", false);
        assert!(e.wait(Timestamp(1), IN_SYNC).is_some(), "another object of that name fulfils nothing");
        e.seen("a", &"1".into(), "10", false);
        assert_eq!(e.wait(Timestamp(1), IN_SYNC), None);
    }

    #[test]
    fn a_deletion_is_fulfilled_by_its_timestamp_or_its_end() {
        let mut e = Expectations::default();
        e.expect("a", &"1".into(), Expected::Deleted, Timestamp(0));
        e.expect("b", &"2".into(), Expected::Deleted, Timestamp(0));
        e.seen("a", &"1".into(), "99", false);
        assert!(e.wait(Timestamp(1), IN_SYNC).is_some());
        e.seen("a", &"1".into(), "99", true);
        e.gone("b", &"2".into());
        assert_eq!(e.wait(Timestamp(1), IN_SYNC), None);
    }

    #[test]
    fn a_clock_that_is_set_fulfils_nothing() {
        let mut e = Expectations::default();
        e.expect("a", &"1".into(), Expected::Deleted, Timestamp(0));
        e.restart(Timestamp(3_600_000));
        assert_eq!(e.wait(Timestamp(3_600_000), IN_SYNC), Some(LIMIT));
    }

    #[test]
    fn no_expectation_outlives_its_limit() {
        let mut e = Expectations::default();
        e.expect("a", &"1".into(), Expected::Deleted, Timestamp(0));
        assert_eq!(e.wait(Timestamp(179_000), IN_SYNC), Some(Duration::from_secs(1)));
        assert_eq!(e.wait(Timestamp(180_000), IN_SYNC), None);
    }

    #[test]
    fn an_expectation_ages_only_while_its_watches_are_in_sync() {
        let mut e = Expectations::default();
        e.expect("a", &"1".into(), Expected::Version("10".into()), Timestamp(0));
        let hour = Timestamp(3_600_000);
        assert_eq!(e.wait(hour, Duration::ZERO), Some(LIMIT), "nothing could be shown");
        assert_eq!(e.wait(hour, Duration::from_secs(179)), Some(Duration::from_secs(1)));
        assert_eq!(e.wait(hour, LIMIT), None);
    }
}
