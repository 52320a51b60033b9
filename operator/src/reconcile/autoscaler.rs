//! Observes all DaskAutoscalers of a cluster and carries out what the core decides, together.

use std::sync::Arc;

use dask_operator_core::{
    autoscaler::{self, input::Workers},
    model::{object::Autoscaler, pod::PodRecord},
    plan::action::Decision,
};

use crate::{
    apply::{Apply, Target},
    context::Context,
    object_ref::{ObjectKey, ObjectRef},
    reconcile::{Error, Outcome, carry_out, pass_end::pass_end},
};

type Decided = (Arc<Autoscaler>, Decision<dask_crds::DaskAutoscalerStatus>);

/// All of them are carried out even if one fails; the first failure is answered. Until the cache shows all that was
/// written, the subject waits: no second decision is made on what the groups were before.
pub(super) async fn reconcile(
    context: &Arc<Context>,
    subject: &ObjectRef,
    cluster: &ObjectKey,
) -> Result<Outcome, Error> {
    let decided = decide(context, cluster);
    if decided.is_empty() {
        context.state.lock().autoscalers.remove(cluster);
        return Ok(Outcome::Gone);
    }
    let (mut again, mut failed) = (None, None);
    for (object, decision) in decided {
        let target = Target::of(subject, &object.meta);
        let outcome =
            carry_out(Apply { context, subject, target: &target }, decision, &object.status, &cluster.name)
                .await;
        if let Some(memory) = context.state.lock().autoscalers.get_mut(cluster) {
            let rejections = memory.rejections.entry(object.meta.uid.clone()).or_default();
            rejections.note(&pass_end(&outcome));
        }
        match outcome {
            Ok(Outcome::Done(wait)) => again = [again, wait].into_iter().flatten().min(),
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(Outcome::Done(again)), Err)
}

fn decide(context: &Context, cluster: &ObjectKey) -> Vec<Decided> {
    let (now, scheduler) = (context.now(), context.schedulers.state(cluster));
    let mut state = context.state.lock();
    let objects: Vec<_> = state.cache.autoscalers_of(cluster).cloned().collect();
    if objects.is_empty() {
        return Vec::new();
    }
    let groups = state.cache.groups_of(cluster).filter(|g| !g.meta.deleting);
    let groups: Vec<_> = groups.map(|g| (g.clone(), state.cache.workers_of(&g.meta.uid))).collect();
    let pods: Vec<Vec<&PodRecord>> =
        groups.iter().map(|(_, pods)| pods.iter().map(AsRef::as_ref).collect()).collect();
    let workers: Vec<_> =
        groups.iter().zip(&pods).map(|((group, _), pods)| Workers { group, pods }).collect();
    let object = state.cache.clusters.get(cluster).cloned();
    let autoscalers: Vec<_> = objects.iter().map(AsRef::as_ref).collect();
    let input = autoscaler::Input {
        autoscalers: &autoscalers,
        cluster: object.as_deref(),
        groups: &workers,
        scheduler: &scheduler,
        default_maximum: context.settings.autoscaler_maximum,
        now,
    };
    let memory = state.autoscalers.entry(cluster.clone()).or_default();
    let decisions = autoscaler::decide(&input, memory);
    drop(state);
    objects.into_iter().zip(decisions).collect()
}
