//! Workers whose node is about to go and that have a part in a P2P shuffle: they wait for its end, for a while.

use std::time::Duration;

use crate::worker_group::{PlannerState, scale_down::removal_phase::Removal};

/// How long a P2P shuffle is waited for: the shortest common notice of a node's end is 2 minutes, and the rest of it is
/// for what the workers hold.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Whether the pod has a part in a P2P shuffle, as far as is known, and there is time to wait for its end. From
/// distributed 2024.4.2 on the scheduler does not offer participants; an older one says only that there is a shuffle.
pub(crate) fn is_needed(removal: Removal<'_>, memory: &PlannerState) -> bool {
    let Removal { input, pod, addresses, snapshot } = removal;
    if !input.is_threatened(pod) || memory.watched.threatened(pod, input.now) >= LONGEST_WAIT {
        return false;
    }
    let Some(offer) = &snapshot.offer else { return true };
    let is_offered = || addresses.get(&pod.uid).is_none_or(|a| a.is_subset(&offer.addresses));
    offer.shuffle_blocks || (offer.p2p && !is_offered())
}
