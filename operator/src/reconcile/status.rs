//! Writing a status: only what differs, and counts at most once a second.

use std::time::Duration;

use dask_operator_core::plan::{
    kind::Kind,
    merge_patch,
    status_change::{PACE, is_urgent},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    apply::{self, Apply, Bound},
    kubernetes::api::INSTALL_CRDS,
    object_ref::ObjectKey,
    reconcile::Error,
};

/// What became of a status.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is as it should be, or as near to it as the API server allows.
    Same,
    /// It was written.
    Now,
    /// It differs in counts alone, and it is too early to write those again.
    In(Duration),
}

/// A status as it should be, and as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a, S> {
    pub new: &'a S,
    pub old: &'a S,
    /// Whether the object has a status: one that was never written is bound to the object's version.
    pub exists: bool,
}

impl<'a, S: Default + PartialEq> Change<'a, S> {
    /// From the status as it was decided on.
    pub fn of(new: &'a S, old: &'a S) -> Self {
        Self { new, old, exists: *old != S::default() }
    }
}

/// Writes the conditions where they differ.
pub(super) async fn write_conditions<S: Serialize>(
    on: Apply<'_>,
    change: Change<'_, S>,
) -> Result<(), Error> {
    let (status, old) = (json!(change.new), json!(change.old));
    if is_urgent(&json!({"conditions": status["conditions"]}), &old) {
        let diff = json!({"conditions": status["conditions"]});
        let bound = if change.exists { Bound::ByUid(&status) } else { Bound::ByVersion };
        Box::pin(apply::status(on, bound, diff)).await?;
    }
    Ok(())
}

/// Writes a status where it differs.
pub(super) async fn write<S: Serialize + PartialEq>(
    on: Apply<'_>,
    change: Change<'_, S>,
) -> Result<Written, Error> {
    let Apply { context, subject, target } = on;
    // Most are, and need not be written out to be compared.
    if change.new == change.old {
        return Ok(Written::Same);
    }
    let (status, old) = (json!(change.new), json!(change.old));
    let Some(diff) = merge_patch::difference(&status, &old) else { return Ok(Written::Same) };
    let object = (target.kind, ObjectKey::of(&target.meta));
    let last = context.written.last(&object);
    if last.as_ref().is_some_and(|l| l.dropped.as_ref() == Some(&diff)) {
        return Ok(Written::Same);
    }
    let only_counts = !is_urgent(&diff, &old);
    if let Some(since) = last.map(|l| l.at.elapsed()).filter(|s| only_counts && *s < PACE) {
        return Ok(Written::In(PACE.saturating_sub(since)));
    }
    // A job goes on from what its status says.
    let is_bound = target.kind == Kind::Job || !change.exists;
    let bound = if is_bound { Bound::ByVersion } else { Bound::ByUid(&status) };
    let stored = Box::pin(apply::status(on, bound, diff)).await?;
    let dropped = stored.and_then(|stored| merge_patch::missing(&status, &stored));
    if let Some(fields) = dropped.as_ref().and_then(Value::as_object) {
        let fields: Vec<_> = fields.keys().map(String::as_str).collect();
        tracing::warn!(
            kind = subject.kind(),
            fields = fields.join(","),
            run = INSTALL_CRDS,
            "the API server does not keep parts of a status: the installed definitions are older than this operator"
        );
    }
    context.written.wrote(object, dropped);
    Ok(Written::Now)
}
