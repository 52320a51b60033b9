//! How often a pod's containers were started again.

use dask_operator_core::model::restarts::Restarts;

use crate::kubernetes::partial_types::{ContainerState, ContainerStatus};

/// As far as they tell: of kills for want of memory a container knows of its last one.
pub(crate) fn count_restarts(containers: &[ContainerStatus]) -> Restarts {
    let is_kill = |state: &ContainerState| {
        state.terminated.as_ref().is_some_and(|t| t.reason.as_deref() == Some("OOMKilled"))
    };
    let kills = containers.iter().filter(|c| is_kill(&c.state) || is_kill(&c.last_state)).count();
    Restarts {
        restarts: containers.iter().map(|c| c.restart_count).fold(0, u32::saturating_add),
        oom_kills: u32::try_from(kills).unwrap_or(u32::MAX),
    }
}
