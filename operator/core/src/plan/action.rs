//! What the shell is asked to do.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    model::{pod::Mark, time::Timestamp, uid::Uid, worker_address::WorkerAddress},
    plan::{body::SharedBody, check::Check, events::EventRecord, kind::Kind, scheduler_need::SchedulerNeed},
};

/// One thing to do in Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Create an object.
    Create {
        /// What kind of object.
        kind: Kind,
        /// The whole object.
        body: Value,
    },
    /// Delete an object that is no worker, if it is still the same one.
    Delete {
        /// What kind of object.
        kind: Kind,
        /// Its name.
        name: String,
        /// Its UID: a precondition.
        uid: Uid,
        /// Its resourceVersion, a precondition too, where the decision depends on what the object says.
        resource_version: Option<String>,
        /// Why, for the log.
        why: &'static str,
    },
    /// Try templates on the API server without creating anything.
    DryRun(Vec<Check>),
    /// Ask for Kubernetes' own events about a pod whose status does not say what keeps it.
    ReadPodEvents(PodRef),
    /// Merge-patch an object as it was read.
    Patch(Patch),
    /// Reserve pod numbers in the group's status before any of them is used.
    ReserveNumbers {
        /// First number that is not reserved afterwards.
        up_to: i64,
    },
    /// Create worker pods, in parallel, as many at a time as slow start allows.
    CreatePods(Vec<NewPod>),
    /// Delete a worker's pod or Deployment, if it is still the same one.
    DeletePod(DeletePod),
    /// Write on pods that they were chosen to leave, all of them before anything else is done.
    MarkPods {
        /// Name and UID of each.
        pods: Vec<PodRef>,
        /// What is written.
        mark: Mark,
    },
    /// Take that writing off a pod: the scheduler refused to let it go, or it need not leave any more.
    UnmarkPod(PodRef),
    /// Call `retire_workers` of the cluster's scheduler.
    Retire(RetireCall),
    /// Change a group's size through its `scale` subresource.
    Scale {
        /// Name of the group.
        group: String,
        /// Its resourceVersion, as decided on.
        resource_version: String,
        /// The new size.
        replicas: i32,
    },
    /// Tell a person.
    Event(EventRecord),
}

/// A merge patch of one object, valid only for the version it was decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// What kind of object.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its resourceVersion, as decided on.
    pub resource_version: String,
    /// The merge patch.
    pub body: Value,
}

/// A pod to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPod {
    /// Its number in the group.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// The rest of it, shared by all that are made at once.
    pub body: Arc<SharedBody>,
}

/// A pod, or the Deployment of one of dask-kubernetes' workers, by name and UID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodRef {
    /// Pod or Deployment.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: Uid,
}

/// A pod to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletePod {
    /// Which pod; the UID is a precondition.
    pub pod: PodRef,
    /// Precondition where the decision depends on the pod not having started since.
    pub resource_version: Option<String>,
    /// It is not sent later than this, where the decision depends on what a scheduler said.
    pub valid_until: Option<Timestamp>,
    /// When the reading of the scheduler began by which the pod has no worker, where only that reading tells.
    pub empty_by: Option<Timestamp>,
    /// Why, for the log.
    pub why: &'static str,
}

impl DeletePod {
    /// Whether it may still be sent. `moved`: until when calls of ours may have moved results to workers of the cluster
    /// (see [`crate::worker_group::PlannerState::results_moved`]); a worker may have come and been given some.
    pub fn is_valid(&self, now: Timestamp, moved: Option<Timestamp>) -> bool {
        self.valid_until.is_none_or(|t| now <= t) && self.empty_by.is_none_or(|began| moved < Some(began))
    }
}

/// One call of `retire_workers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetireCall {
    /// Which of the two calls of the protocol.
    pub stage: RetireStage,
    /// All addresses that leave together.
    pub addresses: BTreeSet<WorkerAddress>,
    /// The scheduler this was decided about.
    pub scheduler: String,
}

/// The two calls of the removal protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetireStage {
    /// Data moves away, no new work; the worker stays (`close_workers=false, remove=false`).
    Drain,
    /// The worker closes and is forgotten (`close_workers=true, remove=true`).
    Close,
}

/// A decision about one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision<Status> {
    /// What to do. It is carried out in the order of [`super::phases::Phases`].
    pub actions: Vec<Action>,
    /// What the status should be.
    pub status: Status,
    /// Look again after this long, whatever happens.
    pub requeue: Option<Duration>,
    /// What is wanted of the scheduler.
    pub need: SchedulerNeed,
}
