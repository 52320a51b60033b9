//! No worker is removed with a last copy.

use std::{collections::BTreeSet, time::Duration};

use kube_memory_api_server::{Change, Verb};

use super::{
    Moment, Violation,
    history::{Books, Pod},
};
use crate::dask::Retired;

/// A worker that registered so shortly before may be deleted as one that never did: no reading can have it, and its
/// pod did not change.
const JUST_NOW: Duration = Duration::from_secs(5);

/// Times are written down in whole seconds.
const SLACK: Duration = Duration::from_secs(2);

/// A deletion by the operator: the scheduler let the worker go, or it had nothing, or a warning was given.
pub(super) fn check(moment: &Moment<'_>, change: &Change, found: &mut Vec<Violation>) {
    let &Moment { books, dask, now, .. } = moment;
    if change.verb != Verb::Delete || change.resource.as_ref() != "pods" {
        return;
    }
    let Some(pod) = books.pods.get(&change.uid).filter(|p| p.live) else { return };
    let owner = pod.owner.as_ref().and_then(|uid| books.owners.get(uid));
    if owner.is_none_or(|o| o.resource != "daskworkergroups" || o.leaves.is_some())
        || is_forced(books, pod, now)
    {
        return;
    }
    // What is deleted whatever became of it is what the scheduler let go.
    let is_bound = change.preconditions.as_ref().is_some_and(|(_, version)| version.is_some());
    let state = dask.of(&pod.cluster, |s| {
        let mine: Vec<_> = s.workers.iter().filter(|(_, w)| w.pod == change.uid).collect();
        let let_go = s.let_go.contains(&change.uid) || mine.is_empty();
        let young = |since| now.saturating_sub(since) < JUST_NOW + books.allowance;
        let fresh = is_bound && mine.iter().all(|(_, w)| young(w.since));
        let runs = mine.iter().any(|(_, w)| w.runs.is_some());
        let holds = mine.iter().any(|(a, _)| {
            s.keys.values().any(|k| k.scattered && k.holders.len() == 1 && k.holders.contains(*a))
        });
        // A scheduler that goes takes all of it along.
        let goes = books.pods.get(&s.pod).is_none_or(|p| !p.live);
        let epoch = goes || now.saturating_sub(s.started) < books.allowance;
        let shuffles = mine.iter().any(|(a, _)| s.is_shuffling(a));
        (let_go, fresh, runs || shuffles, holds, epoch)
    });
    // Without a scheduler no worker holds anything that counts.
    let Some((let_go, fresh, runs, holds, epoch)) = state else { return };
    let name = &pod.name;
    let mut say = |rule, what| found.push(Violation { rule, what });
    if holds && !let_go && !fresh && !epoch {
        say("released-before-deleted", format!("{name} was deleted with data that no other worker has"));
    }
    if !let_go && !fresh && !epoch {
        say("released-before-deleted", format!("{name} was deleted, and its scheduler never let it go"));
    }
    if runs && !let_go && !fresh && !epoch {
        say("no-work-lost", format!("{name} was deleted while it ran a task or took part in a shuffle"));
    }
}

/// Whether the end of `drainTimeout` took the pod: the group told it, and so long ago a person asked for fewer.
fn is_forced(books: &Books, pod: &Pod, now: Duration) -> bool {
    let Some(group) = pod.owner.as_ref().and_then(|uid| books.owners.get(uid)) else { return false };
    let has_waited = |since: Duration| now.saturating_sub(since) + SLACK >= group.patience;
    books.risks.iter().any(|risk| risk.is_of(pod))
        && books.asked_for_fewer(group, now).is_some_and(has_waited)
}

/// A retirement: a worker that is asked to leave is marked first, and is closed only by the scheduler that prepared it.
pub fn asked(books: &Books, call: &Retired, since: Option<Duration>, found: &mut Vec<Violation>) {
    let was_marked = |p: &Pod| since.is_some_and(|since| p.last_marked.is_some_and(|at| at >= since));
    let unmarked: BTreeSet<&str> = call
        .asked
        .iter()
        .filter_map(|uid| books.pods.get(uid))
        .filter(|p| p.live && !p.marked && !was_marked(p))
        .map(|p| p.name.as_str())
        .collect();
    if !unmarked.is_empty() {
        let what = format!("{} was asked to let {unmarked:?} go, who were not chosen", call.scheduler);
        found.push(Violation { rule: "marked-before-asked", what });
    }
    let name = |uid: &String| books.pods.get(uid).map(|p| p.name.clone());
    let shuffling: BTreeSet<String> = call.shuffling.iter().filter_map(name).collect();
    if !shuffling.is_empty() {
        let what =
            format!("{} was asked to close {shuffling:?}, and a P2P shuffle began again", call.scheduler);
        found.push(Violation { rule: "shuffles-stay", what });
    }
    let unprepared: BTreeSet<String> = call.unprepared.iter().filter_map(name).collect();
    if !unprepared.is_empty() {
        let what = format!("{} was asked to close {unprepared:?}, who may have work of it", call.scheduler);
        found.push(Violation { rule: "same-scheduler", what });
    }
}
