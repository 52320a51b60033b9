//! How soon a shrink that does not go on is looked at again: ever more seldom.

use std::time::Duration;

use dask_crds::ConditionStatus;

use crate::{
    model::time::Timestamp,
    plan::conditions::{SCALE_DOWN_BLOCKED, SCALE_DOWN_LIMITED},
    worker_group::{POLL, input::Input, scale_down::drain_timeout},
};

/// The longest that a shrink which waits is left alone, whatever it waits for.
const SELDOM: Duration = Duration::from_secs(30);

/// The longest that this group's shrink is left alone: two looks are within `drainTimeout`.
pub(crate) fn longest(input: &Input<'_>) -> Duration {
    SELDOM.min(drain_timeout::timeout(input) / 2)
}

/// A tenth of the time for which the same has kept the shrink from going on, at least a second. What changes
/// meanwhile is an event of a watch or of the scheduler's link, and is dealt with at once.
pub(crate) fn recheck_after(input: &Input<'_>) -> Duration {
    let waits = input.group.status.conditions.iter().filter(|c| {
        let is_limit = c.type_ == SCALE_DOWN_BLOCKED || c.type_ == SCALE_DOWN_LIMITED;
        is_limit && c.status == ConditionStatus::True
    });
    let since = waits.filter_map(|c| Timestamp::parse(&c.last_transition_time)).min();
    since.map_or(POLL, |since| (input.now.since(since) / 10).min(longest(input)).max(POLL))
}
