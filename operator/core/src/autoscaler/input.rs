//! What is observed of the autoscalers of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    object::{Autoscaler, Cluster, Group},
    pod::PodRecord,
    scheduler::{SchedulerState, addresses_by_pod},
    time::Timestamp,
    uid::Uid,
    worker_address::WorkerAddress,
};

/// What is observed of a cluster's autoscalers.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// All autoscalers that name the cluster.
    pub autoscalers: &'a [&'a Autoscaler],
    /// The cluster.
    pub cluster: Option<&'a Cluster>,
    /// Its groups, each with its pods; groups that are being deleted left out.
    pub groups: &'a [Workers<'a>],
    /// What is known of the scheduler.
    pub scheduler: &'a SchedulerState,
    /// Most pods of a group whose autoscaler has no maximum.
    pub default_maximum: i32,
    /// Now.
    pub now: Timestamp,
}

/// Addresses of the workers that are registered in each pod.
pub(crate) type Registered = BTreeMap<Uid, BTreeSet<WorkerAddress>>;

impl Input<'_> {
    /// Which workers are registered in the pods of the groups; none, where the scheduler is not known.
    pub(crate) fn registered(&self) -> Registered {
        let pods = self.groups.iter().flat_map(|g| g.pods.iter().copied());
        self.scheduler.known().map(|s| addresses_by_pod(pods, &s.workers)).unwrap_or_default()
    }
}

/// A group and its pods.
#[derive(Clone, Copy, Debug)]
pub struct Workers<'a> {
    /// The group.
    pub group: &'a Group,
    /// The pods that it controls.
    pub pods: &'a [&'a PodRecord],
}
