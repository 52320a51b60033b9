//! Observes a DaskJob and carries out what the core decides.

use std::sync::Arc;

use dask_operator_core::{job, model::names};

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
    let (decision, old, target) = {
        let mut state = context.state.lock();
        let Some(object) = state.cache.jobs.get(key).cloned() else { return Ok(Outcome::Gone) };
        let cluster = state.cache.clusters.get(key).cloned();
        let runner = state.cache.pods.get(&key.beside(names::runner(&key.name))).cloned();
        let state = &mut *state;
        let memory = state.jobs.entry(object.meta.uid.clone()).or_default();
        let decision = job::decide(job::Input {
            job: &object,
            cluster: cluster.as_deref(),
            runner: runner.as_deref(),
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
    if let Some(memory) = context.state.lock().jobs.get_mut(&target.meta.uid) {
        memory.rejections.note(&pass_end(&outcome));
    }
    outcome
}
