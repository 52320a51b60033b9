//! The Dask scheduler of the small world: who is registered, who holds what, and how workers retire.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dask_operator_core::{
    model::{
        demand::DemandReading,
        scheduler::{Offer, SchedulerState, Snapshot, WorkerView},
        time::Timestamp,
        worker_address::WorkerAddress,
    },
    plan::{
        action::{RetireCall, RetireStage},
        scheduler_need::{SchedulerNeed, WorkersNeed},
    },
    worker_group::MEMORY_TARGET,
};

use super::{event::Target, rules::Broken};

/// Bytes a worker may use.
pub const MEMORY: u64 = 1000;
/// How long a task runs.
const TASK: Duration = Duration::from_secs(10);
/// Time between two heartbeats of a worker.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// Bytes of what a task leaves behind.
pub const SMALL: u64 = 90;
/// Most results: a set of them is a bit mask.
const MOST: usize = 32;

/// One registered worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Name of its pod, and its own.
    pub pod: Arc<str>,
    /// Where it listens.
    pub address: Arc<str>,
    /// Its pod's IP.
    pub host: Arc<str>,
    /// When it came.
    pub registered: Timestamp,
    /// Which results it holds, one bit each.
    pub keys: u32,
    /// A task executes, until then.
    pub busy: Option<Timestamp>,
    /// Whether it has seceded: then the worker is not offered.
    pub long: bool,
    /// Whether the heartbeat that is under way says so.
    pub sent: bool,
    /// Whether the last heartbeat that arrived said so.
    pub heard: bool,
    /// When that was.
    pub last_seen: Timestamp,
    /// It was told to leave.
    pub leaving: bool,
    /// No heartbeats until then.
    pub frozen: Timestamp,
}

impl Worker {
    fn is_offered(&self) -> bool {
        !(self.leaving || self.long && self.busy.is_some())
    }
}

/// A scheduler process and its workers.
#[derive(Clone, Debug)]
pub struct Dask {
    /// Which process it is.
    pub id: u8,
    /// When it started.
    pub started: Timestamp,
    /// The registered workers, in the order in which they came.
    pub workers: Vec<Worker>,
    /// Bytes of each result that was ever made.
    pub keys: Vec<u64>,
    /// What it answers to `adaptive_target`.
    pub target: Target,
    /// Pods whose worker process has ended by itself.
    pub exited: Vec<Arc<str>>,
    /// When the next heartbeats arrive.
    pub next_beat: Timestamp,
}

impl Dask {
    /// A scheduler without workers.
    pub fn new(now: Timestamp) -> Self {
        Self {
            id: 0,
            started: now,
            workers: Vec::new(),
            keys: Vec::new(),
            target: Target::Value(0),
            exited: Vec::new(),
            next_beat: now,
        }
    }

    /// Its identity, as it says it.
    pub fn identity(&self) -> String {
        format!("scheduler-{}", self.id)
    }

    /// A worker starts in this pod.
    pub fn register(&mut self, pod: &str, ip: &str, now: Timestamp) {
        self.workers.push(Worker {
            pod: pod.into(),
            address: format!("tcp://{ip}:1").into(),
            host: ip.into(),
            registered: now,
            keys: 0,
            busy: None,
            long: false,
            sent: false,
            heard: false,
            last_seen: now,
            leaving: false,
            frozen: now,
        });
    }

    /// The worker in this pod.
    pub fn worker(&self, pod: &str) -> Option<&Worker> {
        self.workers.iter().find(|w| &*w.pod == pod)
    }

    /// The worker in this pod is gone, and all it held.
    pub fn lose(&mut self, pod: &str) -> Option<Worker> {
        let i = self.workers.iter().position(|w| &*w.pod == pod)?;
        Some(self.workers.remove(i))
    }

    /// Bytes of these results.
    pub fn bytes(&self, keys: u32) -> u64 {
        self.keys.iter().enumerate().filter(|(i, _)| keys >> i & 1 == 1).map(|(_, b)| b).sum()
    }

    /// A result arrives on a worker, the only copy.
    pub fn make(&mut self, worker: usize, bytes: u64) {
        if self.keys.len() < MOST
            && let Some(w) = self.workers.get_mut(worker)
        {
            w.keys |= 1 << self.keys.len();
            self.keys.push(bytes);
        }
    }

    /// A task starts.
    pub fn start_task(&mut self, worker: usize, long: bool, now: Timestamp) {
        if let Some(w) = self.workers.get_mut(worker).filter(|w| !w.leaving && w.busy.is_none()) {
            (w.busy, w.long) = (Some(now.plus(TASK)), long);
        }
    }

