//! How long the workers of a group take to start, as its pods show.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    autoscaler::input::{Input, Workers},
    model::{object::Autoscaler, uid::Uid},
};

/// What is believed of a group of which no worker has been seen to start: an image that is on the node, and Python.
pub const UNKNOWN: Duration = Duration::from_secs(10);
/// How many of the last starts count; the one in the middle is what a start takes.
const LAST: usize = 15;
/// A start that took longer was one that something was wrong with.
const LONGEST: Duration = Duration::from_secs(1_800);

/// What was seen, by group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Startups(BTreeMap<Uid, Seen>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    pods: BTreeSet<Uid>,
    took: VecDeque<Duration>,
}

impl Startups {
    /// Takes note of pods that have become ready. What the status of a group's autoscaler says counts where nothing
    /// was seen.
    pub(crate) fn observe(&mut self, input: &Input<'_>, told: impl Fn(&Workers<'_>) -> Option<Duration>) {
        self.0.retain(|uid, _| input.groups.iter().any(|g| g.group.meta.uid == *uid));
        for workers in input.groups {
            let is_new = !self.0.contains_key(&workers.group.meta.uid);
            let seen = self.0.entry(workers.group.meta.uid.clone()).or_default();
            let told = if is_new { told(workers) } else { None };
            seen.took.extend(told);
            seen.observe(workers, told.is_some());
        }
    }

    /// How long a worker of the group takes to start, from the request for its pod until it is ready, if it is known.
    pub fn known(&self, group: &Uid) -> Option<Duration> {
        let took = &self.0.get(group)?.took;
        let mut sorted: Vec<Duration> = took.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// The same, or what is believed.
    pub fn of(&self, group: &Uid) -> Duration {
        self.known(group).unwrap_or(UNKNOWN)
    }
}

impl Seen {
    /// A pod counts once: it may become ready again. Of those that were ready before this process began, it is not known
    /// whether they are ready for the first time; they count only if nothing else does.
    fn observe(&mut self, workers: &Workers<'_>, is_told: bool) {
        let there: BTreeSet<&Uid> = workers.pods.iter().map(|p| &p.uid).collect();
        self.pods.retain(|uid| there.contains(uid));
        for pod in workers.pods {
            let Some(ready) = pod.ready_since else { continue };
            if !self.pods.insert(pod.uid.clone()) || is_told {
                continue;
            }
            let took = ready.since(pod.created);
            if took <= LONGEST {
                self.took.push_back(took);
            }
        }
        let surplus = self.took.len().saturating_sub(LAST);
        self.took.drain(..surplus);
    }
}

/// What the autoscaler's status says.
pub(crate) fn told(autoscaler: &Autoscaler) -> Option<Duration> {
    autoscaler
        .status
        .startup_seconds
        .and_then(|s| u64::try_from(s).ok())
        .map(Duration::from_secs)
        .map(|d| d.min(LONGEST))
}

#[cfg(test)]
mod tests;
