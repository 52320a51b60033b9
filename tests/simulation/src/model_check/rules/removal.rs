//! Rules of removing workers: nothing is lost, and no worker goes that need not.

use std::{collections::BTreeSet, time::Duration};

use dask_operator_core::{
    model::{
        pod::{Mark, PodRecord},
        scheduler::{SchedulerState, Snapshot, WorkerView},
        uid::Uid,
        worker_address::WorkerAddress,
    },
    plan::action::{Action, DeletePod, PodRef, RetireCall, RetireStage},
};

use super::{Broken, desired, hold, stays};
use crate::model_check::{dask, fixtures::DRAIN_TIMEOUT, world::World};

/// A worker that came after a reading that was this young cannot be known.
const EMPTY_READING_MAX_AGE: Duration = Duration::from_secs(2);
/// Why a pod is deleted by force.
const OVERDUE: &str = "drainTimeout is over";
/// How long a pod that was refused is left alone at most, and a little.
const REFUSED: Duration = Duration::from_secs(70);

fn deleted(actions: &[Action]) -> impl Iterator<Item = &DeletePod> {
    actions.iter().filter_map(|a| if let Action::DeletePod(d) = a { Some(d) } else { None })
}

fn marked(actions: &[Action]) -> impl Iterator<Item = &PodRef> {
    actions
        .iter()
        .filter_map(|a| if let Action::MarkPods { pods, .. } = a { Some(pods) } else { None })
        .flatten()
}

/// `forced-by-drain-timeout`: what is deleted by force: after a person's patience has ended, with a warning that names or counts them.
pub(crate) fn forced(world: &World, actions: &[Action]) -> Result<BTreeSet<Uid>, Broken> {
    let by_force = deleted(actions).filter(|d| d.why == OVERDUE).count();
    let tells = |said: &str, d: &DeletePod| {
        let is_counted = d.why == OVERDUE && said.starts_with(&format!("{by_force} workers "));
        said.contains(&d.pod.name) || (is_counted && said.ends_with(" and others"))
    };
    let warned = |d: &DeletePod| {
        let is_told =
            |a: &Action| matches!(a, Action::Event(e) if e.reason == "DataLossRisk" && tells(&e.message, d));
        actions.iter().any(is_told)
    };
    let mut forced = BTreeSet::new();
    for delete in deleted(actions).filter(|d| warned(d)) {
        let waited = world.now.since(world.rules.asked_at);
        let may = !world.autoscaled && waited.as_secs() >= DRAIN_TIMEOUT && world.reading.known().is_some();
        hold(may, "forced-by-drain-timeout", || {
            format!("{} is deleted by force {} s after it was asked", delete.pod.name, waited.as_secs())
        })?;
        forced.insert(delete.pod.uid.clone());
    }
    Ok(forced)
}

/// `no-more-than-excess`, `chosen-once`: so many stay as are wanted, as far as the operator was shown, and no pod is named twice.
pub(crate) fn no_more_than_too_many(world: &World, actions: &[Action]) -> Result<(), Broken> {
    let mut going: BTreeSet<&str> = BTreeSet::new();
    for uid in deleted(actions).map(|d| &d.pod.uid).chain(marked(actions).map(|p| &p.uid)) {
        hold(going.insert(uid), "chosen-once", || format!("pod {uid} is chosen twice"))?;
    }
    // Whose worker is on the way out is none of those who stay.
    let leaves =
        |p: &PodRecord| world.reading.known().and_then(|s| worker_of(s, p)).is_some_and(|(_, w)| w.leaving);
    let staying: Vec<_> = world.api.seen.iter().filter(|p| stays(p) && !leaves(p)).collect();
    let leave = staying.iter().filter(|p| going.contains(&*p.uid)).count();
    let left = staying.len() - leave;
    hold(leave == 0 || left >= desired(&world.api), "no-more-than-excess", || {
        format!("{leave} of {} pods are to go, and {} are wanted", staying.len(), desired(&world.api))
    })
}

/// `no-data-no-shrink`: while it is not known what the scheduler has, no pod that lives and has a node is chosen or deleted.
pub(crate) fn not_without_data(world: &World, actions: &[Action]) -> Result<(), Broken> {
    if !matches!(world.reading, SchedulerState::Unreachable { .. } | SchedulerState::Unknown) {
        return Ok(());
    }
    let uids: BTreeSet<&Uid> =
        deleted(actions).map(|d| &d.pod.uid).chain(marked(actions).map(|p| &p.uid)).collect();
    let lives = world.api.seen.iter().find(|p| p.is_live() && p.scheduled && uids.contains(&p.uid));
    hold(lives.is_none(), "no-data-no-shrink", || {
        format!("{} goes while the scheduler does not answer", lives.map_or("a pod", |p| &p.name))
    })
}

fn worker_of<'a>(snapshot: &'a Snapshot, pod: &PodRecord) -> Option<(&'a WorkerAddress, &'a WorkerView)> {
    snapshot.workers.iter().find(|(_, w)| w.name == pod.name)
}

