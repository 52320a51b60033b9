//! Creating what is missing: numbers reserved first, slow start, back-off.

use crate::{
    action::{Action, NewPod},
    conditions,
    group::{Findings, Input, Memory, Tally},
    record::Cluster,
    template,
};

/// Fewest and most numbers reserved at once: one status write for many pods.
const BLOCK: (usize, usize) = (16, 1024);

pub(crate) fn plan(
    input: &Input<'_>,
    cluster: &Cluster,
    tally: &Tally<'_>,
    memory: &mut Memory,
    found: &mut Findings,
) {
    if let Some(rejected) = memory.rejected.clone().filter(|_| tally.shortage() > 0) {
        let message =
            format!("the API server refuses new pods ({} times): {}", rejected.times, rejected.message);
        found.conditions.push(conditions::yes(conditions::PODS_FAILING, "CreateRejected", message));
    }
    let unproved = tally.all_live().filter(|p| !p.is_ready()).count();
    let wanted = tally.shortage().min(found.failures.allowance(unproved));
    if wanted == 0 {
        return;
    }
    let rejected_wait = memory.rejected.as_ref().map(|r| input.now.until(r.until)).unwrap_or_default();
    let wait = found.failures.wait(input.now).max(rejected_wait);
    if !wait.is_zero() {
        found.again_in(wait);
        return;
    }
    if memory.numbers() < wanted.min(memory.batch()) {
        let first = input.group.status.reserved_pod_numbers.unwrap_or(0).max(0);
        let block = i64::try_from(wanted.clamp(BLOCK.0, BLOCK.1)).unwrap_or(i64::MAX);
        found.actions.push(Action::ReserveNumbers { up_to: first.saturating_add(block) });
        return;
    }
    let numbers = memory.take(wanted.min(memory.batch()));
    let pods: Vec<NewPod> =
        numbers.into_iter().map(|n| template::worker_pod(input.group, cluster, n, input.domain)).collect();
    found.actions.push(Action::CreatePods(pods));
}
