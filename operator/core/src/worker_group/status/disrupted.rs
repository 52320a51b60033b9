//! The condition that tells of workers whose node is about to go.

use crate::{
    plan::conditions::{self, Observed},
    worker_group::{PodCounts, input::Input, scale_down::shuffle_wait::LONGEST_WAIT},
};

/// What a person is told of them.
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
            LONGEST_WAIT.as_secs()
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
