//! What is observed of a worker group.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    model::{
        object::{Cluster, Group},
        pod::PodRecord,
        scheduler::{SchedulerState, Snapshot},
        time::Timestamp,
        uid::Uid,
    },
    resources::{Site, agent_plan},
    validation::dry_run::Verdicts,
    worker_group::DRAIN_TIMEOUT,
};

/// The longest that a shrink which waits is left alone, whatever it waits for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is observed of a group.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The group.
    pub group: &'a Group,
    /// Its cluster, if it exists.
    pub cluster: Option<&'a Cluster>,
    /// The pods it controls, by UID of the owner, sorted by name.
    pub pods: &'a [&'a PodRecord],
    /// The worker pods of all groups of the cluster, these included.
    pub cluster_pods: &'a [&'a PodRecord],
    /// UIDs of pods of the cluster's other groups that were chosen to leave a moment ago (see [`PlannerState::chosen`]).
    pub chosen_elsewhere: &'a BTreeSet<Uid>,
    /// Until when calls of ours may have moved results between the cluster's workers, whichever group they were made for
    /// (see [`PlannerState::results_moved`]).
    pub results_moved: Option<Timestamp>,
    /// Pods with the group's labels that no object controls, sorted by name.
    pub strays: &'a [&'a PodRecord],
    /// What is known of the cluster's scheduler.
    pub scheduler: &'a SchedulerState,
    /// What the scheduler's workers told of their agents, some time ago.
    pub agents: Option<&'a Snapshot>,
    /// Whether the cluster has a scheduler pod, started or not.
    pub has_scheduler_pod: bool,
    /// What the API server says of templates.
    pub verdicts: &'a Verdicts,
    /// Whether an autoscaler decides the group's size: then no shrink is ever forced.
    pub autoscaled: bool,
    /// Pods of the cluster whose nodes are about to go, by UID, and why (see [`crate::model::node::threats`]).
    pub threats: &'a BTreeMap<Uid, String>,
    /// Now.
    pub now: Timestamp,
    /// The Kubernetes cluster's DNS domain.
    pub domain: &'a str,
    /// What the operator was told about the agent of its workers.
    pub agent: &'a agent_plan::Settings,
}

impl Input<'_> {
    /// What its worker pods are made with.
    pub(crate) fn site(&self) -> Site<'_> {
        Site { domain: self.domain, agent: self.agent }
    }

    /// How long a shrink that a person asked for waits (`spec.worker.drainTimeout`).
    pub(crate) fn drain_timeout(&self) -> Duration {
        let seconds = self.group.spec.worker.drain_timeout;
        seconds.map_or(DRAIN_TIMEOUT, |s| Duration::from_secs(u64::try_from(s).unwrap_or(0)))
    }

    /// Whether a worker that this reading does not show holds nothing that a call of ours has moved to it.
    pub(crate) fn shows_every_worker(&self, snapshot: &Snapshot) -> bool {
        self.results_moved < Some(snapshot.at)
    }

    /// The longest that a shrink of this group is left alone: two looks are within `drainTimeout`.
    pub(crate) fn longest_pause(&self) -> Duration {
        LONGEST_PAUSE.min(self.drain_timeout() / 2)
    }

    /// Whether Kubernetes, or who takes nodes away, is about to end the pod.
    pub(crate) fn is_threatened(&self, pod: &PodRecord) -> bool {
        pod.is_live() && (pod.disrupted || self.threats.contains_key(&pod.uid))
    }
}
