//! What an autoscaler may make of what a scheduler says, and of silence.

use std::time::Duration;

use dask_operator_api_server::Change;

use super::{
    Violation, ownership,
    seen::{Books, believable},
};
use crate::dask::Dask;

/// A shrink needs answers of the scheduler that are not older than this, at the least.
const STALE: Duration = Duration::from_secs(40);

pub fn check(books: &Books, change: &Change, now: Duration, dask: &Dask, found: &mut Vec<Violation>) {
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
    let Some(scaler) = ownership::of(books, "daskautoscalers", &group.cluster) else { return };
    let bounds: Vec<_> = believable(&scaler.bounds, |b| b.0, books.allowance, now).collect();
    let least = bounds.iter().map(|b| b.1).min().unwrap_or(0);
    let most = bounds.iter().map(|b| b.2).max().unwrap_or(i64::MAX);
    let mut say = |rule, what| found.push(Violation { rule, what });
    if (after < least && after < before) || (after > most && after > before) {
        say("I-S2", format!("{} was scaled to {after}, out of {least} to {most}", change.name));
    }
    if after >= before {
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
        say("I-A4", format!("{} was scaled from {before} to {after} on {said} answers", change.name));
    }
    let step = (before / 4).max(1);
    if before - after > step && before <= most {
        say("I-A3", format!("{} was scaled from {before} to {after}, more than {step} at once", change.name));
    }
}
