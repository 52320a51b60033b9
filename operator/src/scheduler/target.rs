//! The pod of a cluster whose scheduler is asked.

use std::sync::Arc;

use dask_operator_core::{
    model::{
        pod::{PodPhase, PodRecord},
        uid::Uid,
    },
    resources::COMM_PORT,
};

use crate::{context::Context, env::Address, object_ref::ObjectKey};

/// A scheduler pod that runs.
pub(crate) struct Target {
    /// Its UID.
    pub uid: Uid,
    /// Where its scheduler listens.
    pub address: Address,
    /// The pod.
    pub pod: Arc<PodRecord>,
}

impl Target {
    /// The scheduler pod that runs, if there is one.
    pub fn of(context: &Context, cluster: &ObjectKey) -> Option<Self> {
        let pods = context.state.lock().cache.schedulers_of(cluster);
        let pod = serving(&pods)?.clone();
        let address = Address {
            namespace: cluster.namespace.clone(),
            pod: pod.name.clone(),
            ip: pod.ip.clone()?,
            port: pod.comm_port.unwrap_or(COMM_PORT),
        };
        Some(Self { uid: pod.uid.clone(), address, pod })
    }
}

/// The pod whose scheduler serves. One that is being deleted does until its containers have ended; another one comes
/// before it.
fn serving(pods: &[Arc<PodRecord>]) -> Option<&Arc<PodRecord>> {
    let runs = |p: &&Arc<PodRecord>| p.phase == PodPhase::Running && p.ip.is_some();
    pods.iter().filter(runs).min_by_key(|p| p.deleting)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, deleting: bool, phase: PodPhase) -> Arc<PodRecord> {
        let ip = (phase != PodPhase::Pending).then(|| "10.0.0.1".into());
        Arc::new(PodRecord { name: name.into(), deleting, phase, ip, ..PodRecord::default() })
    }

    #[test]
    fn a_scheduler_that_is_being_deleted_serves_until_it_has_ended() {
        let name = |pods: &[Arc<PodRecord>]| serving(pods).map(|p| p.name.clone());
        let old = pod("old", true, PodPhase::Running);
        assert_eq!(name(&[old.clone(), pod("new", false, PodPhase::Pending)]).as_deref(), Some("old"));
        assert_eq!(name(&[old, pod("new", false, PodPhase::Running)]).as_deref(), Some("new"));
        assert_eq!(name(&[pod("old", true, PodPhase::Succeeded)]), None);
    }
}
