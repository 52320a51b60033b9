//! Making a job's cluster and its runner, once the API server has taken their templates.

use dask_crds::DaskJobStatus;

use super::{
    RETRY,
    input::{Child, Input},
};
use crate::{
    cluster,
    model::names,
    plan::{
        action::{Action, Decision},
        check::Check,
        events::EventRecord,
        kind::Kind,
    },
    resources::{self, Site},
    validation::{
        dry_run::{self, Candidate, Tried},
        warnings,
    },
};

/// The cluster, then the runner at once: it need not wait for the scheduler.
pub(super) fn create_missing(input: &Input<'_>, decision: &mut Decision<DaskJobStatus>) {
    let tried = tried(input);
    if !tried.open.is_empty() {
        decision.actions.push(Action::DryRun(tried.open));
        return;
    }
    if !tried.again.is_empty() {
        decision.actions.push(Action::DryRun(tried.again));
    }
    let mut blocked = false;
    for (kind, name, taken) in [
        ("DaskCluster", input.job.meta.name.clone(), taken(input.cluster())),
        ("Pod", names::runner(&input.job.meta.name), taken(input.runner())),
    ] {
        if let Some(by) = taken {
            blocked = true;
            decision.requeue = Some(decision.requeue.map_or(RETRY, |d| d.min(RETRY)));
            // What belongs to a former job goes by itself.
            if by != Some("DaskJob") {
                let text = format!(
                    "there is a {kind} {name:?} already, and it is not this job's; delete it, or give the job \
                     another name"
                );
                decision.actions.push(Action::Event(EventRecord::warning("NameTaken", &text)));
            }
        }
    }
    if blocked {
        return;
    }
    // A program whose cluster is refused would find nothing.
    if matches!(input.cluster(), Child::Missing) {
        decision
            .actions
            .push(Action::Create { kind: Kind::Cluster, body: resources::job_cluster(input.job) });
    } else if matches!(input.runner(), Child::Missing) && !input.memory.made {
        let body = resources::job_runner(input.job, input.domain);
        decision.actions.push(Action::Create { kind: Kind::Pod, body });
        // A job has no conditions.
        let told = warnings::job(input.job).into_iter();
        let events = told.map(|(reason, text)| Action::Event(EventRecord::warning(reason, &text)));
        decision.actions.extend(events);
    }
}

fn taken<'a, T>(child: Child<'a, T>) -> Option<Option<&'a str>> {
    if let Child::Taken(by) = child { Some(by) } else { None }
}

/// What the API server says of a job's templates: the runner's and its cluster's.
pub(super) fn tried(input: &Input<'_>) -> Tried {
    const PATHS: [(&str, &str); 2] = [("spec", "spec.job.spec"), ("metadata", "spec.job.metadata")];
    let (job, cluster) = (input.job, cluster::of_job(input.job));
    let template = &job.spec.job;
    let hash = resources::hash(&template.spec, template.metadata.as_ref());
    let runner = Candidate::new(Kind::Pod, &job.meta.namespace, &format!("runner-{hash}"), |key| {
        Check::new(key, Kind::Pod, resources::job_runner(job, input.domain), &PATHS)
    });
    let mut candidates = vec![runner];
    // A cluster that is there tells of its own templates, and its Service has what the template asks for.
    if input.cluster.is_none() {
        candidates
            .extend(cluster::candidates_of_job(&cluster, Site { domain: input.domain, agent: input.agent }));
    }
    dry_run::look_up(input.verdicts, candidates, input.now)
}
