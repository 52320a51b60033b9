//! How many worker processes one pod of a group has: by its command line, and by what has been registered.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use dask_worker_line::processes;

use crate::{
    autoscaler::input::{Input, Registered},
    model::{object::Group, time::Timestamp, uid::Uid},
    resources::agent_plan::worker_container::words,
};

/// Fewer processes than before count only after this long: the workers of a pod register one after the other.
pub const SETTLED: Duration = Duration::from_secs(60);

/// What was registered of each group, by UID.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Processes(BTreeMap<Uid, Observed>);

/// The most processes that were registered in one pod of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Observed {
    most: u32,
    /// Since when fewer are.
    fewer_since: Option<Timestamp>,
}

impl Processes {
    /// Takes note of what is registered now, by pod.
    pub fn observe(&mut self, input: &Input<'_>, registered: &Registered) {
        let uids: BTreeSet<&str> = input.groups.iter().map(|g| g.group.meta.uid.as_str()).collect();
        self.0.retain(|uid, _| uids.contains(uid.as_str()));
        for workers in input.groups {
            let in_pod = workers.pods.iter().filter_map(|p| registered.get(&p.uid)).map(BTreeSet::len);
            if let Some(most) = in_pod.max().and_then(|n| u32::try_from(n).ok()) {
                self.saw(&workers.group.meta.uid, most, input.now);
            }
        }
    }

    fn saw(&mut self, group: &Uid, most: u32, now: Timestamp) {
        let known = self.0.entry(group.clone()).or_insert(Observed { most, fewer_since: None });
        if most >= known.most {
            *known = Observed { most, fewer_since: None };
            return;
        }
        let since = *known.fewer_since.get_or_insert(now);
        if now.since(since) >= SETTLED {
            *known = Observed { most, fewer_since: None };
        }
    }

    /// Worker processes in one pod of the group, at least 1: what its command line says, or more where more are
    /// registered; where it does not say it, what was registered last.
    pub fn per_pod(&self, group: &Group) -> u32 {
        let observed = self.0.get(&group.meta.uid).map_or(1, |o| o.most);
        said(group).unwrap_or(1).max(observed).max(1)
    }
}

/// What the command line of the group's worker says.
fn said(group: &Group) -> Option<u32> {
    let containers = group.spec.worker.spec.0.get("containers")?.as_array()?;
    containers.iter().find_map(|c| processes(&words(c))).map(u32::from)
}
