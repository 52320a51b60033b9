//! Creating what is missing: numbers reserved first, slow start, back-off.

use std::{sync::Arc, time::Duration};

use crate::{
    model::{names, object::Cluster},
    plan::{
        action::{Action, NewPod},
        conditions::{self, Observed},
    },
    resources,
    validation::api_rejection,
    worker_group::{
        POLL, PlannerState, PodCounts, findings::Findings, input::Input, pass::Pass, planner_state::Rejected,
    },
};

/// Fewest and most numbers reserved at once: one status write for many pods.
const BLOCK: (usize, usize) = (16, 1024);

/// How long a pod that leaves counts as one of the wanted.
const COUNTED: Duration = Duration::from_secs(30);

pub(crate) fn create_missing(pass: &mut Pass<'_>, cluster: &Cluster) {
    let Pass { input, counts, memory, found, .. } = pass;
    forget_what_is_over(input, memory, found);
    if found.untried || !found.tried.invalid.is_empty() {
        return;
    }
    let leaving = leaving_soon(input, counts, memory, found);
    let shortage = counts.shortage(leaving).saturating_sub(found.adopted);
    if shortage > 0 && !input.has_scheduler_pod {
        // Where little fits into a quota, the scheduler is what must.
        let text =
            "workers are made when the scheduler has a pod; the cluster's conditions say why it has none";
        found.conditions.push(conditions::no(conditions::READY, "WaitsForScheduler", text));
        return;
    }
    found.conditions.extend(trouble(memory).filter(|_| shortage > 0));
    let unproved = counts.all_live().filter(|p| !p.is_ready()).count();
    let wanted = shortage.min(found.failures.allowance(unproved));
    if wanted == 0 {
        return;
    }
    let rejected_wait = memory.rejected.as_ref().map(|r| input.now.until(r.until)).unwrap_or_default();
    let unknown_wait = memory.unknown.map(|(_, until)| input.now.until(until)).unwrap_or_default();
    let wait = found.failures.wait(input.now).max(rejected_wait).max(unknown_wait);
    if !wait.is_zero() {
        found.requeue_in(wait);
        return;
    }
    if memory.numbers() < wanted.min(memory.batch()) {
        let first = input.group.status.reserved_pod_numbers.unwrap_or(0).max(0);
        let block = i64::try_from(wanted.clamp(BLOCK.0, BLOCK.1)).unwrap_or(i64::MAX);
        found.actions.push(Action::ReserveNumbers { up_to: first.saturating_add(block) });
        return;
    }
    let numbers = memory.take(wanted.min(memory.batch()));
    let body = Arc::new(resources::worker_pods(input.group, cluster, input.site()));
    let meta = &input.group.meta;
    let name = |number| names::worker_pod(&meta.name, &meta.uid, number);
    let pod = |number| NewPod { number, name: name(number), body: body.clone() };
    let pods: Vec<NewPod> = numbers.into_iter().map(pod).collect();
    memory.asks(&pods);
    found.actions.push(Action::CreatePods(pods));
    // A pod that was refused shows up nowhere: nothing would wake us.
    found.requeue_in(POLL);
}

/// Why the API server makes no pods, if it said so; without an answer, if that happened twice.
fn trouble(memory: &PlannerState) -> Option<Observed> {
    let failing = |reason, message| Some(conditions::yes(conditions::PODS_FAILING, reason, message));
    if let Some(Rejected { times, message, .. }) = &memory.rejected {
        let remedy = api_rejection::remedy(message);
        let text = format!("the API server refuses new pods ({times} times): {message}; {remedy}");
        return failing("CreateRejected", text);
    }
    let (times, words) = (memory.unknown?.0, memory.unanswered_words.as_ref()?);
    let text = format!(
        "the API server does not carry out the creation of pods ({times} times in a row): {words}; they are tried \
         again; {}",
        api_rejection::remedy(words)
    );
    if times > 1 { failing("CreateNotAnswered", text) } else { None }
}

/// Pods that leave count until they are gone, so that a group that shrinks and grows again does not pile
/// up. But what they hold may need a new worker to go to: one that was refused, or is at it for long, does
/// not stand in the way of one.
fn leaving_soon(
    input: &Input<'_>,
    counts: &PodCounts<'_>,
    memory: &PlannerState,
    found: &mut Findings,
) -> usize {
    let mut count = 0;
    for pod in &counts.marked {
        let left = pod.mark.as_ref().filter(|m| !m.is_in_the_future(input.now));
        let left = left.map(|m| input.now.until(m.at.plus(COUNTED))).unwrap_or_default();
        if memory.comes_back(&pod.uid) {
            count += 1;
        } else if !left.is_zero() && !memory.refusals.contains_key(&pod.uid) {
            count += 1;
            found.requeue_in(left);
        }
    }
    count
}

/// A creation that was not answered and shows in the cache was a success; a corrected template is tried at once.
fn forget_what_is_over(input: &Input<'_>, memory: &mut PlannerState, found: &Findings) {
    let meta = &input.group.meta;
    memory.again.retain(|n| {
        let name = names::worker_pod(&meta.name, &meta.uid, *n);
        !input.pods.iter().any(|p| p.name == name)
    });
    if memory.rejected.as_ref().is_some_and(|r| found.failures.template.as_ref() != Some(&r.template)) {
        memory.rejected = None;
    }
}
