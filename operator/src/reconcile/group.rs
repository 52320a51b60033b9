//! Observes a DaskWorkerGroup and carries out what the core decides.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use dask_operator_core::{autoscaler, worker_group};

use crate::{
    apply::Target,
    context::Context,
    object_ref::{Key, ObjectRef},
    reconcile::{Error, Outcome, api_rejection, carry_out, orphans},
};

pub(super) async fn reconcile(
    context: &Arc<Context>,
    subject: &ObjectRef,
    key: &Key,
) -> Result<Outcome, Error> {
    let now = context.now();
    let Some(object) = context.state.lock().cache.groups.get(key).cloned() else {
        orphans::tell(context, key);
        return Ok(Outcome::Gone);
    };
    let cluster_key = (key.0.clone(), object.spec.cluster.clone());
    let (scheduler, told) =
        (context.schedulers.state(&cluster_key), context.schedulers.last_snapshot(&cluster_key));
    let (decision, target) = {
        let mut state = context.state.lock();
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
        let acting = autoscaler::acting(autoscalers, &object.spec.cluster, &object.meta.name)
            .is_some_and(|a| autoscaler::decides(a, cluster.as_deref(), samples, now));
        let has_scheduler_pod = state.cache.schedulers_of(&cluster_key).iter().any(|p| p.is_live());
        let threats = state.cache.threats(all.iter().copied());
        let others = state.cache.groups_of(&cluster_key).filter(|g| g.meta.uid != object.meta.uid);
        let memories = others.filter_map(|g| state.groups.get(&g.meta.uid));
        let chosen_elsewhere = memories.flat_map(worker_group::PlannerState::chosen).cloned().collect();
        let results_moved = state.results_moved(&cluster_key, now);
        let strays = state.cache.strays_of(key);
        let strays: Vec<_> = strays.iter().map(AsRef::as_ref).collect();
        let state = &mut *state;
        let memory = state.groups.entry(object.meta.uid.clone()).or_default();
        let input = worker_group::Input {
            group: &object,
            cluster: cluster.as_deref(),
            pods: &pods,
            cluster_pods: &all,
            chosen_elsewhere: &chosen_elsewhere,
            results_moved,
            strays: &strays,
            scheduler: &scheduler,
            agents: told.as_deref(),
            has_scheduler_pod,
            verdicts: &state.verdicts,
            autoscaled: acting,
            threats: &threats,
            now,
            domain: &context.settings.cluster_domain,
            agent: &context.settings.agent,
        };
        context.schedulers.notice(&cluster_key, subject, looks(&input));
        (worker_group::decide(&input, memory), Target::of(subject, &object.meta))
    };
    let outcome = carry_out(context, subject, &target, decision, &object.status, &cluster_key.1).await;
    if let Some(memory) = context.state.lock().groups.get_mut(&target.meta.uid) {
        api_rejection::remember(&mut memory.refused, &outcome);
    }
    outcome
}

/// What of the group and its pods is new only when something happened to them.
fn looks(input: &worker_group::Input<'_>) -> u64 {
    let mut hash = DefaultHasher::new();
    (input.group.meta.generation, input.autoscaled).hash(&mut hash);
    for pod in input.pods {
        (&pod.uid, &pod.resource_version, input.threats.contains_key(&pod.uid)).hash(&mut hash);
    }
    hash.finish()
}
