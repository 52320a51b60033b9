//! What one pass over a worker group found out; its status and its actions are made of it.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    model::uid::Uid,
    plan::{action::Action, conditions::Observed, scheduler_need::WorkersNeed},
    validation::dry_run::Tried,
};

/// What one pass found out; the status is made of it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub actions: Vec<Action>,
    pub conditions: Vec<Observed>,
    pub requeue: Option<Duration>,
    pub need: WorkersNeed,
    pub shrinking: bool,
    pub failures: super::crash_backoff::Failures,
    /// Live pods that are taken back.
    pub adopted: usize,
    /// What the API server says of the template.
    pub tried: Tried,
    /// The API server was not asked yet.
    pub untried: bool,
}

impl Findings {
    pub(crate) fn requeue_in(&mut self, d: Duration) {
        self.requeue = Some(self.requeue.map_or(d, |r| r.min(d)));
    }

    /// UIDs of the pods that are deleted or marked already.
    pub(crate) fn pods_in_plan(&self) -> BTreeSet<Uid> {
        let mut uids = BTreeSet::new();
        for action in &self.actions {
            match action {
                Action::DeletePod(d) => drop(uids.insert(d.pod.uid.clone())),
                Action::MarkPods { pods, .. } => uids.extend(pods.iter().map(|p| p.uid.clone())),
                _ => {}
            }
        }
        uids
    }

    pub(crate) fn needs(&mut self, need: WorkersNeed) {
        self.need = self.need.max(need);
    }
}
