//! Since when a shrink that a person asked for waits (`status.shrinkingSince`).

use std::time::Duration;

use dask_crds::ConditionStatus;

use crate::{
    model::time::Timestamp,
    plan::conditions,
    worker_group::{PodCounts, findings::Findings, input::Input},
};

/// Since when a person waits. It begins anew when more is asked, and where the spec changed more than once since it was
/// looked at, so that more may have been asked in between. It does not run while an autoscaler decides or the scheduler is
/// silent.
pub(crate) fn read(input: &Input<'_>, counts: &PodCounts<'_>, found: &Findings) -> Option<Timestamp> {
    if !found.shrinking || input.autoscaled {
        return None;
    }
    let old = &input.group.status;
    let seen = old.observed_generation.unwrap_or_default();
    let has_seen_all = input.group.meta.generation.saturating_sub(seen) <= 1;
    let asked_before = has_seen_all
        && old.workers.is_some_and(|w| usize::try_from(w.desired).unwrap_or(0) <= counts.desired);
    let since = old.shrinking_since.as_deref().and_then(Timestamp::parse).filter(|_| asked_before);
    let since = since.map_or(input.now, |t| t.plus(silence_that_ended(input)));
    Some(since.min(input.now))
}

/// How long the scheduler was silent, when it answers for the first time again.
fn silence_that_ended(input: &Input<'_>) -> Duration {
    let conditions = &input.group.status.conditions;
    let silent = conditions.iter().find(|c| c.type_ == conditions::SCHEDULER_UNREACHABLE);
    let since = silent
        .filter(|c| c.status == ConditionStatus::True && input.scheduler.known().is_some())
        .and_then(|c| Timestamp::parse(&c.last_transition_time));
    since.map_or(Duration::ZERO, |t| input.now.since(t))
}
