//! Leader election by a Lease that several operators read and write: client-go's protocol.
//!
//! A holder that renews is left alone. One whose record did not change for the lease's duration *as seen by our own
//! monotonic clock* has lost it: clocks of different machines are never compared. A Lease does not keep two from
//! leading for a moment; preconditions on every write do.

use std::time::Duration;

use crate::model::time::Timestamp;

/// How long a record must stay unchanged before another process may take the lease (client-go's default).
pub const DURATION: Duration = Duration::from_secs(15);
/// How long after its last renewal a leader still leads; less than [`DURATION`], so that it stops first.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How often the lease is looked at and renewed.
pub const RETRY: Duration = Duration::from_secs(2);

/// What a Lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// `spec.holderIdentity`; empty when it was given up.
    pub holder: String,
    /// `spec.leaseDurationSeconds` of the holder.
    pub duration: Duration,
    /// `spec.leaseTransitions`.
    pub transitions: i64,
    /// `metadata.resourceVersion`: it changes with every renewal.
    pub version: String,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is no Lease: create it.
    Create,
    /// Write our name into it, if it is still at this version.
    Take {
        /// The version that was seen.
        version: String,
        /// The new number of transitions.
        transitions: i64,
    },
    /// Another process leads.
    Wait,
}

/// One candidate's view. All times are those of one monotonic clock.
#[derive(Clone, Debug, Default)]
pub struct Election {
    me: String,
    seen: Option<(Record, Timestamp)>,
    renewed: Option<Timestamp>,
}

impl Election {
    /// A candidate; no two may have the same name.
    pub fn new(me: &str) -> Self {
        Self { me: me.into(), ..Self::default() }
    }

    /// The Lease was read like this.
    pub fn observe(&mut self, record: Option<Record>, now: Timestamp) {
        match record {
            Some(record) if self.seen.as_ref().is_some_and(|(r, _)| *r == record) => {}
            Some(record) => self.seen = Some((record, now)),
            None => self.seen = None,
        }
    }

    /// What to do.
    pub fn step(&self, now: Timestamp) -> Step {
        let Some((record, since)) = &self.seen else { return Step::Create };
        let take = |transitions| Step::Take { version: record.version.clone(), transitions };
        if record.holder == self.me {
            return take(record.transitions);
        }
        let is_over = now.since(*since) >= DURATION.max(record.duration);
        if record.holder.is_empty() || is_over {
            take(record.transitions.saturating_add(1))
        } else {
            Step::Wait
        }
    }

    /// A write that was begun at `begun` succeeded: the Lease is ours, and says this.
    pub fn renewed(&mut self, record: Record, begun: Timestamp) {
        self.seen = Some((record, begun));
        self.renewed = Some(begun);
    }

    /// The Lease was given up.
    pub fn released(&mut self) {
        self.renewed = None;
    }

    /// Until when we lead, if we do.
    pub fn leads_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.renewed?.plus(RENEW_DEADLINE);
        let lost = self.seen.as_ref().is_none_or(|(r, _)| r.holder != self.me);
        (now < until && !lost).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp(0).plus(Duration::from_secs(seconds))
    }

    fn record(holder: &str, version: u64) -> Record {
        Record { holder: holder.into(), duration: DURATION, transitions: 3, version: version.to_string() }
    }

    #[test]
    fn the_first_one_creates_and_leads_for_as_long_as_it_renews() {
        let mut a = Election::new("a");
        a.observe(None, at(0));
        assert_eq!(a.step(at(0)), Step::Create);
        a.renewed(record("a", 1), at(0));
        assert_eq!(a.leads_until(at(9)), Some(at(10)));
        assert_eq!(a.leads_until(at(10)), None, "it stops before another process may begin");
        assert!(matches!(a.step(at(11)), Step::Take { transitions: 3, .. }), "and may go on if none did");
    }

    #[test]
    fn who_renews_is_left_alone_and_who_does_not_is_replaced() {
        let mut b = Election::new("b");
        for t in 0..40 {
            b.observe(Some(record("a", t / 2)), at(t));
            assert_eq!(b.step(at(t)), Step::Wait);
        }
        b.observe(Some(record("a", 19)), at(53));
        assert_eq!(b.step(at(52)), Step::Wait);
        assert_eq!(b.step(at(53)), Step::Take { version: "19".into(), transitions: 4 });
    }

    #[test]
    fn a_longer_lease_of_another_is_respected_and_a_released_one_taken_at_once() {
        let mut b = Election::new("b");
        b.observe(Some(Record { duration: Duration::from_secs(60), ..record("a", 1) }), at(0));
        assert_eq!(b.step(at(59)), Step::Wait);
        b.observe(Some(record("", 2)), at(1));
        assert!(matches!(b.step(at(1)), Step::Take { transitions: 4, .. }));
    }

    #[test]
    fn seeing_another_holder_ends_it_at_once() {
        let mut a = Election::new("a");
        a.renewed(record("a", 1), at(0));
        a.observe(Some(record("b", 2)), at(1));
        assert_eq!(a.leads_until(at(1)), None);
        let mut gone = Election::new("a");
        gone.renewed(record("a", 1), at(0));
        gone.released();
        assert_eq!(gone.leads_until(at(0)), None);
    }

    #[test]
    fn a_clock_that_begins_late_waits_the_whole_duration() {
        let mut b = Election::new("b");
        b.observe(Some(record("a", 1)), at(1_000));
        assert_eq!(b.step(at(1_014)), Step::Wait, "how old the record is says nothing");
    }
}
