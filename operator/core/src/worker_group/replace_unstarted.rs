//! Pods of an earlier template, or of an earlier agent, that never came to work: what is corrected replaces them. So do
//! pods that crash with an agent, where there is to be none any more: the agent may be why.

use crate::{
    model::pod::{PodPhase, PodRecord},
    plan::scheduler_need::WorkersNeed,
    resources::agent_plan::Plan,
    worker_group::{delete_pod, is_crash, pass::Pass, scale_down::empty_pods},
};

/// Deletes pods that wait or crash with a template that was changed since. They hold nothing, and would
/// wait for ever. What runs is left alone.
pub(crate) fn delete_unstarted(pass: &mut Pass<'_>) {
    let Pass { input, counts, addresses, found, .. } = pass;
    let current = found.failures.template.clone();
    let agent = Plan::of(&input.group.spec.worker, input.agent).hash(input.agent);
    let is_stale = |p: &&&PodRecord| {
        let waits = p.phase == PodPhase::Pending || p.trouble.is_some();
        let crashes = p.trouble.as_ref().is_some_and(|t| is_crash(&t.reason));
        let agent_is_corrected = (p.agent.is_in_trouble && p.agent.hash != agent)
            || (crashes && p.agent.hash.is_some() && agent.is_none());
        let is_other = p.template_hash.is_some() && p.template_hash != current;
        (is_other || agent_is_corrected) && !p.is_ready() && waits
    };
    let stale: Vec<&PodRecord> = counts.staying.iter().filter(is_stale).copied().collect();
    for pod in stale {
        if empty_pods::holds_nothing(input, pod, addresses) {
            found.actions.push(delete_pod::if_unchanged(
                input,
                pod,
                "it never started, and its template was changed",
            ));
        } else {
            // The registry tells whether a worker runs in it.
            found.needs(WorkersNeed::Offer);
        }
    }
}
