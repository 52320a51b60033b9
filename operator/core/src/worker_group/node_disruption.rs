//! Workers whose node is about to go: others are made in their place first, then they leave by the removal protocol.
//!
//! They do not count as wanted (see [`PodCounts`]), so that `scale_up` replaces them. What is left is to let them go while
//! there is time: the moment is the node's, so the scheduler is not asked which workers it offers. Participants of a P2P
//! shuffle, whose shards cannot be moved, wait for its end, but not for as long as to be taken by the node's.

use crate::{
    model::{
        pod::{Mark, PodRecord},
        scheduler::{SchedulerState, Snapshot},
    },
    plan::{
        action::{Action, PodRef},
        scheduler_need::WorkersNeed,
    },
    worker_group::{
        POLL, delete_pod,
        pass::Pass,
        pod_counts::reference,
        scale_down::{empty_pods, removal_phase::Removal, select, shuffle_wait},
    },
};

pub(crate) fn replace_disrupted(pass: &mut Pass<'_>) {
    let Pass { input, counts, addresses, memory, found } = pass;
    let input = *input;
    if counts.threatened.is_empty() {
        return;
    }
    found.needs(WorkersNeed::Offer);
    found.requeue_in(POLL);
    let is_under_way = |a: &Action| {
        matches!(a, Action::ReserveNumbers { .. } | Action::CreatePods(_) | Action::MarkPods { .. })
    };
    if found.actions.iter().any(is_under_way) {
        return;
    }
    let SchedulerState::Known(snapshot) = input.scheduler else { return };
    let (idle, busy): (Vec<&PodRecord>, Vec<&PodRecord>) =
        counts.threatened.iter().copied().partition(|p| empty_pods::holds_nothing(input, p, addresses));
    let idle = idle
        .into_iter()
        .map(|p| delete_pod::if_unchanged(input, p, "its node is about to go, and it holds nothing"));
    found.actions.extend(idle);
    let removal = |pod| Removal { input, pod, addresses, snapshot };
    let free: Vec<&PodRecord> =
        busy.into_iter().filter(|p| !shuffle_wait::is_needed(removal(p), memory)).collect();
    let pods = with_room(pass, &free, snapshot);
    if !pods.is_empty() {
        let mark = Mark { at: input.now, scheduler: snapshot.id.clone() };
        pass.found.actions.push(Action::MarkPods { pods, mark });
    }
}

/// Those whose results have somewhere to go, the cheapest first.
fn with_room(pass: &Pass<'_>, threatened: &[&PodRecord], snapshot: &Snapshot) -> Vec<PodRef> {
    let Pass { input, addresses, memory, .. } = pass;
    let mut room = select::headroom(input, addresses, snapshot);
    let mut candidates: Vec<_> = threatened
        .iter()
        .filter(|p| !memory.is_refused(&p.uid, input.now))
        .filter_map(|p| Some((*p, addresses.get(&p.uid)?)))
        .collect();
    candidates.sort_by_key(|(p, a)| (select::cost(a, Some(snapshot)), p.name.clone()));
    candidates.into_iter().filter(|(_, a)| room.try_leave(a)).map(|(p, _)| reference(p)).collect()
}
