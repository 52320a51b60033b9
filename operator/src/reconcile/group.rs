//! Observes a DaskWorkerGroup and carries out what the core decides.

use std::sync::Arc;

use dask_operator_core::{autoscale, group};

use crate::{
    execute::Target,
    reconcile::{Error, Outcome, carry_out},
    run::Operator,
    subject::{Key, Subject},
};

pub(super) async fn reconcile(
    operator: &Arc<Operator>,
    subject: &Subject,
    key: &Key,
) -> Result<Outcome, Error> {
    let now = operator.world.now();
    let Some(object) = operator.state.lock().cache.groups.get(key).cloned() else { return Ok(Outcome::Gone) };
    let cluster_key = (key.0.clone(), object.spec.cluster.clone());
    let (scheduler, told) = (operator.links.state(&cluster_key), operator.links.told(&cluster_key));
    let (decision, target) = {
        let mut state = operator.state.lock();
        let cluster = state.cache.clusters.get(&cluster_key).cloned();
        let pods = state.cache.workers_of(&object.meta.uid);
        let pods: Vec<_> = pods.iter().map(AsRef::as_ref).collect();
        let all: Vec<_> = {
            let cache = &state.cache;
            cache.groups_of(&cluster_key).flat_map(|g| cache.workers_of(&g.meta.uid)).collect()
        };
        let all: Vec<_> = all.iter().map(AsRef::as_ref).collect();
        let autoscalers = state.cache.autoscalers_of(&cluster_key).map(AsRef::as_ref);
        let samples = state.autoscalers.get(&cluster_key);
        let acting = autoscale::decides(autoscalers, &object, cluster.as_deref(), samples, now);
        let has_scheduler_pod = state.cache.schedulers_of(&cluster_key).iter().any(|p| p.is_live());
        let threats = state.cache.threats(pods.iter().copied());
        let state = &mut *state;
        let memory = state.groups.entry(object.meta.uid.clone()).or_default();
        let input = group::Input {
            group: &object,
            cluster: cluster.as_deref(),
            pods: &pods,
            cluster_pods: &all,
            scheduler: &scheduler,
            agents: told.as_deref(),
            has_scheduler_pod,
            verdicts: &state.verdicts,
            autoscaled: acting,
            threats: &threats,
            now,
            domain: &operator.settings.cluster_domain,
            agent: &operator.settings.agent,
        };
        (group::decide(&input, memory), Target::of(subject, &object.meta))
    };
    carry_out(operator, subject, &target, decision, &object.status, &cluster_key.1).await
}
