//! Enforces `spec.worker.drainTimeout` for manual scale-downs: what still cannot leave is deleted, with a warning.

use crate::{
    model::{
        pod::{Mark, PodRecord},
        time::Timestamp,
    },
    plan::{action::Action, events::EventRecord},
    worker_group::{
        delete_pod,
        pass::Pass,
        scale_down::{select, shrinking_since},
    },
};

/// Most pods named in one event.
const NAMED: usize = 5;

/// A shrink that a person asked for ends. What still refuses or executes then is deleted, with a
/// warning; while the scheduler does not answer, nothing is. The time must have passed by what is written down, and
/// this process must have watched for as long: another one's clock may have been wrong.
pub(crate) fn delete_overdue(pass: &mut Pass<'_>, stuck: usize) {
    let Pass { input, counts, addresses, memory, found } = pass;
    let timeout = input.drain_timeout();
    let watched = memory.watched.patience();
    if input.autoscaled || input.scheduler.known().is_none() || watched < timeout {
        return;
    }
    // A person's patience begins when a person asked, even for workers that an autoscaler chose before.
    let Some(since) = shrinking_since::read(input, counts, found) else { return };
    let is_over = |since: Timestamp| input.now.since(since) >= timeout;
    let pods_in_plan = found.pods_in_plan();
    let asked = |m: &Mark| if m.is_in_the_future(input.now) { since } else { m.at.max(since) };
    let overdue = |p: &&PodRecord| p.mark.as_ref().is_some_and(|m| is_over(asked(m)));
    let chosen = counts.marked.iter().copied().filter(|p| !input.is_threatened(p));
    let mut pods: Vec<&PodRecord> = chosen.filter(overdue).collect();
    if is_over(since) {
        let mut left: Vec<_> =
            counts.staying.iter().copied().filter(|p| !pods_in_plan.contains(&p.uid)).collect();
        let cheapest =
            |p: &&PodRecord| addresses.get(&p.uid).map(|a| select::cost(a, input.scheduler.known()));
        left.sort_by_key(cheapest);
        pods.extend(left.into_iter().take(stuck));
    }
    pods.retain(|p| !pods_in_plan.contains(&p.uid));
    if pods.is_empty() {
        return;
    }
    let named: Vec<_> = pods.iter().take(NAMED).map(|p| p.name.as_str()).collect();
    found.actions.push(Action::Event(EventRecord::warning(
        "DataLossRisk",
        &format!(
            "{} workers did not leave within {} s (spec.worker.drainTimeout) and are deleted; work of theirs may be \
             lost: {}{}",
            pods.len(),
            timeout.as_secs(),
            named.join(", "),
            if pods.len() > NAMED { " and others" } else { "" }
        ),
    )));
    found.actions.extend(pods.into_iter().map(|p| delete_pod::always(p, "drainTimeout is over")));
}
