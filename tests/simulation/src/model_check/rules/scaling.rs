//! Rules of the autoscaler: when the size may change, and how far.

use std::time::Duration;

use super::{Broken, hold};
use crate::model_check::{fixtures::MAXIMUM, world::World};

/// Readings that must agree before a group shrinks, and how far they are apart at least.
const AGREEING: (usize, Duration) = (3, Duration::from_millis(1500));
/// Readings older than this count for nothing.
const STALE: Duration = Duration::from_secs(30);

/// `within-bounds`, `agreeing-answers`, `one-reading-one-step`: whether the autoscaler may set this size now.
pub fn scales(world: &World, replicas: i32) -> Result<(), Broken> {
    let current = world.api.seen_group.spec.worker.replicas;
    hold((0..=MAXIMUM).contains(&replicas), "within-bounds", || {
        format!("the size is set to {replicas}, and at most {MAXIMUM} is allowed")
    })?;
    if replicas > current {
        return grows(world, replicas);
    }
    let target = world.reading.known().and_then(|s| s.target);
    hold(target.is_some(), "no-data-no-shrink", || {
        format!("from {current} to {replicas} without a demand to go by")
    })?;
    let agreeing = agreeing(world, replicas);
    hold(agreeing >= AGREEING.0, "agreeing-answers", || {
        format!("from {current} to {replicas}, and only {agreeing} readings of this scheduler agree")
    })
}

fn grows(world: &World, replicas: i32) -> Result<(), Broken> {
    let read = world.rules.samples.last().map(|(_, at, _)| *at);
    let is_new = world.rules.scaled_at.is_none_or(|changed| read.is_some_and(|read| read > changed));
    hold(is_new, "one-reading-one-step", || {
        format!("to {replicas} by a reading that began before the last change of size")
    })?;
    let last = world.rules.samples.last().map(|(_, _, t)| i32::try_from(*t).unwrap_or(i32::MAX).min(MAXIMUM));
    hold(last == Some(replicas), "size-as-decided", || {
        format!("the size is set to {replicas}, and the last demand was {last:?}")
    })
}

/// How many of the last readings want no more than this, counted back from the newest.
fn agreeing(world: &World, replicas: i32) -> usize {
    let mut count = 0;
    let mut next = None;
    for (_, at, target) in world.rules.samples.iter().rev() {
        if next.is_some_and(|t| at.since(t) > Duration::ZERO) {
            continue;
        }
        if world.now.since(*at) > STALE || i32::try_from(*target).is_ok_and(|t| t.min(MAXIMUM) > replicas) {
            break;
        }
        count += 1;
        next = Some(dask_operator_core::model::time::Timestamp(
            at.0 - i64::try_from(AGREEING.1.as_millis()).unwrap_or_default(),
        ));
        if count == AGREEING.0 {
            break;
        }
    }
    count
}
