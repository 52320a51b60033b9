//! Steps 2 and 3 of the removal protocol: which registered workers leave, as far as there is headroom; they are marked first.

use std::collections::BTreeSet;

use crate::{
    model::{
        pod::{Mark, PodRecord},
        scheduler::{Offer, Snapshot},
        worker_address::WorkerAddress,
    },
    plan::{
        action::{Action, PodRef},
        conditions,
    },
    worker_group::{
        WorkerAddresses,
        input::Input,
        pass::Pass,
        pod_counts::reference,
        scale_down::{
            blocked_reasons::{self, Unmapped},
            empty_pods::EMPTY_READING_MAX_AGE,
            headroom::Headroom,
            late_acceptance,
        },
    },
};

const SCALE_DOWN: [&str; 2] = [conditions::SCALE_DOWN_BLOCKED, conditions::SCALE_DOWN_LIMITED];

/// Marks up to `wanted` registered pods; answers how many, or nothing while a better reading may come.
pub(crate) fn choose(pass: &mut Pass<'_>, snapshot: &Snapshot, wanted: usize) -> Option<usize> {
    let Pass { input, counts, addresses, memory, found } = pass;
    let (input, counts, addresses) = (*input, *counts, *addresses);
    let Some(offer) = &snapshot.offer else {
        if let Some(why) = &snapshot.unanswered {
            found.conditions.push(blocked_reasons::no_offer(why, input));
        } else {
            // It is asked just now: what was said last holds until it has answered.
            found.conditions.extend(conditions::kept(&input.group.status.conditions, &SCALE_DOWN));
        }
        return snapshot.unanswered.as_ref().map(|_| 0);
    };
    let going = found.pods_in_plan();
    let is_unknown = |p: &&&PodRecord| addresses.get(&p.uid).is_none() && !going.contains(&p.uid);
    let unmapped = counts.staying.iter().filter(is_unknown).count();
    let is_old = input.now.since(snapshot.at) > EMPTY_READING_MAX_AGE || !input.shows_every_worker(snapshot);
    // Rather a pod that holds nothing than one that does. Where each reading takes too long, none tells which do.
    let may_come = is_old && unmapped > 0 && snapshot.read.since(snapshot.at) <= EMPTY_READING_MAX_AGE;
    if memory.watched.awaits_better_reading(may_come, input.now) {
        let old = &input.group.status.conditions;
        found.conditions.extend(conditions::kept(old, &SCALE_DOWN));
        return None;
    }
    // A worker that is on the way out already is never offered again, and is no loss of room.
    let on_the_way = counts
        .staying
        .iter()
        .filter(|p| !going.contains(&p.uid) && late_acceptance::is_leaving(p, addresses, snapshot));
    let mut chosen: Vec<PodRef> = on_the_way.take(wanted).map(|p| reference(p)).collect();
    let room = headroom(input, addresses, snapshot);
    let no_room = pick(&offered(pass, offer, snapshot), room, wanted, &mut chosen);
    let unmapped = (unmapped > 0).then_some(Unmapped { is_old: is_old && !addresses.strangers });
    say_what_is_missing(pass, &chosen, Missing { count: wanted - chosen.len(), no_room, offer, unmapped });
    let count = chosen.len();
    if count > 0 {
        let mark = Mark { at: input.now, scheduler: snapshot.id.clone() };
        pass.found.actions.push(Action::MarkPods { pods: chosen, mark });
    }
    Some(count)
}

/// Workers that should leave and cannot be chosen.
struct Missing<'a> {
    count: usize,
    /// For how many of those that are offered there is no room elsewhere.
    no_room: usize,
    offer: &'a Offer,
    unmapped: Option<Unmapped>,
}

