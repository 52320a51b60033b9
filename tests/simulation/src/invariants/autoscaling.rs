//! What an autoscaler may make of what a scheduler says, and of silence.

use std::time::Duration;

use kube_memory_api_server::Change;

use super::{
    Moment, Violation,
    history::{Books, Owner, believable},
    ownership,
};

/// A shrink needs answers of the scheduler that are not older than this, at the least.
const STALE: Duration = Duration::from_secs(40);

pub(super) fn check(moment: &Moment<'_>, change: &Change, found: &mut Vec<Violation>) {
    let &Moment { books, dask, now, is_alone } = moment;
    if change.resource.as_ref() != "daskworkergroups" {
        return;
    }
    let size = |o: &Option<std::sync::Arc<serde_json::Value>>| {
        o.as_ref().and_then(|o| o["spec"]["worker"]["replicas"].as_i64())
    };
    let (Some(before), Some(after)) = (size(&change.before), size(&change.after)) else { return };
    if before == after || change.subresource != Some("scale") {
        return;
    }
    let Some(group) = books.owners.get(&change.uid) else { return };
    let Some(scaler) = ownership::scaler(books, group) else { return };
    let bounds: Vec<_> = believable(&scaler.bounds, |b| b.0, books.allowance, now).collect();
    let least = bounds.iter().map(|b| b.1).min().unwrap_or(0);
    let most = bounds.iter().map(|b| b.2).max().unwrap_or(i64::MAX);
    let mut say = |rule, what| found.push(Violation { rule, what });
    if (after < least && after < before) || (after > most && after > before) {
        say("within-bounds", format!("{} was scaled to {after}, out of {least} to {most}", change.name));
    }
    if after >= before {
        // One decision at a time: what another operator does at the same moment is not known.
        if is_alone && after > bounds.iter().map(|b| b.1).max().unwrap_or(0) {
            together(moment, group, after, found);
        }
        return;
    }
    let said = dask.of(&group.cluster, |s| {
        let window = STALE + books.allowance;
        let since = now.saturating_sub(window).max(s.started);
        s.targets.iter().filter(|(at, _)| *at >= since).count()
    });
    // It may have been decided on what an earlier scheduler said, before it was known that it ended.
    let ended = dask.ended(&group.cluster).filter(|at| now.saturating_sub(*at) < books.allowance);
    let said = if ended.is_some() { usize::MAX } else { said.unwrap_or(0) };
    // Several answers must agree: fewer than three is no agreement.
    if said < 3 && before <= most {
        say(
            "no-data-no-shrink",
            format!("{} was scaled from {before} to {after} on {said} answers", change.name),
        );
    }
}

/// A group does not grow where all groups together have as many as the scheduler would like.
fn together(moment: &Moment<'_>, group: &Owner, after: i64, found: &mut Vec<Violation>) {
    let &Moment { books, dask, now, .. } = moment;
    let since = now.saturating_sub(STALE + books.allowance);
    let liked = dask.of(&group.cluster, |s| {
        s.targets.iter().filter(|(at, _)| *at >= since).map(|(_, target)| *target).max()
    });
    // What an earlier scheduler said is not known here.
    let Some(liked) = liked.flatten().filter(|_| dask.ended(&group.cluster).is_none()) else { return };
    let is_other = |o: &&Owner| {
        o.resource == "daskworkergroups"
            && o.cluster == group.cluster
            && o.name != group.name
            && o.leaves.is_none()
    };
    let others: i64 = books.owners.values().filter(is_other).map(|o| fewest(books, o, now)).sum();
    if others > 0 && after.saturating_add(others) > i64::try_from(liked).unwrap_or(i64::MAX) {
        let what =
            format!("{} was scaled to {after} beside {others} others, and {liked} were wanted", group.name);
        found.push(Violation { rule: "no-growth-for-others", what });
    }
}

/// The smallest size that may still be believed in; what autoscalers wrote is known at once.
fn fewest(books: &Books, group: &Owner, now: Duration) -> i64 {
    let last = group.sizes.last().map_or(0, |s| s.1);
    if group.is_sized_by_autoscaler {
        return last;
    }
    let is_new = group.sizes.first().is_none_or(|s| now.saturating_sub(s.0) < books.allowance);
    let known = believable(&group.sizes, |s| s.0, books.allowance, now).map(|s| s.1).min();
    if is_new { 0 } else { known.unwrap_or(0) }
}
