//! Removing workers: selection, headroom, the retirement steps, and what keeps them from going on.

pub(crate) mod blocked_reasons;
pub(crate) mod drain_timeout;
pub(crate) mod empty_pods;
pub(crate) mod headroom;
pub(crate) mod late_acceptance;
pub(crate) mod recheck_interval;
pub(crate) mod removal_phase;
pub(crate) mod retire;
pub(crate) mod select;
pub(crate) mod shrink;
pub(crate) mod shrinking_since;
pub(crate) mod shuffle_wait;
pub(crate) mod stale_marks;
pub(crate) mod through_agents;