/// Why fewer were chosen than should leave.
fn say_what_is_missing(pass: &mut Pass<'_>, chosen: &[PodRef], missing: Missing<'_>) {
    let Pass { input, memory, found, .. } = pass;
    if let Some(delay) = memory.next_refusal(input.now) {
        found.requeue_in(delay);
    }
    let again = chosen.iter().filter(|p| memory.refusals.contains_key(&p.uid)).count();
    if again > 0 {
        found.conditions.push(blocked_reasons::refused(again + missing.count, input));
    } else if missing.count > 0 && missing.no_room > 0 {
        found.conditions.push(blocked_reasons::limited(missing.count, input));
    } else if missing.count > 0 {
        let why = blocked_reasons::Why::of(missing.offer, missing.unmapped, memory, input.now);
        found.conditions.push(blocked_reasons::blocked(missing.count, why, input));
    }
}

/// Adds candidates for whose results there is room, up to `wanted` in all; answers for how many there is none.
fn pick(
    candidates: &[(&PodRecord, &BTreeSet<WorkerAddress>)],
    mut room: Headroom<'_>,
    wanted: usize,
    chosen: &mut Vec<PodRef>,
) -> usize {
    let mut no_room = 0;
    for (pod, processes) in candidates {
        if chosen.len() == wanted {
            break;
        }
        if room.try_leave(processes) {
            chosen.push(reference(pod));
        } else {
            no_room += 1;
        }
    }
    no_room
}

/// The workers that the scheduler offers, the cheapest first: no tasks, then fewest bytes.
fn offered<'a>(
    pass: &Pass<'a>,
    offer: &Offer,
    snapshot: &Snapshot,
) -> Vec<(&'a PodRecord, &'a BTreeSet<WorkerAddress>)> {
    if offer.shuffle_blocks {
        return Vec::new();
    }
    let Pass { input, counts, addresses, memory, .. } = pass;
    let registered = counts.staying.iter().filter_map(|p| Some((*p, addresses.get(&p.uid)?)));
    let mut out: Vec<_> = registered
        .filter(|(p, a)| a.is_subset(&offer.addresses) && !memory.is_refused(&p.uid, input.now))
        .collect();
    // What dask-kubernetes made goes first: a Deployment and a ReplicaSet go with it.
    out.sort_by_key(|(p, a)| {
        (!p.is_deployment, cost(a, Some(snapshot)), std::cmp::Reverse(p.created), p.name.clone())
    });
    out
}

/// What it costs to let these leave: tasks first, then bytes to be moved.
pub(crate) fn cost(addresses: &BTreeSet<WorkerAddress>, snapshot: Option<&Snapshot>) -> (bool, u64, usize) {
    let processing = snapshot.and_then(|s| s.offer.as_ref()).map(|o| &o.processing);
    let tasks: usize = addresses.iter().filter_map(|a| processing?.get(a)).sum();
    let bytes: u64 = addresses.iter().filter_map(|a| snapshot?.workers.get(a)).map(|w| w.bytes).sum();
    (tasks > 0, bytes, tasks)
}

/// The space that there is for what is moved, once all that leave in any group of the cluster are gone. What else is on
/// nodes that are about to go takes nothing in.
pub(crate) fn headroom<'a>(
    input: &Input<'_>,
    addresses: &'a WorkerAddresses,
    snapshot: &'a Snapshot,
) -> Headroom<'a> {
    let all = || input.cluster_pods.iter().chain(input.pods).copied();
    let goes = |p: &PodRecord| p.mark.is_some() || p.deleting || input.chosen_elsewhere.contains(&p.uid);
    let of = |p: &PodRecord| addresses.get(&p.uid).into_iter().flatten();
    let chosen = all().filter(|p| goes(p)).flat_map(of);
    let known = snapshot.workers.iter().filter(|(_, w)| w.leaving).map(|(a, _)| a);
    let leaving: BTreeSet<&WorkerAddress> = chosen.chain(known).collect();
    Headroom::without(snapshot, &leaving).spare(all().filter(|p| input.is_threatened(p)).flat_map(of))
}
