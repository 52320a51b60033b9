//! Pods of an earlier template that never came to work: a corrected template replaces them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    action::{Action, SchedulerNeed},
    group::{Findings, Input, Tally, choose},
    record::{PodPhase, PodRecord},
};

/// Deletes pods that wait or crash with a template that was changed since. They hold nothing, and would
/// wait for ever. What runs is left alone.
pub(crate) fn plan(
    input: &Input<'_>,
    tally: &Tally<'_>,
    addresses: &BTreeMap<String, BTreeSet<String>>,
    found: &mut Findings,
) {
    let current = found.failures.template.clone();
    let is_stale = |p: &&&PodRecord| {
        let waits = p.phase == PodPhase::Pending || p.trouble.is_some();
        p.template_hash.is_some() && p.template_hash != current && !p.is_ready() && waits
    };
    let stale: Vec<&PodRecord> = tally.staying.iter().filter(is_stale).copied().collect();
    for pod in stale {
        if choose::holds_nothing(input, pod, addresses) {
            found
                .actions
                .push(choose::delete_unstarted(pod, "it never started, and its template was changed"));
        } else {
            // The registry tells whether a worker runs in it.
            found.needs(SchedulerNeed::Offer);
        }
    }
}

/// Whether the action deletes this pod.
pub(crate) fn deletes(action: &Action, pod: &PodRecord) -> bool {
    matches!(action, Action::DeletePod(d) if d.pod.uid == pod.uid)
}
