//! The one place where sizes are chosen: from samples, bounds and time to the pods of all groups of a cluster.
//!
//! Sizes are chosen together, from one reading. What groups have is kept: a decision adds what is missing or takes away
//! what is too much, and never moves workers from one group to another. What is missing goes to the first group with
//! room, then to the next; what is too much goes from the last, in whole pods, so that what stays is never less than
//! what is wanted. Growing follows the newest sample at once, in steps. Shrinking follows the most that was wanted lately:
//! a single sample may read 0 right after work was submitted, and a worker that is idle for a moment is cheaper than
//! another one's start.

use std::time::Duration;

use super::samples::Samples;
use crate::model::time::Timestamp;

/// A decision adds at most as many pods as the cluster's groups have together, as Kubernetes' HorizontalPodAutoscaler
/// does (100 % at a time), but at least this many: as many as are created at the same time for one group. Each needs a
/// reading that is younger than the last change. So a few dozen workers come at once, a thousand within six readings, and
/// one wrong answer makes a bounded number of pods.
pub const STEP_UP: i32 = 32;
/// Times in status have whole seconds: what is read earlier than this after a change may be older than the change.
const ROUNDED: Duration = Duration::from_secs(1);
/// A change this far in the future was written down by a clock that was wrong, and is not waited for.
const AHEAD: Duration = Duration::from_secs(15);

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
    /// Pods for work that no other of the groups can do. They stay as long as there is such work.
    pub reserved: i32,
    /// Pods among them that do not come. Others take over as far as they may; then these go.
    pub missing: i32,
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
    /// Worker processes that are registered, in all groups.
    pub registered: u64,
    /// When the size of each of the groups was last changed.
    pub last_changes: &'a [Timestamp],
    /// How long a worker stays that is not wanted any more.
    pub keep: Duration,
}

/// Worker processes of the cluster, if its groups have these sizes; of pods that do not come, there are none.
pub fn supply(pools: &[Pool], sizes: &[i32], demand: &Demand<'_>) -> u64 {
    let of_one = |(pool, size): (&Pool, &i32)| pool.processes_of(pool.coming(*size));
    pools.iter().zip(sizes).map(of_one).fold(demand.other_processes, u64::saturating_add)
}

/// The sizes that the groups should have now, in the order of `pools`: the group first that grows first.
pub fn next_sizes(pools: &[Pool], demand: &Demand<'_>, now: Timestamp) -> Vec<i32> {
    let is_newer = |at: Timestamp| {
        let waits = |change: &Timestamp| at.since(*change) < ROUNDED && change.since(now) < AHEAD;
        !demand.last_changes.iter().any(waits)
    };
    let newest = demand.samples.newest(now).filter(|(at, _)| is_newer(*at)).map(|(_, wanted)| wanted);
    let current: Vec<i32> = pools
        .iter()
        .map(|p| p.size.max(if newest.is_some() { p.fewest() } else { p.limits.minimum }))
        .collect();
    let grown = newest.map(|wanted| grow(pools, &current, wanted, demand));
    match (grown, demand.samples.agreed(now, demand.keep)) {
        (Some(grown), _) if grown != current => grown,
        (_, Some(agreed)) => shrink(pools, &current, agreed, demand),
        _ => current,
    }
}

/// Adds what is missing: to the first group as far as it may grow, then to the next; and last to groups whose pods do not
/// come, where all of theirs count.
fn grow(pools: &[Pool], current: &[i32], wanted: u32, demand: &Demand<'_>) -> Vec<i32> {
    let mut sizes = current.to_vec();
    let before: Vec<i32> = pools.iter().map(|p| p.size.max(p.limits.minimum)).collect();
    let pods = before.iter().fold(demand.other_pods, |sum, size| sum.saturating_add(*size));
    let reserved = current.iter().zip(&before).map(|(now, before)| now.saturating_sub(*before));
    // What is reserved is a part of the step.
    let mut step = pods.max(STEP_UP).saturating_sub(reserved.fold(0, i32::saturating_add)).max(0);
    for is_failing in [false, true] {
        let counted: Vec<Pool> =
            pools.iter().map(|p| Pool { missing: if is_failing { 0 } else { p.missing }, ..*p }).collect();
        let mut missing = u64::from(wanted).saturating_sub(supply(&counted, &sizes, demand));
        for (pool, size) in pools.iter().zip(&mut sizes).filter(|(p, _)| (p.missing > 0) == is_failing) {
            let pods = i32::try_from(missing.div_ceil(pool.processes_of(1))).unwrap_or(i32::MAX);
            let more = pods.min(step).min(pool.most().saturating_sub(*size)).max(0);
            missing = missing.saturating_sub(pool.processes_of(more));
            step -= more;
            *size = size.saturating_add(more);
        }
    }
    sizes
}

/// Takes away what is too much: from the last group as far as it may shrink, then from the one before.
fn shrink(pools: &[Pool], current: &[i32], agreed: u32, demand: &Demand<'_>) -> Vec<i32> {
    let mut goals: Vec<i32> = pools.iter().zip(current).map(|(p, size)| (*size).min(p.most())).collect();
    give_up(pools, &mut goals, agreed, demand);
    let surplus = supply(pools, &goals, demand).saturating_sub(u64::from(agreed));
    take_away(pools, &mut goals, surplus, |pool, _| pool.fewest());
    goals.iter().zip(current).map(|(g, c)| *g.min(c)).collect()
}

/// Takes away pods that do not come, as far as workers are registered in their place, or they are not wanted any more.
fn give_up(pools: &[Pool], goals: &mut [i32], agreed: u32, demand: &Demand<'_>) {
    let missing = |(pool, goal): (&Pool, &i32)| pool.processes_of(goal - pool.coming(*goal));
    let missing = pools.iter().zip(goals.iter()).map(missing).fold(0, u64::saturating_add);
    let surplus = demand.registered.saturating_add(missing).saturating_sub(u64::from(agreed));
    take_away(pools, goals, surplus, |pool, goal| pool.fewest().max(pool.coming(goal)));
}

/// Takes so many worker processes away, in whole pods, from the last group on, and from each at most down to what `floor` says.
fn take_away(pools: &[Pool], goals: &mut [i32], mut surplus: u64, floor: impl Fn(&Pool, i32) -> i32) {
    for (pool, goal) in pools.iter().zip(goals).rev() {
        let pods = i32::try_from(surplus / pool.processes_of(1)).unwrap_or(i32::MAX);
        let fewer = pods.min(goal.saturating_sub(floor(pool, *goal))).max(0);
        surplus -= pool.processes_of(fewer);
        *goal -= fewer;
    }
}

impl Pool {
    /// Worker processes of so many of its pods.
    fn processes_of(&self, pods: i32) -> u64 {
        u64::try_from(pods).unwrap_or(0) * u64::from(self.processes.max(1))
    }

    /// The pods among so many that there are or will be.
    fn coming(&self, size: i32) -> i32 {
        if self.missing > 0 { size.min(self.size.saturating_sub(self.missing).max(0)) } else { size }
    }

    /// The fewest pods that it may have now. What is reserved comes in the same steps as other growth.
    fn fewest(&self) -> i32 {
        let step = self.size.saturating_add(self.size.max(STEP_UP));
        self.limits.minimum.max(self.reserved.min(self.most()).min(step))
    }

    /// The most pods that it may have; a minimum counts for more than a maximum.
    pub(crate) fn most(&self) -> i32 {
        self.limits.maximum.max(self.limits.minimum)
    }
}

#[cfg(test)]
mod tests;
