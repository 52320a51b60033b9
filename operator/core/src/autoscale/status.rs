//! What an autoscaler's status says.

use dask_crds::DaskAutoscalerStatus;

use crate::{
    autoscale::Input,
    conditions::{self, Observed},
};

/// The status before anything is decided.
pub(crate) fn base(input: &Input<'_>) -> DaskAutoscalerStatus {
    let workers = input.group.and_then(|g| g.status.workers).unwrap_or_default();
    let cluster = input.cluster.map(|c| &c.status);
    DaskAutoscalerStatus {
        observed_generation: Some(input.autoscaler.meta.generation),
        desired: input.group.map(|g| g.spec.worker.replicas),
        created: Some(workers.created),
        ready: Some(workers.ready),
        retiring: Some(workers.retiring),
        scheduler_address: cluster.and_then(|s| s.scheduler_address.clone()),
        dashboard_address: cluster.and_then(|s| s.dashboard_address.clone()),
        ..input.autoscaler.status.clone()
    }
}

/// Adds the conditions.
pub(crate) fn finish(status: &mut DaskAutoscalerStatus, mut observed: Vec<Observed>, input: &Input<'_>) {
    if !observed.iter().any(|o| o.is(conditions::CONFLICT)) {
        observed.push(conditions::no(
            conditions::CONFLICT,
            "NoConflict",
            "no other autoscaler scales this group",
        ));
    }
    let old = &input.autoscaler.status.conditions;
    status.conditions = conditions::update(old, observed, input.autoscaler.meta.generation, input.now);
}
