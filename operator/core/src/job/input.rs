//! What is observed of a job, and which of it is the job's own.

use super::PlannerState;
use crate::{
    model::{
        names,
        object::{Cluster, Job},
        owner::Owner,
        pod::PodRecord,
        time::Timestamp,
        trouble::Trouble,
    },
    resources::agent_plan,
    validation::{dry_run::Verdicts, stuck_pods},
};

/// What is observed of a job.
#[derive(Debug)]
pub struct Input<'a> {
    /// The job.
    pub job: &'a Job,
    /// The DaskCluster with the job's name.
    pub cluster: Option<&'a Cluster>,
    /// The pod with the runner's name.
    pub runner: Option<&'a PodRecord>,
    /// What this process remembers of the job.
    pub memory: &'a mut PlannerState,
    /// What the API server says of templates.
    pub verdicts: &'a Verdicts,
    /// Now.
    pub now: Timestamp,
    /// The Kubernetes cluster's DNS domain.
    pub domain: &'a str,
    /// What the operator was told about the agent of its workers.
    pub agent: &'a agent_plan::Settings,
}

/// A child of the job's, as far as the job is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Child<'a, T> {
    /// There is none.
    Missing,
    /// It is there, and the job's.
    Ours(&'a T),
    /// It is the job's, and is being deleted.
    Going(&'a T),
    /// It belongs to a former job of that name, or to another owner: the kind of that owner, if it has one.
    Taken(Option<&'a str>),
}

impl<T> Child<'_, T> {
    /// Whether the job has none: another owner's object in its place does not help. One without an owner may be the job's.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing | Self::Taken(Some(_)))
    }
}

impl<'a> Input<'a> {
    /// What Kubernetes' events say of a runner whose status does not say what keeps it, and whether to ask for them.
    pub(crate) fn event_trouble<'s>(&'s self, pod: &PodRecord) -> (Option<&'s Trouble>, bool) {
        stuck_pods::event_trouble(pod, self.memory.explained.as_ref(), self.now)
    }

    pub(crate) fn cluster(&self) -> Child<'a, Cluster> {
        child(self.job, self.cluster, |c| {
            (&c.meta.owners, c.meta.annotations.get(names::JOB).map(String::as_str), c.meta.deleting)
        })
    }

    pub(crate) fn runner(&self) -> Child<'a, PodRecord> {
        const NONE: &[Owner] = &[];
        child(self.job, self.runner, |p| {
            let runner = p.runner.as_ref();
            let job = runner.and_then(|r| r.job.as_deref());
            (runner.map_or(NONE, |r| &r.owners), job, p.deleting)
        })
    }
}

/// Owners of an object, UID of the job that it says it was made for, and whether it is being deleted.
type Belonging<'a> = (&'a [Owner], Option<&'a str>, bool);

fn child<'a, T>(job: &Job, object: Option<&'a T>, of: impl Fn(&'a T) -> Belonging<'a>) -> Child<'a, T> {
    let Some(object) = object else { return Child::Missing };
    let (owners, made_for, deleting) = of(object);
    let has_lost_owner = owners.is_empty() && made_for == Some(&job.meta.uid);
    if has_lost_owner || owners.iter().any(|o| o.uid == job.meta.uid) {
        return if deleting { Child::Going(object) } else { Child::Ours(object) };
    }
    let by = owners.iter().find(|o| o.controller).or(owners.first());
    Child::Taken(by.map(|o| &*o.kind))
}
