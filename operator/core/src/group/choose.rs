//! Steps 1 to 3 of the removal protocol: who leaves, as far as there is room, written down first.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    action::{Action, DeletePod, PodRef, SchedulerNeed},
    conditions,
    group::{
        Findings, Input, Mapped, Memory, Tally, force, late, pace, reasons, room::Room, tally::reference,
        through_agents,
    },
    record::{Mark, PodPhase, PodRecord},
    scheduler::{Offer, SchedulerState, Snapshot},
    time::Timestamp,
};

/// A pod is believed to have no worker only by a reading that began not longer ago than this: workers register
/// at any time, also while a slow scheduler is being read.
const CURRENT: Duration = Duration::from_secs(2);

const SCALE_DOWN: [&str; 2] = [conditions::SCALE_DOWN_BLOCKED, conditions::SCALE_DOWN_LIMITED];

pub(crate) fn plan(
    input: &Input<'_>,
    tally: &Tally<'_>,
    addresses: &Mapped,
    memory: &mut Memory,
    found: &mut Findings,
) {
    let going = found.touched();
    let excess =
        tally.excess().saturating_sub(tally.staying.iter().filter(|p| going.contains(&p.uid)).count());
    if matches!(input.scheduler, SchedulerState::SpeaksTls) {
        through_agents::plan(input, tally, (addresses, excess), found);
        return;
    }
    if excess == 0 {
        if let (false, SchedulerState::Unreachable { why }) = (tally.marked.is_empty(), input.scheduler) {
            found.conditions.push(reasons::unreachable(why));
        }
        // Between two questions about a refused worker nothing has changed.
        let refusing = tally.marked.iter().filter(|p| memory.refusals.contains_key(&p.uid)).count();
        if refusing > 0 {
            found.conditions.push(reasons::refused(refusing, input));
        }
        force::plan(input, tally, 0, addresses, found);
        return;
    }
    found.shrinking = true;
    found.needs(SchedulerNeed::Offer);
    found.again_in(pace::of(input));
    match input.scheduler {
        SchedulerState::Unknown | SchedulerState::SpeaksTls => {}
        SchedulerState::Unreachable { why } => found.conditions.push(reasons::unreachable(why)),
        SchedulerState::Absent | SchedulerState::Starting => {
            let pods = never_started(tally, &going, |_| true).into_iter().take(excess);
            found.actions.extend(pods.map(|p| delete_unstarted(p, "no scheduler: it holds nothing")));
        }
        SchedulerState::Known(snapshot) => {
            let idle = never_started(tally, &going, |p| holds_nothing(input, p, addresses));
            let gone = idle.len().min(excess);
            found
                .actions
                .extend(idle.into_iter().take(excess).map(|p| delete_unstarted(p, "it never registered")));
            let left = excess - gone;
            let is_old = input.now.since(snapshot.at) > CURRENT;
            if left > 0 && is_old && tally.staying.iter().any(|p| addresses.get(&p.uid).is_none()) {
                // The next reading may show that somebody else holds nothing; until then all stays as it is.
                let old = &input.group.status.conditions;
                found.conditions.extend(conditions::kept(old, &SCALE_DOWN));
            } else if left > 0 {
                let chosen = choose(input, tally, addresses, snapshot, left, memory, found);
                let stuck = if snapshot.offer.is_some() { left - chosen } else { 0 };
                force::plan(input, tally, stuck, addresses, found);
            }
        }
    }
}

/// Whether no worker runs in the pod: it has not started, or a reading that can be believed says so.
pub(crate) fn holds_nothing(input: &Input<'_>, pod: &PodRecord, addresses: &Mapped) -> bool {
    if addresses.get(&pod.uid).is_some() {
        return false;
    }
    // A Deployment's record may show no pod while a new one has come: then only the registry knows.
    let has_not_started = !pod.scheduled || (pod.phase == PodPhase::Pending && pod.ip.is_none());
    if has_not_started && !pod.is_deployment {
        return true;
    }
    match input.scheduler {
        SchedulerState::SpeaksTls => false,
        SchedulerState::Absent | SchedulerState::Starting => true,
        SchedulerState::Unknown | SchedulerState::Unreachable { .. } => false,
        SchedulerState::Known(snapshot) => {
            snapshot.offer.is_some()
                && input.now.since(snapshot.at) <= CURRENT
                && addresses.get(&pod.uid).is_none()
                && !addresses.strangers
        }
    }
}

/// Pods that hold nothing, the least useful first: without a node, not started, not registered.
pub(crate) fn never_started<'a>(
    tally: &Tally<'a>,
    going: &BTreeSet<String>,
    holds_nothing: impl Fn(&PodRecord) -> bool,
) -> Vec<&'a PodRecord> {
    let mut pods: Vec<_> =
        tally.staying.iter().copied().filter(|p| !going.contains(&p.uid) && holds_nothing(p)).collect();
    // Youngest first within a class: it is the furthest from being of use.
    pods.sort_by_key(|p| {
        let started = (p.scheduled, p.phase != PodPhase::Pending);
        (started, !p.is_deployment, std::cmp::Reverse(p.created), p.name.clone())
    });
    pods
}

