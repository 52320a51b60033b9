//! How a job ends, and what is remembered of that.

use std::time::Duration;

use dask_crds::{DaskJobStatus, JobStatus};
use serde::{Deserialize, Serialize};

use super::{
    RETRY, cluster_error, create,
    input::{Child, Input},
    runner,
};
use crate::{
    model::{
        names,
        object::Job,
        pod::{PodPhase, PodRecord},
        time::Timestamp,
        uid::Uid,
    },
    plan::{conditions::shorten, events::EventRecord},
    validation::stuck_pods,
    worker_group::remedy,
};

/// How long a job's runner may take to start by default. Nodes with accelerators take a quarter of an hour.
pub const START_TIMEOUT: Duration = Duration::from_secs(1800);
/// How much later than announced a deleted pod may be gone before its node counts as lost.
const LOST: Duration = Duration::from_secs(10);
/// How long a cluster or a runner must be missing before it counts as deleted.
const ABSENT: Duration = Duration::from_secs(3);
/// Longest text that is kept.
const TEXT: usize = 500;

/// How a job ended. Once written down it does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// UID of the job: a copy of its annotations says nothing about another one.
    pub job: Uid,
    /// Whether the program ended well.
    pub succeeded: bool,
    /// Why, in one CamelCase word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

impl Outcome {
    /// What was written down about the job.
    pub fn of(job: &Job) -> Option<Self> {
        let outcome: Self = serde_json::from_str(job.meta.annotations.get(names::OUTCOME)?).ok()?;
        (outcome.job == job.meta.uid).then_some(outcome)
    }

    /// As it is written down.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a person is told, beginning with the line that dask-kubernetes logs.
    pub(super) fn event(&self) -> EventRecord {
        if self.succeeded {
            EventRecord::normal("JobSucceeded", "Job succeeded, deleting Dask cluster.")
        } else {
            let text = format!("Job failed, deleting Dask cluster. {}", self.message);
            EventRecord::warning(&self.reason, &text)
        }
    }

    /// The job's last status. All five keys are there: a program that never started has no time between its
    /// start and its end.
    pub(super) fn status(&self, job: &Job) -> DaskJobStatus {
        let old = job.status.clone();
        let end = self.at.rfc3339();
        DaskJobStatus {
            job_status: Some(if self.succeeded { JobStatus::Successful } else { JobStatus::Failed }),
            cluster_name: old.cluster_name.or_else(|| Some(job.meta.name.clone())),
            job_runner_pod_name: old.job_runner_pod_name.or_else(|| Some(names::runner(&job.meta.name))),
            start_time: old.start_time.or_else(|| Some(end.clone())),
            end_time: Some(end),
        }
    }

    fn failed(reason: &str, message: String, at: Timestamp) -> Self {
        let job = Uid::default();
        Self { job, succeeded: false, reason: reason.into(), message: shorten(&message, TEXT), at }
    }

    fn succeeded(at: Timestamp) -> Self {
        let message = "the program ended with exit code 0".into();
        Self { job: Uid::default(), succeeded: true, reason: "JobSucceeded".into(), message, at }
    }
}

/// How the job ended, if it did.
pub(super) fn observed(input: &Input<'_>) -> Option<Outcome> {
    outcome(input).map(|o| Outcome { job: input.job.meta.uid.clone(), ..o })
}

fn outcome(input: &Input<'_>) -> Option<Outcome> {
    let (job, now) = (input.job, input.now);
    if !names::cluster_name_is_valid(&job.meta.name) {
        let text = format!("{}; create the job again with another name", names::rule(&job.meta.name));
        return Some(Outcome::failed("InvalidName", text, now));
    }
    let was_made = input.memory.made || job.status.job_status != Some(JobStatus::JobCreated);
    let outcome = match input.runner() {
        Child::Ours(pod) => of_pod(input, pod),
        Child::Going(pod) => of_pod(input, pod).or_else(|| of_deleted(input, pod)),
        // It may well be the job's, and its program may still run.
        Child::Taken(None) if was_made => None,
        Child::Missing | Child::Taken(_) if was_made => {
            // Another watch may be ahead of that of pods.
            if !is_gone(input) {
                return None;
            }
            let text = "its pod was deleted, or its node is gone; create the job again".to_string();
            Some(Outcome::failed("RunnerDeleted", text, now))
        }
        Child::Missing | Child::Taken(_) => invalid(input),
    };
    outcome.or_else(|| lost_cluster(input, was_made)).or_else(|| never_started(input))
}

/// Whether what is missing has been missing for long enough to be believed.
fn is_gone(input: &Input<'_>) -> bool {
    input.memory.absent.is_some_and(|since| input.now.since(since) >= ABSENT)
}

