//! Steps 1 to 3 of the removal protocol: who leaves, as far as there is room, written down first.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    action::{Action, DeletePod, EventRecord, PodRef, SchedulerNeed},
    conditions::{self, Observed},
    group::{DRAIN_TIMEOUT, Findings, Input, Memory, POLL, Tally, retire, room::Room, tally::reference},
    record::{Mark, PodPhase, PodRecord},
    scheduler::{Offer, SchedulerState, Snapshot},
    time::Timestamp,
};

/// Most pods named in one event.
const NAMED: usize = 5;

type Addresses = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn plan(
    input: &Input<'_>,
    tally: &Tally<'_>,
    addresses: &Addresses,
    memory: &mut Memory,
    found: &mut Findings,
) {
    let excess = tally.excess();
    if excess == 0 {
        if let (false, SchedulerState::Unreachable { why }) = (tally.marked.is_empty(), input.scheduler) {
            found.conditions.push(unreachable(why));
        }
        force_if_overdue(input, tally, 0, addresses, found);
        return;
    }
    found.shrinking = true;
    found.needs(SchedulerNeed::Offer);
    found.again_in(POLL);
    match input.scheduler {
        SchedulerState::Unknown => {}
        SchedulerState::Unreachable { why } => found.conditions.push(unreachable(why)),
        SchedulerState::Absent | SchedulerState::Starting => {
            let pods = never_started(tally, |_| true).into_iter().take(excess);
            found.actions.extend(pods.map(|p| delete_unstarted(p, "no scheduler: it holds nothing")));
        }
        SchedulerState::Known(snapshot) => {
            let idle = never_started(tally, |p| !addresses.contains_key(&p.uid));
            let gone = idle.len().min(excess);
            found
                .actions
                .extend(idle.into_iter().take(excess).map(|p| delete_unstarted(p, "it never registered")));
            let left = excess - gone;
            if left > 0 {
                let chosen = choose(input, tally, addresses, snapshot, left, memory, found);
                force_if_overdue(input, tally, left - chosen, addresses, found);
            }
        }
    }
}

/// Pods that hold nothing, the least useful first: without a node, not started, not registered.
fn never_started<'a>(tally: &Tally<'a>, unregistered: impl Fn(&PodRecord) -> bool) -> Vec<&'a PodRecord> {
    let mut pods: Vec<_> =
        tally.staying.iter().copied().filter(|p| p.phase == PodPhase::Pending || unregistered(p)).collect();
    // Youngest first within a class: it is the furthest from being of use.
    pods.sort_by_key(|p| {
        (p.scheduled, p.phase != PodPhase::Pending, std::cmp::Reverse(p.created), p.name.clone())
    });
    pods
}

fn delete_unstarted(pod: &PodRecord, why: &'static str) -> Action {
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
    addresses: &Addresses,
    snapshot: &Snapshot,
    wanted: usize,
    memory: &Memory,
    found: &mut Findings,
) -> usize {
    let Some(offer) = &snapshot.offer else { return 0 };
    let registered: Vec<_> =
        tally.staying.iter().filter_map(|p| Some((*p, addresses.get(&p.uid)?))).collect();
    let candidates = offered(&registered, offer, snapshot, memory, input.now);
    let mut room = Room::without(snapshot, &leaving(tally, addresses, snapshot));
    let mut chosen: Vec<PodRef> = Vec::new();
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
    if missing > 0 && no_room > 0 {
        found.conditions.push(limited(missing));
    } else if missing > 0 {
        found.conditions.push(blocked(missing, registered.len(), offer, memory, input));
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
    let cost = |addresses: &BTreeSet<String>| {
        let tasks: usize = addresses.iter().filter_map(|a| offer.processing.get(a)).sum();
        let bytes: u64 = addresses.iter().filter_map(|a| snapshot.workers.get(a)).map(|w| w.bytes).sum();
        (tasks > 0, bytes, tasks)
    };
    out.sort_by_key(|(p, a)| (cost(a), std::cmp::Reverse(p.created), p.name.clone()));
    out
}

fn leaving<'a>(tally: &Tally<'_>, addresses: &'a Addresses, snapshot: &'a Snapshot) -> BTreeSet<&'a str> {
    let marked = tally.marked.iter().filter_map(|p| addresses.get(&p.uid)).flatten().map(String::as_str);
    let known = snapshot.workers.iter().filter(|(_, w)| w.leaving).map(|(a, _)| a.as_str());
    marked.chain(known).collect()
}

