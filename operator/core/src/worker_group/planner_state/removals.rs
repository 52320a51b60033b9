//! What this process remembers of removals that are under way: what was asked of the scheduler, and what it answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    model::{time::Timestamp, uid::Uid, worker_address::WorkerAddress},
    plan::action::RetireCall,
};

/// A call that never reported back is forgotten after this long; asking again is safe.
pub(crate) const LOST_CALL: Duration = Duration::from_secs(300);

/// What was asked about a marked pod, and answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Victim {
    /// Addresses whose retirement the scheduler accepted.
    pub drained: BTreeSet<WorkerAddress>,
    /// When it accepted.
    pub drained_at: Timestamp,
    /// Addresses that were closed.
    pub closed: BTreeSet<WorkerAddress>,
    /// For each address, the last heartbeat seen and how many since it was drained.
    pub beats: BTreeMap<WorkerAddress, (f64, u32)>,
    /// The pod stays after all, because it was refused or need not leave any more: the mark comes off.
    pub stays: bool,
}

/// The scheduler refused to let a pod go.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub times: u32,
    /// When it refused for the last time.
    pub at: Timestamp,
    /// It is not asked again before.
    pub until: Timestamp,
}

/// A call of `retire_workers` that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The scheduler that is asked.
    pub scheduler: String,
    pub victims: Victims,
    pub started: Timestamp,
}

/// Pods of one call, by UID.
pub(crate) type Victims = BTreeMap<Uid, Asked>;

/// What is asked about one pod.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub addresses: BTreeSet<WorkerAddress>,
    /// It was leaving already when it was asked about: a refusal does not bring it back.
    pub leaving: bool,
}

impl Call {
    /// Whether this is that call.
    pub(crate) fn is(&self, call: &RetireCall) -> bool {
        let asked: BTreeSet<&WorkerAddress> = self.victims.values().flat_map(|v| &v.addresses).collect();
        self.scheduler == call.scheduler && asked.into_iter().eq(&call.addresses)
    }
}
