//! Objects that are not decided on because what is known of them is out of date: their status says so, and nothing
//! else happens.

use std::{sync::Arc, time::Duration};

use dask_operator_core::{
    model::object::Object,
    plan::phases::Phases,
    protocol::stale_view::{self, HasConditions, StaleView},
};
use serde::Serialize;

use super::{Error, Outcome, status};
use crate::{
    apply::{self, Apply, Target},
    context::Context,
    object_ref::ObjectRef,
};

/// How soon it is looked whether the view is in sync again.
const AGAIN: Duration = Duration::from_secs(5);

/// What is done instead of deciding, if `subject` must not be decided on.
pub(super) async fn instead(context: &Arc<Context>, subject: &ObjectRef) -> Result<Option<Outcome>, Error> {
    let (unreadable, why) = {
        let state = context.state.lock();
        (state.unreadable(subject).cloned(), state.blind(subject))
    };
    if let Some(what) = unreadable {
        // Its status cannot be relied on either, so there is no condition.
        let event = stale_view::unreadable(&what.meta, &what.error);
        let target = Target::of(subject, &what.meta);
        apply::publish(Apply { context, subject, target: &target }, &event).await;
        return Ok(Some(Outcome::Done(None)));
    }
    let Some(why) = why else {
        context.state.lock().held.remove(subject);
        return Ok(None);
    };
    forget_absence(context, subject);
    if is_new(context, subject, &why) {
        Box::pin(tell(context, subject, &why)).await?;
        context.state.lock().held.insert(subject.clone(), why.message());
    }
    Ok(Some(Outcome::Waiting(AGAIN)))
}

/// Whether this was not said yet. The cache may be what is out of date, so it cannot tell.
fn is_new(context: &Context, subject: &ObjectRef, why: &StaleView) -> bool {
    context.state.lock().held.get(subject) != Some(&why.message())
}

/// What is missing in such a view has not been seen to be missing.
fn forget_absence(context: &Context, subject: &ObjectRef) {
    let ObjectRef::Job(key) = subject else { return };
    let mut state = context.state.lock();
    let uid = state.cache.jobs.get(key).map(|j| j.meta.uid.clone());
    if let Some(memory) = uid.and_then(|uid| state.jobs.get_mut(&uid)) {
        memory.forget_absence();
    }
}

async fn tell(context: &Arc<Context>, subject: &ObjectRef, why: &StaleView) -> Result<(), Error> {
    match subject {
        ObjectRef::Cluster(key) => {
            let object = context.state.lock().cache.clusters.get(key).cloned();
            tell_one(context, subject, object, why).await
        }
        ObjectRef::Group(key) => {
            let object = context.state.lock().cache.groups.get(key).cloned();
            tell_one(context, subject, object, why).await
        }
        ObjectRef::Autoscalers(cluster) => {
            let all: Vec<_> = context.state.lock().cache.autoscalers_of(cluster).cloned().collect();
            for object in all {
                tell_one(context, subject, Some(object), why).await?;
            }
            Ok(())
        }
        ObjectRef::Job(key) => {
            let object = context.state.lock().cache.jobs.get(key).cloned();
            tell_one(context, subject, object, why).await
        }
    }
}

async fn tell_one<Spec, Status: HasConditions + Serialize + Default + PartialEq>(
    context: &Arc<Context>,
    subject: &ObjectRef,
    object: Option<Arc<Object<Spec, Status>>>,
    why: &StaleView,
) -> Result<(), Error> {
    let Some(object) = object.filter(|o| !o.meta.deleting) else { return Ok(()) };
    let decision = stale_view::hold(&object, why, context.now());
    let target = Target::of(subject, &object.meta);
    let on = Apply { context, subject, target: &target };
    apply::after_status(on, Phases::of(decision.actions)).await?;
    let change = status::Change::of(&decision.status, &object.status);
    status::write(on, change).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use dask_operator_core::model::object::{Job, Meta};
    use serde_json::json;

    use super::*;
    use crate::{
        object_ref::ObjectKey,
        store::mapping::{Jobs, Pods},
        testing::context,
    };

    fn key() -> ObjectKey {
        ObjectKey::new("ns", "j")
    }

    fn job() -> Job {
        let cluster = json!({"worker": {"spec": {}}, "scheduler": {"spec": {}, "service": {}}});
        let spec = json!({"job": {"spec": {}}, "cluster": {"spec": cluster}});
        let meta = Meta { namespace: "ns".into(), name: "j".into(), uid: "u".into(), ..Meta::default() };
        Object { meta, spec: serde_json::from_value(spec).unwrap(), status: Default::default() }
    }

    /// An operator that knows a job, and has missed its runner for some time.
    fn with_job() -> (Arc<Context>, ObjectRef) {
        let context = context();
        let mut state = context.state.lock();
        state.apply::<Jobs>(&key(), job());
        let memory = state.jobs.entry("u".into()).or_default();
        (memory.absent, memory.seen) = (Some(context.now()), Some(context.now()));
        drop(state);
        (context, ObjectRef::Job(key()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_in_a_view_out_of_date_is_not_missed() {
        let (context, subject) = with_job();
        let absent = || context.state.lock().jobs["u"].absent;
        assert_eq!(instead(&context, &subject).await.unwrap(), None, "all is in sync");
        assert!(absent().is_some());
        let pods = (<Pods as crate::store::Cached>::PLURAL, None);
        context.state.lock().views.watch_started(&pods);
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(instead(&context, &subject).await.unwrap(), Some(Outcome::Waiting(AGAIN)));
        assert_eq!(absent(), None);
        assert_eq!(context.state.lock().jobs["u"].seen, None, "nor is its start late");
        assert!(context.state.lock().held[&subject].contains("cannot watch pods"));
        context.state.lock().views.list_completed(&pods);
        assert_eq!(instead(&context, &subject).await.unwrap(), None);
        assert!(context.state.lock().held.is_empty(), "it would be said again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_is_not_decided_on() {
        let (context, subject) = with_job();
        let what = crate::store::Unreadable { meta: job().meta, error: "unknown variant".into() };
        context.state.lock().mark_unreadable::<Jobs>(&key(), what);
        assert_eq!(instead(&context, &subject).await.unwrap(), Some(Outcome::Done(None)));
    }
}
