//! What must hold at every step. Rules of the whole operator (ARCHITECTURE.md) have their names here, too; the others are of
//! small worlds alone.

mod removal;
mod scaling;

use std::collections::{BTreeMap, BTreeSet};

use dask_operator_core::{
    model::{
        pod::PodRecord, scheduler::SchedulerState, time::Timestamp, uid::Uid, worker_address::WorkerAddress,
    },
    plan::action::{Action, RetireCall},
};

pub use removal::deletes;
pub use scaling::scales;

use super::{api::Api, dask::Worker, world::World};

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct Broken {
    /// Which one.
    pub rule: &'static str,
    /// What happened instead.
    pub what: String,
}

impl Broken {
    /// It does not hold.
    pub fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

/// Fails with what happened, unless it holds.
fn hold(holds: bool, rule: &'static str, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::new(rule, what())) }
}

/// What the rules remember of the way so far.
#[derive(Clone, Debug)]
pub struct Seen {
    /// How many processes of the operator there have been.
    pub processes: u32,
    /// When a person last asked for less, or an autoscaler began or stopped to decide.
    pub asked_at: Timestamp,
    /// When a person asked for less and the operator has not been shown it.
    pub asked_unseen: Option<Timestamp>,
    /// Demands that this process has seen of one scheduler: by whom, when, how much.
    pub samples: Vec<(String, Timestamp, u32)>,
    /// When the size was last changed, and that was written down.
    pub scaled_at: Option<Timestamp>,
    /// When this process last heard that a pod was refused, by UID.
    pub refused: BTreeMap<Uid, Timestamp>,
    /// Pods that are deleted by force in this pass, by UID.
    pub forced: BTreeSet<Uid>,
}

/// A live pod that was not chosen to leave.
fn stays(pod: &PodRecord) -> bool {
    pod.is_live() && pod.mark.is_none()
}

/// The size the operator was last asked for, as it was shown.
fn desired(api: &Api) -> usize {
    usize::try_from(api.seen_group.spec.worker.replicas).unwrap_or(0)
}

impl Seen {
    /// Nothing so far.
    pub fn new(now: Timestamp) -> Self {
        Self {
            processes: 0,
            asked_at: now,
            asked_unseen: None,
            samples: Vec::new(),
            scaled_at: None,
            refused: BTreeMap::new(),
            forced: BTreeSet::new(),
        }
    }

    /// The autoscaler was shown this reading.
    pub fn sample(&mut self, reading: &SchedulerState) {
        match reading {
            SchedulerState::Unknown => {}
            SchedulerState::Known(s) => {
                let Some(target) = s.target else { return self.samples.clear() };
                if self.samples.last().is_some_and(|(id, _, _)| *id != s.id) {
                    self.samples.clear();
                }
                if self.samples.last().is_none_or(|(_, at, _)| *at < s.at) {
                    self.samples.push((s.id.clone(), s.at, target));
                }
                let surplus = self.samples.len().saturating_sub(8);
                self.samples.drain(..surplus);
            }
            _ => self.samples.clear(),
        }
    }
}

impl World {
    /// The operator hears that the scheduler let these go, and not the others of the call; it may not know that one of
    /// those had left before.
    pub(crate) fn note_refusals(&mut self, call: &RetireCall, accepted: &BTreeSet<WorkerAddress>) {
        let is_asked = |w: &&Worker| call.addresses.contains(&*w.address);
        for worker in self.dask.workers.iter().filter(is_asked) {
            if let Some(pod) = self.api.pod(&worker.pod).filter(|_| !accepted.contains(&*worker.address)) {
                self.rules.refused.insert(pod.uid.clone(), self.now);
            }
        }
    }
}

/// `no-surplus`: no pod is made where as many as are wanted stay, counted in the store; and a name is used once.
pub fn creates(world: &World, name: &str) -> Result<(), Broken> {
    let api = &world.api;
    hold(api.names.get(name) != Some(&true), "names are used once", || format!("{name} is created again"))?;
    // A pod that came back, and of which the watch has not told yet, cannot be known.
    let is_known = |p: &PodRecord| api.seen.iter().all(|s| s.uid != p.uid || s.is_live());
    let staying = api.pods.iter().filter(|p| stays(p) && is_known(p)).count();
    hold(staying < desired(api), "no-surplus", || {
        format!("{name} is created while {staying} pods stay and {} are wanted", desired(api))
    })
}

/// What is decided about the group, looked at before any of it is done. Answers who is deleted by force.
pub fn decided(world: &World, actions: &[Action]) -> Result<BTreeSet<Uid>, Broken> {
    let forced = removal::forced(world, actions)?;
    removal::no_more_than_too_many(world, actions)?;
    removal::not_without_data(world, actions)?;
    for action in actions {
        match action {
            Action::MarkPods { pods, mark } => removal::marks(world, pods, mark, actions)?,
            Action::Retire(call) => removal::retires(world, call)?,
            _ => {}
        }
    }
    Ok(forced)
}
