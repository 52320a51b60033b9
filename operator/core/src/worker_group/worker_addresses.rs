//! Which registered workers run in which pods.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{
        scheduler::{addresses_by_pod, has_strangers},
        uid::Uid,
        worker_address::WorkerAddress,
    },
    worker_group::{PlannerState, input::Input},
};

/// Which registered workers run in which pods; made once for each decision.
#[derive(Debug, Default)]
pub(crate) struct WorkerAddresses {
    by_pod: BTreeMap<Uid, BTreeSet<WorkerAddress>>,
    /// A worker is registered that may run in any pod.
    pub strangers: bool,
    /// There has been no scheduler for so long that nothing of any worker counts.
    pub no_scheduler: bool,
}

impl WorkerAddresses {
    pub fn of(input: &Input<'_>, memory: &PlannerState) -> Self {
        let no_scheduler = memory.watched.is_without_scheduler(input.now);
        let Some(snapshot) = input.scheduler.known() else { return Self { no_scheduler, ..Self::default() } };
        let all = input.cluster_pods.iter().chain(input.pods).copied();
        Self {
            no_scheduler,
            by_pod: addresses_by_pod(all, &snapshot.workers),
            strangers: has_strangers(input.cluster_pods.iter().copied(), &snapshot.workers),
        }
    }

    /// Addresses of the workers in the pod with this UID, if there are any.
    pub(crate) fn get(&self, uid: &Uid) -> Option<&BTreeSet<WorkerAddress>> {
        self.by_pod.get(uid)
    }
}
