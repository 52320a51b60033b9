//! What is observed of the autoscalers of a cluster.

use crate::model::{
    object::{Autoscaler, Cluster, Group},
    pod::PodRecord,
    scheduler::SchedulerState,
    time::Timestamp,
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

/// A group and its pods.
#[derive(Clone, Copy, Debug)]
pub struct Workers<'a> {
    /// The group.
    pub group: &'a Group,
    /// The pods that it controls.
    pub pods: &'a [&'a PodRecord],
}
