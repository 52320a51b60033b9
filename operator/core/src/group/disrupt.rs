//! Workers whose node is about to go: others are made in their place first, then they leave by the removal protocol.
//!
//! They do not count as wanted (see [`Tally`]), so that `supply` replaces them. What is left is to let them go while
//! there is time: nobody chose the moment, so the scheduler is not asked for whom it offers.

use std::collections::BTreeSet;

use crate::{
    action::{Action, PodRef, SchedulerNeed},
    conditions::{self, Observed},
    group::{Findings, Input, Mapped, Memory, POLL, Tally, choose, room::Room, tally::reference},
    record::{Mark, PodRecord},
    scheduler::{SchedulerState, Snapshot},
};

pub(crate) fn plan(
    input: &Input<'_>,
    tally: &Tally<'_>,
    addresses: &Mapped,
    memory: &Memory,
    found: &mut Findings,
) {
    if tally.threatened.is_empty() {
        return;
    }
    found.needs(SchedulerNeed::Offer);
    found.again_in(POLL);
    let is_under_way = |a: &Action| {
        matches!(a, Action::ReserveNumbers { .. } | Action::CreatePods(_) | Action::MarkPods { .. })
    };
    if found.actions.iter().any(is_under_way) {
        return;
    }
    let SchedulerState::Known(snapshot) = input.scheduler else { return };
    let (idle, busy): (Vec<&PodRecord>, Vec<&PodRecord>) =
        tally.threatened.iter().copied().partition(|p| choose::holds_nothing(input, p, addresses));
    let idle = idle
        .into_iter()
        .map(|p| choose::delete_unstarted(p, "its node is about to go, and it holds nothing"));
    found.actions.extend(idle);
    // The shards of a shuffle cannot be moved: what can still be done for it is to let it end.
    if snapshot.offer.as_ref().is_none_or(|o| o.shuffle_blocks) {
        return;
    }
    let pods = with_room(input, tally, &busy, (addresses, snapshot), memory);
    if !pods.is_empty() {
        let mark = Mark { at: input.now, scheduler: snapshot.id.clone() };
        found.actions.push(Action::MarkPods { pods, mark });
    }
}

impl Input<'_> {
    /// Whether Kubernetes, or who takes nodes away, is about to end the pod.
    pub(crate) fn is_threatened(&self, pod: &PodRecord) -> bool {
        pod.is_live() && (pod.disrupted || self.threats.contains_key(&pod.uid))
    }
}

/// Those whose results have somewhere to go, the cheapest first.
fn with_room(
    input: &Input<'_>,
    tally: &Tally<'_>,
    threatened: &[&PodRecord],
    (addresses, snapshot): (&Mapped, &Snapshot),
    memory: &Memory,
) -> Vec<PodRef> {
    let leaving: BTreeSet<&str> = choose::leaving(tally, addresses, snapshot);
    let mut room = Room::without(snapshot, &leaving);
    let mut candidates: Vec<_> = threatened
        .iter()
        .filter(|p| !memory.is_refused(&p.uid, input.now))
        .filter_map(|p| Some((*p, addresses.get(&p.uid)?)))
        .collect();
    candidates.sort_by_key(|(p, a)| (choose::cost(a, Some(snapshot)), p.name.clone()));
    candidates.into_iter().filter(|(_, a)| room.try_leave(a)).map(|(p, _)| reference(p)).collect()
}

/// What a person is told of it.
pub(crate) fn condition(input: &Input<'_>, tally: &Tally<'_>) -> Observed {
    let pods: Vec<_> = tally.all_live().filter(|p| input.is_threatened(p)).collect();
    let Some(first) = pods.first() else {
        return conditions::no(conditions::DISRUPTED, "NoneDisrupted", "no worker's node is about to go");
    };
    let message = format!(
        "{} workers run where they cannot stay, {} among them (node {}: {}); others are made in their place, and they \
         leave when their tasks are done and their results are elsewhere",
        pods.len(),
        first.name,
        first.node.as_deref().unwrap_or("unknown"),
        input.threats.get(&first.uid).map_or("DisruptionTarget", String::as_str),
    );
    conditions::yes(conditions::DISRUPTED, "NodeLeaves", message)
}
