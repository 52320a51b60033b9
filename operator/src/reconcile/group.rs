//! Observes a DaskWorkerGroup and carries out what the core decides.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use dask_crds::DaskWorkerGroupStatus;
use dask_operator_core::{
    autoscaler,
    model::{object::Group, time::Timestamp},
    plan::action::Decision,
    worker_group,
};

use crate::{
    apply::{Apply, Target},
    context::Context,
    object_ref::{ObjectKey, ObjectRef},
    reconcile::{Error, Outcome, carry_out, orphans, pass_end::pass_end},
    store::State,
};

pub(super) async fn reconcile(
    context: &Arc<Context>,
    subject: &ObjectRef,
    key: &ObjectKey,
) -> Result<Outcome, Error> {
    let Some(object) = context.state.lock().cache.groups.get(key).cloned() else {
        orphans::tell(context, key);
        return Ok(Outcome::Gone);
    };
    let decision = decide(context, subject, &object);
    let target = Target::of(subject, &object.meta);
    let on = Apply { context, subject, target: &target };
    let outcome = carry_out(on, decision, &object.status, &object.spec.cluster).await;
    if let Some(memory) = context.state.lock().groups.get_mut(&target.meta.uid) {
        memory.rejections.note(&pass_end(&outcome));
    }
    outcome
}

/// What to do about the group, by what is observed now.
fn decide(context: &Context, subject: &ObjectRef, object: &Group) -> Decision<DaskWorkerGroupStatus> {
    let now = context.now();
    let key = subject.key();
    let cluster_key = key.beside(object.spec.cluster.as_str());
    let scheduler = context.schedulers.state(&cluster_key);
    let told = context.schedulers.last_snapshot(&cluster_key);
    let mut state = context.state.lock();
    let cluster = state.cache.clusters.get(&cluster_key).cloned();
    let pods = state.cache.workers_of(&object.meta.uid);
    let pods: Vec<_> = pods.iter().map(AsRef::as_ref).collect();
    let all = state.cache.workers_of_cluster(&cluster_key);
    let all: Vec<_> = all.iter().map(AsRef::as_ref).collect();
    let autoscaled = is_autoscaled(&state, object, &cluster_key, now);
    let has_scheduler_pod = state.cache.schedulers_of(&cluster_key).iter().any(|p| p.is_live());
    let threats = state.cache.threats(all.iter().copied());
    let strays = state.cache.strays_of(key);
    let strays: Vec<_> = strays.iter().map(AsRef::as_ref).collect();
    let chosen_elsewhere = &state.chosen_elsewhere(&cluster_key, &object.meta.uid);
    let results_moved = state.results_moved(&cluster_key, now);
    let state = &mut *state;
    let memory = state.groups.entry(object.meta.uid.clone()).or_default();
    let input = worker_group::Input {
        group: object,
        cluster: cluster.as_deref(),
        pods: &pods,
        cluster_pods: &all,
        chosen_elsewhere,
        results_moved,
        strays: &strays,
        scheduler: &scheduler,
        agents: told.as_deref(),
        has_scheduler_pod,
        verdicts: &state.verdicts,
        autoscaled,
        threats: &threats,
        now,
        domain: &context.settings.cluster_domain,
        agent: &context.settings.agent,
    };
    context.schedulers.notice(&cluster_key, subject, fingerprint(&input));
    worker_group::decide(&input, memory)
}

/// Whether an autoscaler decides the group's size now.
fn is_autoscaled(state: &State, group: &Group, cluster: &ObjectKey, now: Timestamp) -> bool {
    let all = state.cache.autoscalers_of(cluster).map(AsRef::as_ref);
    let acting = autoscaler::acting(all, &cluster.name, &group.meta.name);
    let (object, samples) = (state.cache.clusters.get(cluster), state.autoscalers.get(cluster));
    acting.is_some_and(|a| autoscaler::decides(a, object.map(AsRef::as_ref), samples, now))
}

/// What of the group and its pods is new only when something happened to them.
fn fingerprint(input: &worker_group::Input<'_>) -> u64 {
    let mut hash = DefaultHasher::new();
    (input.group.meta.generation, input.autoscaled).hash(&mut hash);
    for pod in input.pods {
        (&pod.uid, &pod.resource_version, input.threats.contains_key(&pod.uid)).hash(&mut hash);
    }
    hash.finish()
}
