//! The one place where sizes are chosen: from samples, bounds and time to the pods of all groups of a cluster.
//!
//! Sizes are chosen together, from one reading. What groups have is kept: a decision adds what is missing or takes away
//! what is too much, and never moves workers from one group to another. What is missing goes to the oldest group with
//! room, then to the next; what is too much goes from the youngest, in whole pods, so that what stays is never less than
//! what is wanted. Growing follows the newest sample at once. Shrinking waits until several samples of one scheduler
//! agree, because a single one may read 0 right after work was submitted. Both go in steps; steps down and the
//! cooldown are those of dask-kubernetes.

use std::time::Duration;

use super::samples::Samples;
use crate::model::time::Timestamp;

/// Time after a change in which nothing is changed again, in any group of the cluster.
pub const COOLDOWN: Duration = Duration::from_secs(15);
/// A shrink takes away at most one in this many of a group, but at least one.
pub const STEP_DOWN: i32 = 4;
/// A decision adds at most as many pods as the cluster's groups have together, as Kubernetes' HorizontalPodAutoscaler
/// does (100 % in 15 s), but at least this many: as many as are created at the same time for one group. So a few dozen
/// workers come at once, a thousand within a minute and a half, and one wrong answer makes a bounded number of pods.
pub const STEP_UP: i32 = 32;

/// Fewest and most pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fewest.
    pub minimum: i32,
    /// Most.
    pub maximum: i32,
}

/// A group whose size is to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Pods that it has or will have.
    pub size: i32,
    /// What it may have.
    pub limits: Limits,
    /// Worker processes in one of its pods; at least 1.
    pub processes: u32,
    /// Pods for work that no other of the groups can do. They come beside the cooldown, and stay as long as there is such
    /// work.
    pub reserved: i32,
}

/// What is wanted, and what there is beside the groups whose sizes are chosen.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// What the scheduler said it would like.
    pub samples: &'a Samples,
    /// Pods of the cluster's other groups.
    pub other_pods: i32,
    /// Worker processes of the cluster's other groups.
    pub other_processes: u64,
    /// When the size of each of the groups was last changed.
    pub last_changes: &'a [Timestamp],
}

/// Worker processes of the cluster, if its groups have these sizes.
pub fn supply(pools: &[Pool], sizes: &[i32], demand: &Demand<'_>) -> u64 {
    let of_one =
        |(pool, size): (&Pool, &i32)| u64::try_from(*size).unwrap_or(0) * u64::from(pool.processes.max(1));
    pools.iter().zip(sizes).map(of_one).fold(demand.other_processes, u64::saturating_add)
}

/// The sizes that the groups should have now, in the order of `pools`: the oldest group first.
pub fn next_sizes(pools: &[Pool], demand: &Demand<'_>, now: Timestamp) -> Vec<i32> {
    let current: Vec<i32> = pools.iter().map(|p| p.size.max(p.fewest())).collect();
    // What a wrong clock wrote down as far in the future is not waited for.
    if demand.last_changes.iter().any(|t| now.since(*t) < COOLDOWN && t.since(now) < COOLDOWN) {
        return current;
    }
    let grown = demand.samples.newest(now).map(|wanted| grow(pools, &current, wanted, demand));
    match (grown, demand.samples.agreed(now)) {
        (Some(grown), _) if grown != current => grown,
        (_, Some(agreed)) => shrink(pools, &current, agreed, demand),
        _ => current,
    }
}

/// Adds what is missing: to the oldest group as far as it may grow, then to the next.
fn grow(pools: &[Pool], current: &[i32], wanted: u32, demand: &Demand<'_>) -> Vec<i32> {
    let mut missing = u64::from(wanted).saturating_sub(supply(pools, current, demand));
    let before: Vec<i32> = pools.iter().map(|p| p.size.max(p.limits.minimum)).collect();
    let pods = before.iter().fold(demand.other_pods, |sum, size| sum.saturating_add(*size));
    let reserved = current.iter().zip(&before).map(|(now, before)| now.saturating_sub(*before));
    // What is reserved is a part of the step.
    let mut step = pods.max(STEP_UP).saturating_sub(reserved.fold(0, i32::saturating_add)).max(0);
    let one = |(pool, size): (&Pool, &i32)| {
        let processes = u64::from(pool.processes.max(1));
        let pods = i32::try_from(missing.div_ceil(processes)).unwrap_or(i32::MAX);
        let more = pods.min(step).min(pool.most().saturating_sub(*size)).max(0);
        missing = missing.saturating_sub(u64::try_from(more).unwrap_or(0) * processes);
        step -= more;
        size.saturating_add(more)
    };
    pools.iter().zip(current).map(one).collect()
}

/// Takes away what is too much: from the youngest group as far as it may shrink, then from the one before, and from
/// each only a step of the way.
fn shrink(pools: &[Pool], current: &[i32], agreed: u32, demand: &Demand<'_>) -> Vec<i32> {
    let mut goals: Vec<i32> = pools.iter().zip(current).map(|(p, size)| (*size).min(p.most())).collect();
    let mut surplus = supply(pools, &goals, demand).saturating_sub(u64::from(agreed));
    for (pool, goal) in pools.iter().zip(&mut goals).rev() {
        let processes = u64::from(pool.processes.max(1));
        let pods = i32::try_from(surplus / processes).unwrap_or(i32::MAX);
        let fewer = pods.min(goal.saturating_sub(pool.fewest())).max(0);
        surplus -= u64::try_from(fewer).unwrap_or(0) * processes;
        *goal -= fewer;
    }
    let step = |size: i32| size - (size / STEP_DOWN).max(1);
    goals
        .iter()
        .zip(current)
        .map(|(goal, size)| if goal < size { step(*size).max(*goal) } else { *size })
        .collect()
}

impl Pool {
    /// The fewest pods that it may have now. What is reserved comes in the same steps as other growth.
    fn fewest(&self) -> i32 {
        let step = self.size.saturating_add(self.size.max(STEP_UP));
        self.limits.minimum.max(self.reserved.min(self.most()).min(step))
    }

    /// The most pods that it may have; a minimum counts for more than a maximum.
    fn most(&self) -> i32 {
        self.limits.maximum.max(self.limits.minimum)
    }
}

#[cfg(test)]
mod tests;
