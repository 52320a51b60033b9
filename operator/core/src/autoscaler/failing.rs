//! Groups whose pods do not come: what they lack goes to another group.

use std::{collections::BTreeMap, time::Duration};

use dask_crds::ConditionStatus;

use crate::{
    autoscaler::input::{Input, Workers},
    model::{pod::PodRecord, time::Timestamp, uid::Uid},
    plan::conditions,
};

/// Pods that fail for this long are not waited for: a node that is made for them takes a minute or two.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Nor for twice as long as they take to start, where that is more.
const STARTS: u32 = 2;
/// A group whose pods did not come is the last one to grow for so long.
pub const BACKOFF: Duration = Duration::from_secs(600);

/// When pods of a group were last found not to come, and how many do not now, by the group's UID.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failing(BTreeMap<Uid, (Timestamp, i32)>);

impl Failing {
    /// Takes note of the groups whose pods do not come now; `startup` tells how long they take.
    pub(crate) fn observe(&mut self, input: &Input<'_>, startup: impl Fn(&Uid) -> Duration) {
        self.0.retain(|uid, (at, _)| {
            input.now.since(*at) < BACKOFF && input.groups.iter().any(|g| g.group.meta.uid == *uid)
        });
        for workers in input.groups {
            let uid = &workers.group.meta.uid;
            let missing = missing(workers, startup(uid), input.now);
            if missing > 0 {
                self.0.insert(uid.clone(), (input.now, missing));
            } else if let Some((_, before)) = self.0.get_mut(uid) {
                *before = 0;
            }
        }
    }

    /// Pods of the group that do not come.
    pub fn missing(&self, group: &Uid) -> i32 {
        self.0.get(group).map_or(0, |(_, missing)| *missing)
    }

    /// Whether the group is to be the last one to grow.
    pub fn backs_off(&self, group: &Uid) -> bool {
        self.0.contains_key(group)
    }
}

/// Pods that do not come: they are unschedulable, over a quota, fail to start or end, and have for long.
fn missing(workers: &Workers<'_>, startup: Duration, now: Timestamp) -> i32 {
    let mut all = workers.group.status.conditions.iter();
    let failing = all.find(|c| c.type_ == conditions::PODS_FAILING && c.status == ConditionStatus::True);
    let since = failing.and_then(|c| Timestamp::parse(&c.last_transition_time));
    if since.is_none_or(|since| now.since(since) < PATIENCE.max(STARTS * startup)) {
        return 0;
    }
    let ready = |p: &&&PodRecord| p.is_live() && p.is_ready() && p.mark.is_none();
    let ready = i32::try_from(workers.pods.iter().filter(ready).count()).unwrap_or(i32::MAX);
    workers.group.spec.worker.replicas.saturating_sub(ready).max(0)
}