    /// Tasks end, and heartbeats arrive: each tells what was true when the one before arrived.
    pub fn beat(&mut self, now: Timestamp) {
        let beats = self.next_beat <= now;
        if beats {
            self.next_beat = now.plus(HEARTBEAT);
        }
        for i in 0..self.workers.len() {
            if self.workers[i].busy.is_some_and(|until| until <= now) {
                self.workers[i].busy = None;
                self.make(i, SMALL);
            }
            let w = &mut self.workers[i];
            if beats && w.frozen <= now {
                (w.heard, w.sent, w.last_seen) = (w.sent, w.busy.is_some(), now);
            }
        }
    }

    /// Carries out a call for at most so many of the workers; answers whom it let go.
    pub fn retire(&mut self, call: &RetireCall, most: usize) -> Result<BTreeSet<WorkerAddress>, Broken> {
        let mut accepted = BTreeSet::new();
        for address in call.addresses.iter().take(most) {
            let Some(i) = self.workers.iter().position(|w| *w.address == **address) else { continue };
            if !self.move_away(i, &call.addresses) {
                continue;
            }
            if call.stage == RetireStage::Close {
                let closed = self.workers.remove(i);
                if closed.busy.is_some() {
                    return Err(Broken::new("no-work-lost", format!("{address} was closed at work")));
                }
                self.exited.push(closed.pod);
            } else {
                self.workers[i].leaving = true;
            }
            accepted.insert(address.clone());
        }
        Ok(accepted)
    }

    /// Moves the results of a worker to others that stay; without one, it keeps them and is refused.
    fn move_away(&mut self, i: usize, leaving: &BTreeSet<WorkerAddress>) -> bool {
        let keys = std::mem::take(&mut self.workers[i].keys);
        let stays = |w: &Worker| !w.leaving && !leaving.contains(&*w.address);
        let others: Vec<usize> =
            (0..self.workers.len()).filter(|n| *n != i && stays(&self.workers[*n])).collect();
        for key in (0..self.keys.len()).filter(|k| keys >> k & 1 == 1) {
            let least = others.iter().copied().min_by_key(|n| (self.bytes(self.workers[*n].keys), *n));
            self.workers[least.unwrap_or(i)].keys |= 1 << key;
        }
        keys == 0 || !others.is_empty()
    }

    /// What a reading of now finds.
    pub fn read(&self, now: Timestamp, need: SchedulerNeed, offers: bool) -> SchedulerState {
        let workers = self.workers.iter().map(|w| (WorkerAddress::from(&*w.address), self.view(w))).collect();
        let offer = || Offer {
            addresses: self
                .workers
                .iter()
                .filter(|w| w.is_offered())
                .map(|w| WorkerAddress::from(&*w.address))
                .collect(),
            processing: self.workers.iter().map(|w| ((&*w.address).into(), usize::from(w.heard))).collect(),
            shuffle_blocks: false,
            p2p: false,
        };
        let target = match self.target {
            Target::Value(n) => Some(n.into()),
            Target::Huge => Some(u32::MAX),
            Target::Error => None,
        };
        SchedulerState::Known(Arc::new(Snapshot {
            id: self.identity(),
            started: self.started,
            at: now,
            read: now,
            workers,
            target: target.filter(|_| need.reads_target()),
            demand: if need.demand { unavailable() } else { DemandReading::NotAsked },
            offer: (offers && need.workers == WorkersNeed::Offer).then(offer),
            unanswered: (!offers || target.is_none()).then(|| "no answer".to_string()),
            ..Snapshot::default()
        }))
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn view(&self, w: &Worker) -> WorkerView {
        WorkerView {
            name: w.pod.to_string(),
            host: w.host.to_string(),
            running: !w.leaving,
            leaving: w.leaving,
            memory_limit: MEMORY,
            bytes: self.bytes(w.keys),
            busy: u64::from(w.heard),
            last_seen: w.last_seen.0 as f64 / 1000.0,
            ..WorkerView::default()
        }
    }
}

/// It is an older one, or may not be given operations: only its target is known.
fn unavailable() -> DemandReading {
    DemandReading::Unavailable { why: "not here".into() }
}

/// Bytes that a worker takes before it spills.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small"
)]
pub fn room() -> u64 {
    (MEMORY as f64 * MEMORY_TARGET) as u64
}
