//! What this process remembers of a cluster.

use dask_crds::{DaskClusterStatus, Phase};

use crate::{
    model::time::Timestamp,
    validation::{api_rejection::Rejections, stuck_pods::Explanation},
};

/// What this process remembers of a cluster.
#[derive(Clone, Debug, Default)]
pub struct PlannerState {
    /// What the API server answered to the last writes.
    pub rejections: Rejections,
    /// When this process first decided on phase `Created`, if it did.
    pub(super) created: Option<Timestamp>,
    /// What Kubernetes' events say of the scheduler's pod where its status does not.
    pub(super) explained: Option<Explanation>,
}

impl PlannerState {
    /// This is what Kubernetes' events say of the scheduler's pod.
    pub fn explain(&mut self, explained: Option<Explanation>) {
        self.explained = explained;
    }

    /// This was decided.
    pub(super) fn decided(&mut self, status: &DaskClusterStatus, now: Timestamp) {
        if status.phase == Some(Phase::Created) {
            self.created.get_or_insert(now);
        }
    }
}
