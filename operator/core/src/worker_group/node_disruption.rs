//! Workers whose node is about to go: others are made in their place first, then they leave by the removal protocol.
//!
//! They do not count as wanted (see [`PodCounts`]), so that `scale_up` replaces them. What is left is to let them go while
//! there is time: the moment is the node's, so the scheduler is not asked which workers it offers. Participants of a P2P
//! shuffle, whose shards cannot be moved, wait for its end, but not for as long as to be taken by the node's.

use std::time::Duration;

use crate::{
    model::{
        pod::{Mark, PodRecord},
        scheduler::{SchedulerState, Snapshot},
    },
    plan::{
        action::{Action, PodRef, WorkersNeed},
        conditions::{self, Observed},
    },
    worker_group::{
        POLL, PlannerState, PodCounts,
        input::Input,
        pass::Pass,
        pod_counts::reference,
        scale_down::{removal_phase::Removal, retire, select},
    },
};

/// How long a P2P shuffle is waited for: the shortest common notice of a node's end is 2 minutes, and the rest of it is
/// for what the workers hold.
const HELD_UP: Duration = Duration::from_secs(60);

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
        counts.threatened.iter().copied().partition(|p| select::holds_nothing(input, p, addresses));
    let idle = idle
        .into_iter()
        .map(|p| retire::delete_if_unchanged(input, p, "its node is about to go, and it holds nothing"));
    found.actions.extend(idle);
    let removal = |pod| Removal { input, pod, addresses, snapshot };
    let free: Vec<&PodRecord> = busy.into_iter().filter(|p| !is_held_up(removal(p), memory)).collect();
    let pods = with_room(pass, &free, snapshot);
    if !pods.is_empty() {
        let mark = Mark { at: input.now, scheduler: snapshot.id.clone() };
        pass.found.actions.push(Action::MarkPods { pods, mark });
    }
}

/// Whether the pod has a part in a P2P shuffle, as far as is known, and there is time to wait for its end. From
/// distributed 2024.4.2 on the scheduler does not offer participants; an older one says only that there is a shuffle.
pub(crate) fn is_held_up(removal: Removal<'_>, memory: &PlannerState) -> bool {
    let Removal { input, pod, addresses, snapshot } = removal;
    if !input.is_threatened(pod) || memory.watched.threatened(pod, input.now) >= HELD_UP {
        return false;
    }
    let Some(offer) = &snapshot.offer else { return true };
    let is_offered = || addresses.get(&pod.uid).is_none_or(|a| a.is_subset(&offer.addresses));
    offer.shuffle_blocks || (offer.p2p && !is_offered())
}

impl Input<'_> {
    /// Whether Kubernetes, or who takes nodes away, is about to end the pod.
    pub(crate) fn is_threatened(&self, pod: &PodRecord) -> bool {
        pod.is_live() && (pod.disrupted || self.threats.contains_key(&pod.uid))
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

/// What a person is told of it.
pub(crate) fn condition(input: &Input<'_>, counts: &PodCounts<'_>) -> Observed {
    let pods: Vec<_> = counts.all_live().filter(|p| input.is_threatened(p)).collect();
    let Some(first) = pods.first() else {
        return conditions::no(conditions::DISRUPTED, "NoneDisrupted", "no worker's node is about to go");
    };
    let p2p =
        input.scheduler.known().and_then(|s| s.offer.as_ref()).is_some_and(|o| o.p2p || o.shuffle_blocks);
    let waits = if p2p {
        format!(
            "; those with a part in the P2P shuffle that runs wait for its end, for {} s at most",
            HELD_UP.as_secs()
        )
    } else {
        String::new()
    };
    let message = format!(
        "{} workers run where they cannot stay, {} among them (node {}: {}); others are made in their place, and they \
         leave when their tasks are done and their results are elsewhere{waits}",
        pods.len(),
        first.name,
        first.node.as_deref().unwrap_or("unknown"),
        input.threats.get(&first.uid).map_or("DisruptionTarget", String::as_str),
    );
    conditions::yes(conditions::DISRUPTED, "NodeLeaves", message)
}
