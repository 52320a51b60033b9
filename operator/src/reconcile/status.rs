//! Writing a status: only what differs, and counts at most once a second.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use dask_operator_core::merge;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    execute::{self, Target},
    reconcile::Error,
    run::Operator,
    subject::Subject,
};

/// Counts are written at most this often for one object.
const PACE: Duration = Duration::from_secs(1);
/// What moves while pods come and go.
const COUNTS: [&str; 7] = ["replicas", "workers", "target", "desired", "created", "ready", "retiring"];

/// What became of a status.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is as it should be.
    Same,
    /// It was written.
    Now,
    /// It differs in counts alone, and it is too early to write those again.
    In(Duration),
}

/// Writes `status` where it differs from `old`.
pub(super) async fn write(
    operator: &Arc<Operator>,
    subject: &Subject,
    target: &Target,
    status: &impl Serialize,
    old: &impl Serialize,
) -> Result<Written, Error> {
    let Some(diff) = merge::difference(&json!(status), &json!(old)) else { return Ok(Written::Same) };
    let only_counts = diff.as_object().is_some_and(|d| d.keys().all(|k| COUNTS.contains(&k.as_str())));
    let written = |subject: &Subject| {
        let map = operator.written.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(subject).map(|t| t.elapsed())
    };
    if let Some(since) = written(subject).filter(|s| only_counts && *s < PACE) {
        return Ok(Written::In(PACE.saturating_sub(since)));
    }
    execute::status(operator, subject, target, None, diff).await?;
    operator.written.lock().unwrap_or_else(PoisonError::into_inner).insert(subject.clone(), Instant::now());
    Ok(Written::Now)
}