fn unreachable(why: &str) -> Observed {
    conditions::yes(
        conditions::SCALE_DOWN_BLOCKED,
        "SchedulerUnreachable",
        format!("the scheduler runs and does not answer ({why}); no worker is removed until it does"),
    )
}

fn limited(missing: usize) -> Observed {
    let message = format!(
        "{missing} more workers would leave, but the others could not hold their results below {:.0} % of \
         their memory; release results, or keep more workers",
        room_percent()
    );
    conditions::yes(conditions::SCALE_DOWN_LIMITED, "NotEnoughMemory", message)
}

fn room_percent() -> f64 {
    super::room::MEMORY_TARGET * 100.0
}

fn blocked(missing: usize, registered: usize, offer: &Offer, memory: &Memory, input: &Input<'_>) -> Observed {
    let (reason, why) = if offer.shuffle_blocks {
        ("ShuffleRunning", "a P2P shuffle runs, whose shards cannot be moved".to_string())
    } else if memory.next_refusal(input.now).is_some() {
        ("Refused", "the scheduler refused: they hold actors, or nobody can take their results".to_string())
    } else {
        (
            "NotOffered",
            format!("none of {registered} is on offer: they run long tasks or take part in a shuffle"),
        )
    };
    let end =
        if input.autoscaled { "the autoscaler waits" } else { "this waits up to spec.worker.drainTimeout" };
    conditions::yes(
        conditions::SCALE_DOWN_BLOCKED,
        reason,
        format!("{missing} more workers should leave, but {why}; {end}"),
    )
}

/// A shrink that a person asked for ends. What still refuses or executes then is deleted, with a
/// warning; while the scheduler does not answer, nothing is.
fn force_if_overdue(
    input: &Input<'_>,
    tally: &Tally<'_>,
    stuck: usize,
    addresses: &Addresses,
    found: &mut Findings,
) {
    let timeout = input
        .group
        .spec
        .worker
        .drain_timeout
        .map_or(DRAIN_TIMEOUT, |s| std::time::Duration::from_secs(u64::try_from(s).unwrap_or(0)));
    if input.autoscaled || input.scheduler.known().is_none() {
        return;
    }
    let is_over = |since: Timestamp| input.now.since(since) >= timeout;
    let touched: BTreeSet<String> = found.actions.iter().flat_map(touched_uids).collect();
    let overdue = |p: &&PodRecord| p.mark.as_ref().is_some_and(|m| is_over(m.at));
    let mut pods: Vec<&PodRecord> = tally.marked.iter().copied().filter(overdue).collect();
    let since = input.group.status.shrinking_since.as_deref().and_then(Timestamp::parse);
    if since.is_some_and(is_over) {
        let left = |p: &&PodRecord| addresses.contains_key(&p.uid) && !touched.contains(&p.uid);
        pods.extend(tally.staying.iter().copied().filter(left).take(stuck));
    }
    pods.retain(|p| !touched.contains(&p.uid));
    if pods.is_empty() {
        return;
    }
    let named: Vec<_> = pods.iter().take(NAMED).map(|p| p.name.as_str()).collect();
    found.actions.push(Action::Event(EventRecord::warning(
        "DataLossRisk",
        &format!(
            "{} workers still refused or executed after {} s and are deleted; work of theirs may be lost: {}{}",
            pods.len(),
            timeout.as_secs(),
            named.join(", "),
            if pods.len() > NAMED { " and others" } else { "" }
        ),
    )));
    found.actions.extend(pods.into_iter().map(|p| retire::delete(p, "drainTimeout is over")));
}

fn touched_uids(action: &Action) -> Vec<String> {
    match action {
        Action::DeletePod(d) => vec![d.pod.uid.clone()],
        Action::MarkPods { pods, .. } => pods.iter().map(|p| p.uid.clone()).collect(),
        _ => Vec::new(),
    }
}
