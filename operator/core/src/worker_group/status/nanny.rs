//! Whether workers that were to have the agent as their nanny have it: some things only their image tells.

use dask_crds::AgentMode;

use crate::{
    model::{
        pod::PodRecord,
        scheduler::{Nanny, addresses_by_pod},
    },
    plan::{conditions::Observed, scheduler_need::WorkersNeed},
    resources::agent_plan::Plan,
    worker_group::{PodCounts, findings::Findings, input::Input},
};

/// What is said of the agent: what is planned, and of a worker that does not have it so. As it was while the scheduler
/// does not answer.
pub(crate) fn condition(input: &Input<'_>, counts: &PodCounts<'_>, found: &mut Findings) -> Option<Observed> {
    let plan = Plan::of(&input.group.spec.worker, input.agent);
    let planned = plan.condition()?;
    if plan.mode() != Some(AgentMode::Full) {
        return Some(planned);
    }
    if counts.live() > 0 {
        found.needs(WorkersNeed::Agents);
    }
    let Some(snapshot) = input.agents else {
        let old = input.group.status.conditions.iter().find(|c| planned.is(&c.type_));
        let same = old.filter(|c| c.reason == planned.reason() && c.message.starts_with(planned.message()));
        return Some(match same {
            Some(same) => planned.with_message(&same.message),
            None => planned,
        });
    };
    if !snapshot.workers.values().any(|w| w.nanny == Nanny::Own) {
        return Some(planned);
    }
    let hash = plan.hash(input.agent);
    let of_plan = |p: &&PodRecord| hash.is_some() && p.agent.hash == hash;
    let addresses = addresses_by_pod(counts.all_live(), &snapshot.workers);
    let has_own = |p: &&PodRecord| {
        let mut own = addresses.get(&p.uid).into_iter().flatten().filter_map(|a| snapshot.workers.get(a));
        own.any(|w| w.nanny == Nanny::Own)
    };
    let Some(pod) = counts.all_live().filter(of_plan).find(has_own) else { return Some(planned) };
    let text = format!(
        "{}. But the worker of pod {} keeps Dask's own Nanny, because of its image: a version of distributed that was not \
         tested with the agent, or distributed.nanny.preload in its configuration; the pod's log tells which",
        planned.message(),
        pod.name
    );
    Some(planned.with_message(&text))
}
