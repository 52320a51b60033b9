//! Which autoscaler acts on a group, and why another one does not.

use std::time::Duration;

use dask_crds::AutoscalerMode;

use crate::{
    autoscaler::{
        PlannerState,
        input::{Input, Workers},
    },
    model::{
        names,
        object::{Autoscaler, Cluster},
        time::Timestamp,
    },
    plan::{
        conditions::{self, Observed},
        metadata_patch,
    },
    resources,
};

/// An autoscaler whose scheduler has not told for this long what it would like decides nothing any more: a change of
/// size in the meantime is a person's. Twice the default of `drainTimeout`.
pub const INERT: Duration = Duration::from_secs(600);

/// Name of the group that an autoscaler scales.
pub fn group_name(autoscaler: &Autoscaler) -> String {
    let spec = &autoscaler.spec;
    spec.worker_group.clone().unwrap_or_else(|| names::default_group(&spec.cluster))
}

/// The autoscaler that acts on this group, if it can: the oldest of those that name it.
pub fn acting<'a>(
    all: impl IntoIterator<Item = &'a Autoscaler>,
    cluster: &str,
    group: &str,
) -> Option<&'a Autoscaler> {
    all.into_iter()
        .filter(|a| !a.meta.deleting && a.spec.cluster == cluster && group_name(a) == group)
        .min_by_key(|a| (a.meta.created, a.meta.name.clone()))
}

/// Whether an autoscaler decides this group's size now: one that is valid, and whose scheduler told lately what it would
/// like, by this process's own watch. `memory` is what is remembered of the cluster's autoscalers. What no autoscaler
/// decides is a person's: a shrink then ends with `drainTimeout`.
pub fn decides(
    autoscaler: &Autoscaler,
    cluster: Option<&Cluster>,
    memory: Option<&PlannerState>,
    now: Timestamp,
) -> bool {
    let is_usable = cluster.is_some_and(|c| !is_from_previous_owner(autoscaler, c));
    let acts = autoscaler.spec.mode.unwrap_or(AutoscalerMode::Active) == AutoscalerMode::Active;
    is_usable && acts && has_valid_bounds(autoscaler) && !memory.is_some_and(|m| m.is_inert(now))
}

/// Whether the autoscaler only says what it would do.
pub(crate) fn is_dry_run(autoscaler: &Autoscaler) -> bool {
    autoscaler.spec.mode == Some(AutoscalerMode::DryRun)
}

pub(crate) fn is_from_previous_owner(autoscaler: &Autoscaler, cluster: &Cluster) -> bool {
    metadata_patch::is_from_previous_owner(&autoscaler.meta.owners, &resources::cluster_owner(cluster))
}

fn has_valid_bounds(autoscaler: &Autoscaler) -> bool {
    let spec = &autoscaler.spec;
    spec.maximum.is_none_or(|maximum| spec.minimum.unwrap_or(0).max(0) <= maximum.max(0))
}

fn inactive(reason: &str, message: String) -> Vec<Observed> {
    vec![conditions::no(conditions::ACTIVE, reason, message)]
}

/// What its own spec says against it.
fn refused_by_spec(autoscaler: &Autoscaler) -> Result<(), Vec<Observed>> {
    let spec = &autoscaler.spec;
    if !has_valid_bounds(autoscaler) {
        let (minimum, maximum) = (spec.minimum.unwrap_or(0), spec.maximum.unwrap_or(0));
        return Err(inactive(
            "InvalidBounds",
            format!(
                "spec.minimum ({minimum}) must not exceed spec.maximum ({maximum}); lower the one or raise the other"
            ),
        ));
    }
    if spec.mode == Some(AutoscalerMode::Paused) {
        let message = "spec.mode is Paused: the size is set by hand; set Active to let it follow the work";
        return Err(inactive("Paused", message.into()));
    }
    Ok(())
}

/// The place of the group that this autoscaler may scale now in `input.groups`; else what to say.
pub(crate) fn eligible_group(autoscaler: &Autoscaler, input: &Input<'_>) -> Result<usize, Vec<Observed>> {
    let inactive = |reason: &str, message: String| Err(inactive(reason, message));
    let spec = &autoscaler.spec;
    refused_by_spec(autoscaler)?;
    let Some(cluster) = input.cluster else {
        if metadata_patch::is_owned_by(&autoscaler.meta.owners, "DaskCluster", &spec.cluster) {
            return inactive("NotReady", "its cluster is gone, and it goes with it".into());
        }
        return inactive(
            "ClusterNotFound",
            format!(
                "spec.cluster: there is no DaskCluster {:?} in namespace {:?}; create it, or correct the name",
                spec.cluster, autoscaler.meta.namespace
            ),
        );
    };
    let name = group_name(autoscaler);
    if is_from_previous_owner(autoscaler, cluster) {
        return inactive("NotReady", "it belongs to a former cluster of that name, and goes with it".into());
    }
    let Some(place) = input.groups.iter().position(|g: &Workers<'_>| g.group.meta.name == name) else {
        return inactive(
            "WorkerGroupNotFound",
            format!(
                "spec.workerGroup: DaskCluster {:?} has no DaskWorkerGroup {name:?}; create it, or correct the name",
                spec.cluster
            ),
        );
    };
    let acting = acting(input.autoscalers.iter().copied(), &spec.cluster, &name);
    if let Some(older) = acting.filter(|a| a.meta.uid != autoscaler.meta.uid) {
        let message = format!(
            "DaskAutoscaler {:?} is older and scales {name:?} already; delete one of the two",
            older.meta.name
        );
        return Err(vec![
            conditions::no(conditions::ACTIVE, "Conflict", message.clone()),
            conditions::yes(conditions::CONFLICT, "OlderExists", message),
        ]);
    }
    Ok(place)
}
