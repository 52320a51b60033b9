//! What is known of a Dask scheduler, and how its workers map to pods.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::model::{
    demand::DemandReading, names, pod::PodRecord, restarts::Restarts, time::Timestamp, uid::Uid,
    worker_address::WorkerAddress,
};

/// What is known of a cluster's scheduler.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SchedulerState {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// There is no scheduler pod.
    Absent,
    /// There is a scheduler pod, and it has not started.
    Starting,
    /// The scheduler pod runs and does not answer.
    Unreachable {
        /// What went wrong, for a person.
        why: String,
    },
    /// It runs and speaks TLS, which the operator does not: it is not asked.
    SpeaksTls,
    /// It answered.
    Known(Arc<Snapshot>),
}

/// Reason of every condition that has to do with a scheduler that speaks TLS.
pub const SPEAKS_TLS: &str = "SchedulerSpeaksTLS";

impl SchedulerState {
    /// The snapshot, if the scheduler answered.
    pub fn known(&self) -> Option<&Snapshot> {
        match self {
            Self::Known(snapshot) => Some(snapshot),
            _ => None,
        }
    }

    /// Whether nothing of the old workers can be alive in a scheduler: it is gone, or not there yet.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Absent | Self::Starting)
    }
}

/// One complete reading of a scheduler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Identity of the scheduler process: new after every restart.
    pub id: String,
    /// When the scheduler process started.
    pub started: Timestamp,
    /// When reading this began: what is true since then may be missing.
    pub at: Timestamp,
    /// When reading this ended.
    pub read: Timestamp,
    /// Every registered worker, by address.
    pub workers: BTreeMap<WorkerAddress, WorkerView>,
    /// Answer to `adaptive_target`, if asked.
    pub target: Option<u32>,
    /// Who may leave, if asked.
    pub offer: Option<Offer>,
    /// What waits and what it needs, if asked.
    pub demand: DemandReading,
    /// Whether it is idle, if asked.
    pub idle: Option<Idle>,
    /// When this process last saw it busy, or began to ask it, by our own clock.
    pub last_busy: Option<Timestamp>,
    /// Why one of these is missing though it was asked for.
    pub unanswered: Option<String>,
}

impl Snapshot {
    /// Whether the scheduler has let the worker at this address go.
    pub fn is_leaving(&self, address: &WorkerAddress) -> bool {
        self.workers.get(address).is_some_and(|w| w.leaving)
    }
}

/// Whether a scheduler has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It has something to do, or had until a moment ago.
    Busy,
    /// It has had nothing to do since then, by its own clock.
    Since(Timestamp),
}

/// Whom the scheduler offers for retirement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Addresses of `workers_to_close(n=all)`.
    pub addresses: BTreeSet<WorkerAddress>,
    /// Number of tasks assigned to a worker as its last heartbeat counted them, by address.
    pub processing: BTreeMap<WorkerAddress, usize>,
    /// A P2P shuffle runs on a scheduler too old to keep its participants.
    pub shuffle_blocks: bool,
    /// A P2P shuffle runs, or it is not known whether one does. Its participants are among those that are not offered, if the scheduler is
    /// not too old for that.
    pub p2p: bool,
}

/// One registered worker process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkerView {
    /// Its name; `DASK_WORKER_NAME`, perhaps with a suffix, where the manifest passes it on.
    pub name: String,
    /// Its host: the pod's IP.
    pub host: String,
    /// Whether it takes tasks (`running`; paused ones may again).
    pub running: bool,
    /// Whether it is on its way out (`closing_gracefully`, `closing`).
    pub leaving: bool,
    /// Bytes it may use; 0 means unlimited.
    pub memory_limit: u64,
    /// Bytes of the results it holds, spilled ones included.
    pub bytes: u64,
    /// Tasks that execute or have seceded.
    pub busy: u64,
    /// When the scheduler last heard of it, by the scheduler's clock.
    pub last_seen: f64,
    /// Who is its nanny.
    pub nanny: Nanny,
}

/// Who is a worker's nanny.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nanny {
    /// It has not told yet.
    #[default]
    Unknown,
    /// Dask's own, or none.
    Own,
    /// The agent, which had started so many processes again when this one began.
    Agent(Restarts),
}

