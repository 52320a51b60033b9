//! A shrink without the scheduler's help, where it speaks TLS: the agents of the workers carry it out.
//!
//! A pod that runs under the agent moves its results itself when it is told to end, as it does on a node that is
//! drained. So such pods are deleted one at a time; pods without the agent are kept.

use std::time::Duration;

use crate::{
    model::{pod::PodRecord, scheduler::SPEAKS_TLS},
    plan::{action::Action, conditions, events::EventRecord, scheduler_need::WorkersNeed},
    worker_group::{
        delete_pod,
        pass::Pass,
        scale_down::{empty_pods, recheck_interval, shrinking_since},
    },
};

/// So long after its grace period a pod that is still there is not waited for.
const OVERDUE: Duration = Duration::from_secs(60);

/// `excess` pods are too many, beside those that were marked when the scheduler could still be asked.
pub(crate) fn ask_agents(pass: &mut Pass<'_>, excess: usize) {
    let (input, counts) = (pass.input, pass.counts);
    let wanted = excess + counts.marked.len();
    if wanted == 0 {
        return;
    }
    let found = &mut pass.found;
    found.shrinking = true;
    found.needs(WorkersNeed::Offer);
    found.requeue_in(recheck_interval::recheck_after(input));
    let going = found.pods_in_plan();
    let empty =
        empty_pods::never_started(counts, &going, |p| empty_pods::holds_nothing(input, p, pass.addresses));
    let empty: Vec<_> = empty.into_iter().take(excess).collect();
    let left = wanted - empty.len();
    let delete = |p| delete_pod::if_unchanged(input, p, "it never started");
    found.actions.extend(empty.into_iter().map(delete));
    if left == 0 {
        return;
    }
    let next = next(pass);
    let message = format!(
        "{left} more workers should leave; the scheduler speaks TLS, so they leave one at a time through their \
         agents: {}",
        next.told()
    );
    let found = &mut pass.found;
    found.conditions.push(conditions::yes(conditions::SCALE_DOWN_BLOCKED, SPEAKS_TLS, message));
    if let Next::Leaves(pod, is_last) = next {
        if is_last {
            found.actions.push(Action::Event(EventRecord::warning(
                "DataLossRisk",
                &format!("{} is the last worker and is deleted; results that it holds are lost", pod.name),
            )));
        }
        found.actions.push(delete_pod::if_unchanged(input, pod, "its agent moves its results"));
    }
}

/// What comes next.
enum Next<'a> {
    /// A pod is on its way out.
    Waits(&'a PodRecord),
    /// This pod is deleted; whether it is the last worker.
    Leaves(&'a PodRecord, bool),
    /// Only the last worker is left to go, and its results have nowhere to go.
    Last,
    /// An autoscaler decides the size.
    Autoscaled,
    /// No pod can leave so.
    NoCandidate,
}

impl Next<'_> {
    fn told(&self) -> String {
        match self {
            Self::Waits(pod) => format!("pod {} moves its results now", pod.name),
            Self::Leaves(pod, _) => format!("pod {} moves its results next", pod.name),
            Self::Last => {
                "the last worker has no other to take its results, and is deleted all the same after \
                           spec.worker.drainTimeout"
                    .into()
            }
            Self::Autoscaled => {
                "none leaves while a DaskAutoscaler sets the size, because the operator cannot ask this scheduler; \
                                 delete the DaskAutoscaler to shrink by hand"
                    .into()
            }
            Self::NoCandidate => {
                "none of them is ready and runs under the agent, so that the results of each would be \
                             lost; if they do not matter, delete the pods (kubectl delete pod)"
                    .into()
            }
        }
    }
}

/// The pod that leaves next: one that was chosen before, then an outdated one, then the youngest.
fn next<'a>(pass: &Pass<'a>) -> Next<'a> {
    let Pass { input, counts, memory, found, .. } = pass;
    if input.autoscaled {
        return Next::Autoscaled;
    }
    // One that is there long after its grace period is on a node that does not answer, and moves nothing.
    let moves = |p: &&PodRecord| {
        p.deleting && p.agent.hash.is_some() && p.gone_by.is_none_or(|t| input.now.since(t) < OVERDUE)
    };
    if let Some(pod) = input.cluster_pods.iter().copied().find(moves) {
        return Next::Waits(pod);
    }
    let going = found.pods_in_plan();
    let template = input.group.status.template_hash.as_deref();
    let can_leave = |p: &&PodRecord| p.agent.hash.is_some() && p.is_ready() && !going.contains(&p.uid);
    let pods = counts.marked.iter().chain(&counts.staying).copied().filter(can_leave);
    let first = pods.min_by_key(|p| {
        let is_current = template.is_none() || p.template_hash.as_deref() == template;
        (p.mark.is_none(), is_current, std::cmp::Reverse(p.created), p.name.clone())
    });
    let Some(pod) = first else { return Next::NoCandidate };
    if input.cluster_pods.iter().any(|p| p.is_ready() && p.uid != pod.uid && p.mark.is_none()) {
        return Next::Leaves(pod, false);
    }
    let since = shrinking_since::read(input, counts, found);
    let timeout = input.drain_timeout();
    let watched = memory.watched.patience();
    let is_over = watched >= timeout && since.is_some_and(|since| input.now.since(since) >= timeout);
    if is_over { Next::Leaves(pod, true) } else { Next::Last }
}