pub(crate) fn delete_unstarted(pod: &PodRecord, why: &'static str) -> Action {
    Action::DeletePod(DeletePod {
        pod: reference(pod),
        resource_version: Some(pod.resource_version.clone()),
        why,
    })
}

/// Marks up to `wanted` registered pods; answers how many.
fn choose(
    input: &Input<'_>,
    tally: &Tally<'_>,
    addresses: &Mapped,
    snapshot: &Snapshot,
    wanted: usize,
    memory: &Memory,
    found: &mut Findings,
) -> usize {
    let Some(offer) = &snapshot.offer else {
        if let Some(why) = &snapshot.unanswered {
            let message =
                format!("the scheduler does not tell who may leave ({why}); nobody is removed until it does");
            found.conditions.push(conditions::yes(conditions::SCALE_DOWN_BLOCKED, "NoOffer", message));
        } else {
            // It is asked just now: what was said last holds until it has answered.
            found.conditions.extend(conditions::kept(&input.group.status.conditions, &SCALE_DOWN));
        }
        return 0;
    };
    let going = found.touched();
    let registered: Vec<_> =
        tally.staying.iter().filter_map(|p| Some((*p, addresses.get(&p.uid)?))).collect();
    let candidates = offered(&registered, offer, snapshot, memory, input.now);
    let mut room = Room::without(snapshot, &leaving(tally, addresses, snapshot));
    // Who is on the way out already is never offered again, and is no loss of room.
    let on_the_way =
        tally.staying.iter().filter(|p| !going.contains(&p.uid) && late::is_leaving(p, addresses, snapshot));
    let mut chosen: Vec<PodRef> = on_the_way.take(wanted).map(|p| reference(p)).collect();
    let mut no_room = 0;
    for (pod, processes) in &candidates {
        if chosen.len() == wanted {
            break;
        }
        if room.try_leave(processes) {
            chosen.push(reference(pod));
        } else {
            no_room += 1;
        }
    }
    if let Some(delay) = memory.next_refusal(input.now) {
        found.again_in(delay);
    }
    let missing = wanted - chosen.len();
    let again = chosen.iter().filter(|p| memory.refusals.contains_key(&p.uid)).count();
    if again > 0 {
        found.conditions.push(reasons::refused(again + missing, input));
    } else if missing > 0 && no_room > 0 {
        found.conditions.push(reasons::limited(missing, input));
    } else if missing > 0 {
        found.conditions.push(reasons::blocked(missing, registered.len(), offer, memory, tally, input));
    }
    let count = chosen.len();
    if count > 0 {
        let mark = Mark { at: input.now, scheduler: snapshot.id.clone() };
        found.actions.push(Action::MarkPods { pods: chosen, mark });
    }
    count
}

/// Whom the scheduler offers, the cheapest first: no tasks, then fewest bytes.
fn offered<'a>(
    registered: &[(&'a PodRecord, &'a BTreeSet<String>)],
    offer: &Offer,
    snapshot: &Snapshot,
    memory: &Memory,
    now: Timestamp,
) -> Vec<(&'a PodRecord, &'a BTreeSet<String>)> {
    if offer.shuffle_blocks {
        return Vec::new();
    }
    let mut out: Vec<_> = registered
        .iter()
        .copied()
        .filter(|(p, a)| a.is_subset(&offer.addresses) && !memory.is_refused(&p.uid, now))
        .collect();
    // What dask-kubernetes made goes first: a Deployment and a ReplicaSet go with it.
    out.sort_by_key(|(p, a)| {
        (!p.is_deployment, cost(a, Some(snapshot)), std::cmp::Reverse(p.created), p.name.clone())
    });
    out
}

/// What it costs to let these leave: tasks first, then bytes to be moved.
pub(crate) fn cost(addresses: &BTreeSet<String>, snapshot: Option<&Snapshot>) -> (bool, u64, usize) {
    let processing = snapshot.and_then(|s| s.offer.as_ref()).map(|o| &o.processing);
    let tasks: usize = addresses.iter().filter_map(|a| processing?.get(a)).sum();
    let bytes: u64 = addresses.iter().filter_map(|a| snapshot?.workers.get(a)).map(|w| w.bytes).sum();
    (tasks > 0, bytes, tasks)
}

/// Addresses of those on the way out.
pub(crate) fn leaving<'a>(
    tally: &Tally<'_>,
    addresses: &'a Mapped,
    snapshot: &'a Snapshot,
) -> BTreeSet<&'a str> {
    let marked = tally.marked.iter().filter_map(|p| addresses.get(&p.uid)).flatten().map(String::as_str);
    let known = snapshot.workers.iter().filter(|(_, w)| w.leaving).map(|(a, _)| a.as_str());
    marked.chain(known).collect()
}