/// `idle-first`, `room-for-results`: what is chosen, by the reading that the operator had.
pub(crate) fn marks(world: &World, pods: &[PodRef], mark: &Mark, actions: &[Action]) -> Result<(), Broken> {
    let Some(snapshot) = world.reading.known() else { return Ok(()) };
    hold(mark.scheduler == snapshot.id, "same-scheduler", || format!("chosen for {}", mark.scheduler))?;
    let going: BTreeSet<&str> =
        deleted(actions).map(|d| &*d.pod.uid).chain(marked(actions).map(|p| &*p.uid)).collect();
    let chosen: BTreeSet<&str> = pods.iter().map(|p| &*p.uid).collect();
    let offered = |p: &PodRecord| {
        let (address, worker) = worker_of(snapshot, p)?;
        if worker.leaving {
            // It was let go before: it costs nothing more.
            return Some((false, 0));
        }
        let offer = snapshot.offer.as_ref()?;
        let tasks = offer.processing.get(address).copied().unwrap_or(0);
        offer.addresses.contains(address).then_some((tasks > 0, worker.bytes))
    };
    let mut dearest = (false, 0);
    for pod in world.api.seen.iter().filter(|p| chosen.contains(&*p.uid)) {
        let cost = offered(pod);
        dearest = dearest.max(cost.unwrap_or_default());
        hold(cost.is_some(), "idle-first", || format!("{} is chosen and was not offered", pod.name))?;
    }
    // What was let go already costs nothing more, and does not come back: it may be marked at any time.
    let mut marked_now = world.api.seen.iter().filter(|p| chosen.contains(&*p.uid));
    let all_leave = marked_now.all(|p| worker_of(snapshot, p).is_some_and(|(_, w)| w.leaving));
    let is_tight = snapshot.workers.values().any(|w| w.bytes * 3 > dask::room());
    for pod in world.api.seen.iter().filter(|p| stays(p) && !going.contains(&*p.uid)) {
        let started = pod.scheduled || worker_of(snapshot, pod).is_some();
        hold(started || all_leave, "idle-first", || {
            format!("a worker is chosen, and {} has not even started", pod.name)
        })?;
        let refused = world.rules.refused.get(&pod.uid).is_some_and(|t| world.now.since(*t) < REFUSED);
        let cheaper = offered(pod).filter(|_| !refused && !is_tight).is_some_and(|c| c < dearest);
        hold(!cheaper, "idle-first", || format!("{} would have been cheaper to let go", pod.name))?;
    }
    // What leaves already takes no room that it had not taken before.
    if all_leave { Ok(()) } else { has_room(world, snapshot, &chosen) }
}

/// The workers that stay can hold what all that leave have.
fn has_room(world: &World, snapshot: &Snapshot, chosen: &BTreeSet<&str>) -> Result<(), Broken> {
    let (mut moved, mut free) = (0, 0);
    for worker in snapshot.workers.values() {
        let pod = world.api.seen.iter().find(|p| p.name == worker.name);
        let goes = worker.leaving
            || pod.is_some_and(|p| (p.is_live() && p.mark.is_some()) || chosen.contains(&*p.uid));
        if goes {
            moved += worker.bytes;
        } else {
            free += dask::room().saturating_sub(worker.bytes);
        }
    }
    hold(moved <= free, "room-for-results", || format!("{moved} bytes would go to {free} free ones"))
}

/// `marked-before-asked`, `one-call-at-a-time`: marks are stored before anything else is done, and there is one call of a stage at a time.
pub(crate) fn retires(world: &World, call: &RetireCall) -> Result<(), Broken> {
    let open = world.calls.iter().any(|c| c.waited_for && c.call.stage == call.stage);
    hold(!open, "one-call-at-a-time", || format!("{:?} is asked for twice at once", call.stage))?;
    let Some(snapshot) = world.reading.known() else {
        return Err(Broken::new("no-data-no-shrink", "a worker is retired while the scheduler is silent"));
    };
    hold(call.scheduler == snapshot.id, "same-scheduler", || format!("asked of {}", call.scheduler))?;
    for address in &call.addresses {
        let worker = snapshot.workers.get(address);
        let pod = worker.and_then(|w| world.api.pod(&w.name));
        hold(pod.is_none_or(|p| p.mark.is_some()), "marked-before-asked", || {
            format!("{address} is retired, and that is written on no pod")
        })?;
        let refused = pod.filter(|_| worker.is_some_and(|w| !w.leaving)).is_some_and(|p| {
            let at = world.rules.refused.get(&p.uid);
            p.mark.as_ref().is_some_and(|m| at.is_some_and(|t| *t > m.at))
        });
        hold(!refused, "refused-return-to-service", || {
            format!("{address} was refused, and is asked again without having been chosen again")
        })?;
        let drained = call.stage == RetireStage::Drain || worker.is_some_and(|w| w.leaving);
        hold(drained, "drained-before-closed", || format!("{address} is closed before it was drained"))?;
    }
    Ok(())
}

/// `only-ours`, `released-before-deleted`, `last-copy-stays`: whether this pod may be deleted as it is in the store.
pub fn deletes(world: &World, pod: &PodRecord, delete: &DeletePod) -> Result<(), Broken> {
    hold(pod.owner_uid.as_deref() == Some("group-uid"), "only-ours", || format!("{} is not ours", pod.name))?;
    if !pod.is_live() || world.rules.forced.contains(&pod.uid) {
        return Ok(());
    }
    let Some(worker) = world.dask.worker(&pod.name) else { return Ok(()) };
    hold(worker.keys == 0, "last-copy-stays", || {
        format!(
            "{} is deleted ({}) with {} bytes that no other worker has",
            pod.name,
            delete.why,
            world.dask.bytes(worker.keys)
        )
    })?;
    let is_young = world.now.since(worker.registered) <= EMPTY_READING_MAX_AGE;
    hold(is_young, "released-before-deleted", || {
        format!("{} is deleted ({}) and its worker was not closed", pod.name, delete.why)
    })
}
