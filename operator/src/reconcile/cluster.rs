//! Observes a DaskCluster and carries out what the core decides.

use std::sync::Arc;

use dask_operator_core::{cluster, model::names};

use crate::{
    apply::{Apply, Target},
    context::Context,
    object_ref::{ObjectKey, ObjectRef},
    reconcile::{Error, Outcome, carry_out, pass_end::pass_end},
};

pub(super) async fn reconcile(
    context: &Arc<Context>,
    subject: &ObjectRef,
    key: &ObjectKey,
) -> Result<Outcome, Error> {
    let now = context.now();
    let scheduler = context.schedulers.state(key);
    let (decision, old, target) = {
        let mut state = context.state.lock();
        let Some(object) = state.cache.clusters.get(key).cloned() else { return Ok(Outcome::Gone) };
        let child = key.beside(names::scheduler(&key.name));
        let deployment = state.cache.deployments.get(&child).cloned();
        let service = state.cache.services.get(&child).cloned();
        let group = state.cache.groups.get(&key.beside(names::default_group(&key.name))).cloned();
        let pods = state.cache.schedulers_of(key);
        let pods: Vec<_> = pods.iter().map(AsRef::as_ref).collect();
        let state = &mut *state;
        let memory = state.clusters.entry(object.meta.uid.clone()).or_default();
        let decision = cluster::decide(cluster::Input {
            cluster: &object,
            deployment: deployment.as_deref(),
            service: service.as_deref(),
            default_group: group.as_deref(),
            scheduler_pods: &pods,
            scheduler: &scheduler,
            memory,
            verdicts: &state.verdicts,
            now,
            domain: &context.settings.cluster_domain,
            agent: &context.settings.agent,
        });
        let target = Target::of(subject, &object.meta);
        (decision, object, target)
    };
    let outcome =
        carry_out(Apply { context, subject, target: &target }, decision, &old.status, &key.name).await;
    if let Some(memory) = context.state.lock().clusters.get_mut(&target.meta.uid) {
        memory.rejections.note(&pass_end(&outcome));
    }
    outcome
}
