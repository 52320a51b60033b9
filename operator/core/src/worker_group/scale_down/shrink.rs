//! Step 1 of the removal protocol: how many pods are too many. Those that hold nothing go at once, others are chosen to leave.

use crate::{
    model::scheduler::SchedulerState,
    plan::scheduler_need::WorkersNeed,
    worker_group::{
        delete_pod,
        pass::Pass,
        scale_down::{blocked_reasons, drain_timeout, empty_pods, recheck_interval, select, through_agents},
    },
};

pub(crate) fn shrink(pass: &mut Pass<'_>) {
    let (input, counts) = (pass.input, pass.counts);
    let going = pass.found.pods_in_plan();
    let excess =
        counts.excess().saturating_sub(counts.staying.iter().filter(|p| going.contains(&p.uid)).count());
    if matches!(input.scheduler, SchedulerState::SpeaksTls) {
        through_agents::ask_agents(pass, excess);
        return;
    }
    let mut left = excess;
    if excess > 0 {
        let found = &mut pass.found;
        found.shrinking = true;
        found.needs(WorkersNeed::Offer);
        found.requeue_in(recheck_interval::recheck_after(input));
        let empty = empty_pods::never_started(counts, &going, |p| {
            empty_pods::holds_nothing(input, p, pass.addresses)
        });
        left -= empty.len().min(excess);
        let delete = |p| delete_pod::if_unchanged(input, p, "it holds nothing");
        found.actions.extend(empty.into_iter().take(excess).map(delete));
    } else {
        pass.memory.watched.awaits_better_reading(false, input.now);
        say_what_marked_ones_wait_for(pass);
    }
    match input.scheduler {
        SchedulerState::Unreachable { why } if left > 0 || !counts.marked.is_empty() => {
            pass.found.conditions.push(blocked_reasons::unreachable(why, input));
        }
        SchedulerState::Known(snapshot) => {
            let chosen = if left > 0 { select::choose(pass, snapshot, left) } else { Some(0) };
            let stuck = chosen.map_or(0, |n| left - n);
            drain_timeout::delete_overdue(pass, stuck);
        }
        _ => {}
    }
}

/// Why pods that were chosen before do not go on.
fn say_what_marked_ones_wait_for(pass: &mut Pass<'_>) {
    let Pass { input, counts, memory, found, .. } = pass;
    // Between two questions about a refused worker nothing has changed.
    let refusing = counts.marked.iter().filter(|p| memory.refusals.contains_key(&p.uid)).count();
    let unanswered = input.scheduler.known().and_then(|s| s.unanswered.as_ref());
    if refusing > 0 {
        found.conditions.push(blocked_reasons::refused(refusing, input));
    } else if let Some(why) = unanswered.filter(|_| !memory.undecided.is_empty()) {
        found.conditions.push(blocked_reasons::no_offer(why, input));
    }
}
