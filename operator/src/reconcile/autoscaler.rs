//! Observes a DaskAutoscaler and carries out what the core decides.

use std::sync::Arc;

use dask_operator_core::{
    autoscale,
    record::{Group, PodRecord},
    scheduler::{SchedulerState, addresses_by_pod},
};

use crate::{
    cache::Cache,
    execute::Target,
    reconcile::{Error, Outcome, carry_out, refusal},
    run::Operator,
    subject::{Key, Subject},
};

pub(super) async fn reconcile(
    operator: &Arc<Operator>,
    subject: &Subject,
    key: &Key,
) -> Result<Outcome, Error> {
    let now = operator.world.now();
    let Some(object) = operator.state.lock().cache.autoscalers.get(key).cloned() else {
        return Ok(Outcome::Gone);
    };
    let cluster_key = (key.0.clone(), object.spec.cluster.clone());
    let scheduler = operator.links.state(&cluster_key);
    let (decision, target) = {
        let mut state = operator.state.lock();
        let cluster = state.cache.clusters.get(&cluster_key).cloned();
        let name = autoscale::group_name(&object);
        let group = state.cache.groups.get(&(key.0.clone(), name.clone())).cloned();
        let all: Vec<_> = state.cache.autoscalers_in(&key.0).cloned().collect();
        let all: Vec<_> = all.iter().map(AsRef::as_ref).collect();
        let per_pod = group.as_deref().map_or(1, |g| per_pod(&state.cache, g, &scheduler));
        let others: u32 = state
            .cache
            .groups_of(&cluster_key)
            .filter(|g| g.meta.name != name)
            .map(|g| supply(&state.cache, g).saturating_mul(self::per_pod(&state.cache, g, &scheduler)))
            .sum();
        let memory = state.autoscalers.entry(object.meta.uid.clone()).or_default();
        let input = autoscale::Input {
            autoscaler: &object,
            all: &all,
            cluster: cluster.as_deref(),
            group: group.as_deref(),
            processes_per_pod: per_pod,
            processes_elsewhere: others,
            scheduler: &scheduler,
            now,
            domain: &operator.settings.cluster_domain,
        };
        (autoscale::decide(&input, memory), Target::of(subject, &object.meta))
    };
    let outcome = carry_out(operator, subject, &target, decision, &object.status, &cluster_key.1).await;
    if let Some(memory) = operator.state.lock().autoscalers.get_mut(&target.meta.uid) {
        refusal::remember(&mut memory.refused, outcome.as_ref().err());
    }
    outcome
}

/// Worker processes in a pod of the group, as far as any is registered.
fn per_pod(cache: &Cache, group: &Group, scheduler: &SchedulerState) -> u32 {
    let Some(snapshot) = scheduler.known() else { return 1 };
    let pods = cache.workers_of(&group.meta.uid);
    let most = addresses_by_pod(pods.iter().map(AsRef::as_ref), &snapshot.workers)
        .values()
        .map(std::collections::BTreeSet::len)
        .max();
    most.and_then(|n| u32::try_from(n).ok()).unwrap_or(1).max(1)
}

/// Pods that the group has or will have.
fn supply(cache: &Cache, group: &Group) -> u32 {
    let staying = |p: &&std::sync::Arc<PodRecord>| p.is_live() && p.mark.is_none();
    let live = cache.workers_of(&group.meta.uid).iter().filter(staying).count();
    u32::try_from(live).unwrap_or(u32::MAX).max(u32::try_from(group.spec.worker.replicas).unwrap_or(0))
}
