//! One reconciler per kind: observe, decide, act, write only differences.

mod autoscaler;
mod cluster;
mod group;
mod job;
mod orphans;
mod pass_end;
mod stale_view;
mod status;

use std::{sync::Arc, time::Duration};

use dask_operator_core::plan::{action::Decision, phases::Phases};
use serde::Serialize;

use crate::{apply, context::Context, object_ref::ObjectRef, scheduler};

/// Who needs the scheduler is looked at this often at least.
const SCHEDULER_RESYNC: Duration = Duration::from_secs(30);
/// What waits for the object's new version is done this soon, if no watch tells of it before.
const NEXT: Duration = Duration::from_secs(1);

/// Why a reconcile did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused something, or did not answer.
    #[error(transparent)]
    Api(#[from] apply::Error),
    /// It took too long.
    #[error("took longer than {} s", .0.as_secs())]
    TooSlow(Duration),
}

impl Error {
    /// A short name for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Api(e) => e.label(),
            Self::TooSlow(_) => "too_slow",
        }
    }

    /// Whether the object was changed meanwhile: no fault, reconcile again.
    pub fn is_conflict(&self) -> bool {
        self.label() == "conflict"
    }
}

/// How a reconcile ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The object is gone.
    Gone,
    /// It was looked at. Look again after this long, or at the next resync.
    Done(Option<Duration>),
    /// Nothing was decided: the cache does not show our own writes yet. It will wake us, or this time ends.
    Waiting(Duration),
}

/// Reconciles one object.
///
/// # Errors
/// Those of the API server; the caller tries again later.
pub async fn reconcile(context: &Arc<Context>, subject: &ObjectRef) -> Result<Outcome, Error> {
    if let Some(outcome) = stale_view::instead(context, subject).await? {
        return Ok(outcome);
    }
    let wait = context.state.lock().wait(subject, context.now());
    if let Some(wait) = wait {
        return Ok(Outcome::Waiting(wait));
    }
    let outcome = match subject {
        ObjectRef::Cluster(key) => cluster::reconcile(context, subject, key).await?,
        ObjectRef::Group(key) => group::reconcile(context, subject, key).await?,
        ObjectRef::Autoscalers(key) => autoscaler::reconcile(context, subject, key).await?,
        ObjectRef::Job(key) => job::reconcile(context, subject, key).await?,
    };
    if outcome == Outcome::Gone {
        context.schedulers.forget(subject);
        context.written.forget(&context.state.lock().cache);
    }
    Ok(outcome)
}

/// What the kinds have in common: carries out the phases of a decision, and writes the status between them if it differs.
async fn carry_out<S: Serialize + Default + PartialEq>(
    on: apply::Apply<'_>,
    decision: Decision<S>,
    old: &S,
    cluster: &str,
) -> Result<Outcome, Error> {
    let apply::Apply { context, subject, target } = on;
    let Decision { actions, status, requeue, need } = decision;
    let mut phases = Phases::of(actions);
    let mut change = status::Change::of(&status, old);
    // They are written to the status before the rest of it.
    change.exists |= phases.reserves_numbers();
    let before_status = std::mem::take(&mut phases.before_status);
    if let Err(error) = apply::before_status(on, before_status).await.map_err(Error::from) {
        if pass_end::failure(&error).is_rejected_or_unanswered() {
            // The rest of the status would tell of what did not happen; the conditions tell why.
            status::write_conditions(on, change).await?;
        }
        return Err(error);
    }
    let (written, invalid) = match status::write(on, change).await {
        // An object that was stored before a rule for it came is not valid as a whole: that keeps nothing else.
        Err(error) if pass_end::failure(&error).is_invalid() => (status::Written::Same, Some(error)),
        written => (written?, None),
    };
    scheduler::want(context, &subject.key().beside(cluster), subject, need);
    let waits = written == status::Written::Now && phases.postpone_changes_of(target.kind, &target.meta.name);
    apply::after_status(on, phases).await?;
    if let Some(error) = invalid {
        return Err(error);
    }
    if waits {
        // What is bound to the object's version comes next. Whether it is refused is not known before.
        return Ok(Outcome::Waiting(NEXT));
    }
    let later = match written {
        status::Written::In(wait) => Some(wait),
        _ => None,
    };
    let again = [requeue, later, (!need.is_none()).then_some(SCHEDULER_RESYNC)];
    Ok(Outcome::Done(again.into_iter().flatten().min()))
}