impl WorkerView {
    /// What its agent did before it began.
    pub fn restarts(&self) -> Restarts {
        if let Nanny::Agent(restarts) = self.nanny { restarts } else { Restarts::default() }
    }
}

/// Addresses of the workers of each pod, by pod UID. A worker belongs to the pod whose name it has,
/// else to the pod whose IP it has; an IP that is a node's says nothing.
pub fn addresses_by_pod<'a>(
    pods: impl Iterator<Item = &'a PodRecord>,
    workers: &BTreeMap<WorkerAddress, WorkerView>,
) -> BTreeMap<Uid, BTreeSet<WorkerAddress>> {
    let mut names = BTreeMap::new();
    let mut ips = BTreeMap::new();
    for pod in pods {
        names.insert(pod.name.as_str(), &pod.uid);
        if let Some(ip) = pod.ip.as_deref().filter(|_| !pod.host_network && !pod.is_finished()) {
            ips.insert(ip, &pod.uid);
        }
    }
    let mut out: BTreeMap<Uid, BTreeSet<WorkerAddress>> = BTreeMap::new();
    for (address, worker) in workers {
        let uid = names
            .get(worker.name.as_str())
            .or_else(|| names.get(without_process_number(&worker.name)))
            .or_else(|| ips.get(worker.host.as_str()));
        if let Some(uid) = uid {
            out.entry((*uid).clone()).or_default().insert(address.clone());
        }
    }
    out
}

/// Whether a worker is registered that may run in any of the pods, because it belongs to none of them by
/// name or IP. A name that is one of ours without a pod belongs to a pod that is gone.
pub fn has_strangers<'a>(
    pods: impl Iterator<Item = &'a PodRecord>,
    workers: &BTreeMap<WorkerAddress, WorkerView>,
) -> bool {
    let mapped = addresses_by_pod(pods, workers);
    let mapped: BTreeSet<&WorkerAddress> = mapped.values().flatten().collect();
    workers.iter().any(|(a, w)| !mapped.contains(a) && !names::is_worker_pod(without_process_number(&w.name)))
}

/// With several processes in a pod, Dask appends `-<number>` to the name.
fn without_process_number(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((pod, n)) if !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()) => pod,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker_group::testing::pod;

    fn worker(name: &str, host: &str) -> WorkerView {
        WorkerView { name: name.into(), host: host.into(), ..WorkerView::default() }
    }

    #[test]
    fn a_worker_belongs_to_its_pod_by_name_then_by_ip() {
        let mut a = pod("g-worker-1", 1);
        a.ip = Some("10.0.0.1".into());
        let mut b = pod("g-worker-2", 2);
        b.ip = Some("10.0.0.2".into());
        let workers = BTreeMap::from([
            ("tcp://a:1".into(), worker("g-worker-1-0", "10.0.0.9")),
            ("tcp://a:2".into(), worker("g-worker-1-1", "10.0.0.9")),
            ("tcp://b:1".into(), worker("tcp://10.0.0.2:1", "10.0.0.2")),
            ("tcp://c:1".into(), worker("another", "10.0.0.3")),
        ]);
        let map = addresses_by_pod([&a, &b].into_iter(), &workers);
        assert_eq!(map[&a.uid].len(), 2);
        assert_eq!(map[&b.uid].len(), 1);
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn a_nodes_ip_says_nothing() {
        let mut a = pod("g-worker-1", 1);
        a.ip = Some("10.0.0.1".into());
        a.host_network = true;
        let workers = BTreeMap::from([("tcp://x:1".into(), worker("x", "10.0.0.1"))]);
        assert!(addresses_by_pod([&a].into_iter(), &workers).is_empty());
        assert!(has_strangers([&a].into_iter(), &workers), "it may be this pod's");
    }

    #[test]
    fn a_worker_of_a_pod_that_is_gone_is_no_stranger() {
        let gone = names::worker_pod("g", &"uid".into(), 3);
        let workers = BTreeMap::from([("tcp://x:1".into(), worker(&format!("{gone}-1"), "10.0.0.1"))]);
        assert!(!has_strangers(std::iter::empty(), &workers));
    }
}
