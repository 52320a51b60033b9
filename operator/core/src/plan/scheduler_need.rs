//! What a reconciler wants to know of the scheduler.

/// What a reconciler wants to know of the scheduler from now on. Each part can be asked for beside the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SchedulerNeed {
    /// What of its workers.
    pub workers: WorkersNeed,
    /// Also what size it would like.
    pub target: bool,
    /// Also what waits, and what it needs.
    pub demand: bool,
    /// Also whether it is idle, and since when.
    pub idle: bool,
}

/// What is to be known of the workers; each one includes those before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkersNeed {
    /// Nothing.
    #[default]
    None,
    /// What agents tell by way of their workers, which is seldom news, and nothing to act on.
    Agents,
    /// Who is registered.
    Registry,
    /// Who may leave.
    Offer,
}

impl SchedulerNeed {
    /// Nothing.
    pub const NONE: Self = Self { workers: WorkersNeed::None, target: false, demand: false, idle: false };
    /// What size it would like.
    pub const TARGET: Self =
        Self { workers: WorkersNeed::Registry, target: true, demand: false, idle: false };
    /// What waits; and what size it would like, where it does not tell.
    pub const DEMAND: Self = Self { demand: true, ..Self::TARGET };
    /// Whether it is idle.
    pub const IDLE: Self = Self { workers: WorkersNeed::Agents, target: false, demand: false, idle: true };

    /// Whether nothing is needed.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// All that either of them needs.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            workers: self.workers.max(other.workers),
            target: self.target || other.target,
            demand: self.demand || other.demand,
            idle: self.idle || other.idle,
        }
    }

    /// Whether a reconciler acts on what is read, so that it must not be old.
    pub fn is_acted_on(self) -> bool {
        self.workers > WorkersNeed::Agents || self.target || self.idle
    }

    /// Whether a reading tells what size the scheduler would like. One that tells who may leave does.
    pub fn reads_target(self) -> bool {
        self.target || self.workers == WorkersNeed::Offer
    }

    /// Whether a reading for `other` lacks something that one for this has.
    pub fn reads_more_than(self, other: Self) -> bool {
        let parts = |need: Self| (need.workers, need.reads_target(), need.demand, need.idle);
        parts(self) > parts(other)
    }
}

impl From<WorkersNeed> for SchedulerNeed {
    fn from(workers: WorkersNeed) -> Self {
        Self { workers, ..Self::NONE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_add_up() {
        let registry = SchedulerNeed::from(WorkersNeed::Registry);
        let both = SchedulerNeed::IDLE.and(registry);
        assert_eq!((both.workers, both.idle, both.target), (WorkersNeed::Registry, true, false));
        assert!(both.reads_more_than(registry) && both.reads_more_than(SchedulerNeed::IDLE));
        assert!(!SchedulerNeed::IDLE.and(WorkersNeed::Agents.into()).reads_more_than(SchedulerNeed::IDLE));
        let offer = SchedulerNeed::from(WorkersNeed::Offer);
        assert!(!offer.and(SchedulerNeed::TARGET).reads_more_than(offer), "an offer comes with the target");
    }

    #[test]
    fn only_what_agents_tell_may_be_old() {
        for need in [SchedulerNeed::TARGET, SchedulerNeed::IDLE, WorkersNeed::Registry.into()] {
            assert!(need.is_acted_on(), "{need:?}");
        }
        for need in [SchedulerNeed::NONE, WorkersNeed::Agents.into()] {
            assert!(!need.is_acted_on(), "{need:?}");
        }
    }
}
