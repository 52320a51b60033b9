//! What this process remembers of a job.

use crate::{
    model::time::Timestamp,
    validation::{api_rejection::Rejections, stuck_pods::Explanation},
};

/// What this process remembers of a job.
#[derive(Clone, Debug, Default)]
pub struct PlannerState {
    /// What the API server answered to the last writes.
    pub rejections: Rejections,
    /// Whether this process made the runner: then one that is missing is gone.
    pub(super) made: bool,
    /// What Kubernetes' events say of the runner where its status does not.
    pub(super) explained: Option<Explanation>,
    /// When this process first saw the job, or could decide on it again.
    pub seen: Option<Timestamp>,
    /// Since when this process has seen the job without its cluster, or without its runner.
    pub absent: Option<Timestamp>,
}

impl PlannerState {
    /// This process made the runner.
    pub fn runner_made(&mut self) {
        self.made = true;
    }

    /// This is what Kubernetes' events say of the runner.
    pub fn explain(&mut self, explained: Option<Explanation>) {
        self.explained = explained;
    }

    /// The job was not seen as it is: what was missing has not been seen to be missing, and a job for which nothing was made
    /// meanwhile is not late.
    pub fn forget_absence(&mut self) {
        (self.absent, self.seen) = (None, None);
    }

    /// Before a decision: the job is seen with both its parts, or without one of them.
    pub(super) fn begin(&mut self, is_whole: bool, now: Timestamp) {
        self.seen.get_or_insert(now);
        self.absent = if is_whole { None } else { self.absent.or(Some(now)) };
    }
}
