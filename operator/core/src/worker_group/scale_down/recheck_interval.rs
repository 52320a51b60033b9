//! How soon a shrink that does not go on is looked at again: ever more seldom.

use std::time::Duration;

use dask_crds::ConditionStatus;

use crate::{
    model::time::Timestamp,
    plan::conditions::{SCALE_DOWN_BLOCKED, SCALE_DOWN_LIMITED},
    worker_group::{POLL, input::Input},
};

/// A tenth of the time for which the same has kept the shrink from going on, at least a second. What changes
/// meanwhile is an event of a watch or of the scheduler's link, and is dealt with at once.
pub(crate) fn recheck_after(input: &Input<'_>) -> Duration {
    let waits = input.group.status.conditions.iter().filter(|c| {
        let is_limit = c.type_ == SCALE_DOWN_BLOCKED || c.type_ == SCALE_DOWN_LIMITED;
        is_limit && c.status == ConditionStatus::True
    });
    let since = waits.filter_map(|c| Timestamp::parse(&c.last_transition_time)).min();
    since.map_or(POLL, |since| (input.now.since(since) / 10).min(input.longest_pause()).max(POLL))
}