/// What a pod that is there says.
fn of_pod(input: &Input<'_>, pod: &PodRecord) -> Option<Outcome> {
    let over = |at: Option<Timestamp>| at.or(pod.finished).unwrap_or(input.now);
    let end = runner::end(input.job, pod);
    if let Some(end) = end.filter(|e| e.code == 0) {
        return Some(Outcome::succeeded(over(end.at)));
    }
    // What ended the whole pod says more than the exit code that came of it.
    let ended_from_outside =
        pod.disrupted || pod.trouble.as_ref().is_some_and(|t| t.reason == "DeadlineExceeded");
    if let Some(end) = end.filter(|_| !ended_from_outside) {
        let reason = if end.reason.is_empty() { "Error" } else { &end.reason };
        let text = format!("its program ended with exit code {}{}", end.code, remedy(reason));
        return Some(Outcome::failed(reason, text, over(end.at)));
    }
    match pod.phase {
        PodPhase::Succeeded => Some(Outcome::succeeded(over(None))),
        PodPhase::Failed => {
            let trouble = pod.trouble.as_ref();
            let reason = trouble.map_or("PodFailed", |t| &t.reason);
            let text = trouble.map_or("nothing is known of it", |t| &t.message);
            Some(Outcome::failed(reason, format!("its pod failed: {text}{}", remedy(reason)), over(None)))
        }
        _ => None,
    }
}

/// A deleted pod may still succeed within its grace period; after that its outcome is lost.
fn of_deleted(input: &Input<'_>, pod: &PodRecord) -> Option<Outcome> {
    let gone_by = pod.runner.as_ref().and_then(|r| r.gone_by).unwrap_or(pod.created);
    (input.now >= gone_by.plus(LOST)).then(|| {
        let text = "its pod is being deleted, and its node does not answer; create the job again".to_string();
        Outcome::failed("NodeLost", text, input.now)
    })
}

/// What the API server would not take, before anything is made of it.
fn invalid(input: &Input<'_>) -> Option<Outcome> {
    let tried = create::tried(input);
    let (_, why) = tried.invalid.first()?;
    let text = format!("{why}; correct it, and create the job again");
    Some(Outcome::failed("InvalidTemplate", text, input.now))
}

/// A program without its cluster would wait for ever.
fn lost_cluster(input: &Input<'_>, was_made: bool) -> Option<Outcome> {
    let lost = |text: &str| Some(Outcome::failed("ClusterDeleted", text.to_string(), input.now));
    match input.cluster() {
        Child::Ours(cluster) => {
            let why = cluster_error(cluster)?;
            Some(Outcome::failed("ClusterInError", why, input.now))
        }
        Child::Taken(None) => None,
        Child::Missing | Child::Taken(_) if was_made && is_gone(input) => {
            lost("its DaskCluster was deleted while the program ran; create the job again")
        }
        Child::Going(_) => lost("its DaskCluster is being deleted; create the job again"),
        Child::Missing | Child::Taken(_) => None,
    }
}

/// When the runner must have started.
fn start_limit(input: &Input<'_>) -> Option<Timestamp> {
    let has_started = input.job.status.job_status == Some(JobStatus::Running);
    let asked = input.job.spec.job.start_timeout;
    let limit = asked.map_or(START_TIMEOUT, |s| Duration::from_secs(u64::try_from(s).unwrap_or_default()));
    let since = match input.runner() {
        Child::Ours(pod) | Child::Going(pod) => pod.created,
        // While no operator ran, nothing could start.
        Child::Missing | Child::Taken(_) => {
            input.job.meta.created.max(input.memory.seen.unwrap_or(input.now))
        }
    };
    (!has_started && !limit.is_zero()).then(|| since.plus(limit))
}

fn never_started(input: &Input<'_>) -> Option<Outcome> {
    start_limit(input).filter(|limit| input.now >= *limit)?;
    let trouble = match input.runner() {
        Child::Ours(pod) | Child::Going(pod) => pod.trouble.as_ref().or_else(|| input.event_trouble(pod).0),
        Child::Missing | Child::Taken(_) => input.memory.rejections.lasting(),
    };
    let why = trouble.map_or_else(
        || "no reason is known".to_string(),
        |t| format!("{}: {}{}", t.reason, t.message, remedy(&t.reason)),
    );
    let text = format!("its pod did not start within spec.job.startTimeout ({why})");
    Some(Outcome::failed("NeverStarted", text, input.now))
}

/// When to look again though nothing may be heard.
pub(super) fn recheck_after(input: &Input<'_>) -> Option<Duration> {
    let starts = start_limit(input).map(|t| input.now.until(t));
    let waits = match input.runner() {
        Child::Going(_) => Some(RETRY),
        Child::Ours(pod) => stuck_pods::recheck_after(pod, input.now),
        _ => None,
    };
    let believed = input.memory.absent.map(|t| input.now.until(t.plus(ABSENT)));
    starts.into_iter().chain(waits).chain(believed).min().map(|d| d.max(Duration::from_millis(100)))
}
