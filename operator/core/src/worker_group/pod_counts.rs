//! The pods of a group by what they count as.

use crate::{
    model::pod::PodRecord,
    plan::{action::PodRef, kind::Kind},
    worker_group::input::Input,
};

/// The pods of a group by what they count as.
#[derive(Debug, Default)]
pub struct PodCounts<'a> {
    /// Asked for.
    pub desired: usize,
    /// Live pods that are not marked, and that can stay.
    pub staying: Vec<&'a PodRecord>,
    /// Live pods that were chosen to leave.
    pub marked: Vec<&'a PodRecord>,
    /// Live pods that are not marked, and that cannot stay: their nodes are about to go.
    pub threatened: Vec<&'a PodRecord>,
    /// Pods that are over and still there.
    pub finished: Vec<&'a PodRecord>,
    /// Pods with a deletionTimestamp.
    pub deleting: usize,
}

impl<'a> PodCounts<'a> {
    pub(crate) fn of(input: &Input<'a>) -> Self {
        let mut counts = Self {
            desired: usize::try_from(input.group.spec.worker.replicas).unwrap_or(0),
            ..Self::default()
        };
        for pod in input.pods.iter().copied() {
            match pod {
                p if p.deleting => counts.deleting += 1,
                p if p.is_finished() => counts.finished.push(p),
                p if p.is_live() && p.mark.is_some() => counts.marked.push(p),
                p if input.is_threatened(p) => counts.threatened.push(p),
                p if p.is_live() => counts.staying.push(p),
                _ => {}
            }
        }
        counts
    }

    /// Pods that exist and are pending or running; those that leave count until they are gone.
    pub fn live(&self) -> usize {
        self.staying.len() + self.marked.len() + self.threatened.len()
    }

    /// All live pods.
    pub fn all_live(&self) -> impl Iterator<Item = &'a PodRecord> + '_ {
        self.staying.iter().chain(&self.marked).chain(&self.threatened).copied()
    }

    /// Live pods that are ready.
    pub fn ready(&self) -> usize {
        self.all_live().filter(|p| p.is_ready()).count()
    }

    /// How many pods must be made, if so many of those that leave still count.
    pub fn shortage(&self, leaving: usize) -> usize {
        self.desired.saturating_sub(self.staying.len() + leaving)
    }

    /// How many more pods must be chosen to leave.
    pub fn excess(&self) -> usize {
        self.staying.len().saturating_sub(self.desired)
    }
}

/// A pod, or the Deployment it stands for, by name and UID.
pub(crate) fn reference(pod: &PodRecord) -> PodRef {
    let kind = if pod.is_deployment { Kind::Deployment } else { Kind::Pod };
    PodRef { kind, name: pod.name.clone(), uid: pod.uid.clone() }
}
