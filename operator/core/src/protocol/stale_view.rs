//! What to do about an object while what the operator knows of it is out of date: nothing, and say why.
//!
//! What is missing in such a view may exist, and what is in it may be gone. So nothing is created, scaled or
//! removed on it, and nothing counts as deleted. What was decided earlier goes on by itself.

use dask_crds::{Condition, DaskAutoscalerStatus, DaskClusterStatus, DaskJobStatus, DaskWorkerGroupStatus};

use crate::{
    model::{
        object::{Meta, Object},
        time::Timestamp,
    },
    plan::{
        action::{Action, Decision},
        conditions::{self, CACHE_OUT_OF_SYNC, Observed},
        events::EventRecord,
        scheduler_need::SchedulerNeed,
    },
};

/// Why what is known of an object is out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaleView {
    /// The watches of these resources (plurals) have not been in sync for some time.
    OutOfSync(Vec<&'static str>),
    /// An object that it depends on exists, and was never read in a form that this operator understands.
    Unreadable {
        /// The object's kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
}

impl StaleView {
    /// A CamelCase word for it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::OutOfSync(_) => "WatchFails",
            Self::Unreadable { .. } => "ObjectUnreadable",
        }
    }

    /// What is out of date, what follows from it, and what to do.
    pub fn message(&self) -> String {
        match self {
            Self::OutOfSync(resources) => format!(
                "the operator cannot watch {}: it creates, scales and removes nothing here until it can; look at \
                 its log and at its rights (it needs list and watch)",
                resources.join(", ")
            ),
            Self::Unreadable { kind, name } => format!(
                "the operator cannot read {kind} {name:?}: it creates, scales and removes nothing here until it \
                 can; correct that object, or install a newer operator"
            ),
        }
    }

    fn condition(&self) -> Observed {
        conditions::yes(CACHE_OUT_OF_SYNC, self.reason(), self.message())
    }
}

/// A status with a place to say that its object is not acted on.
pub trait HasConditions: Clone {
    /// The conditions, where the kind has them.
    fn conditions(&mut self) -> Option<&mut Vec<Condition>>;
}

impl HasConditions for DaskClusterStatus {
    fn conditions(&mut self) -> Option<&mut Vec<Condition>> {
        Some(&mut self.conditions)
    }
}

impl HasConditions for DaskWorkerGroupStatus {
    fn conditions(&mut self) -> Option<&mut Vec<Condition>> {
        Some(&mut self.conditions)
    }
}

impl HasConditions for DaskAutoscalerStatus {
    fn conditions(&mut self) -> Option<&mut Vec<Condition>> {
        Some(&mut self.conditions)
    }
}

impl HasConditions for DaskJobStatus {
    fn conditions(&mut self) -> Option<&mut Vec<Condition>> {
        None
    }
}

/// What to do about an object while what is known of it is out of date: its status stays, with a condition; a kind
/// without conditions gets an event.
pub fn hold<Spec, Status: HasConditions>(
    object: &Object<Spec, Status>,
    why: &StaleView,
    now: Timestamp,
) -> Decision<Status> {
    let mut status = object.status.clone();
    let actions = match status.conditions() {
        Some(list) => {
            let new = conditions::with(list, why.condition(), object.meta.generation, now);
            let events = conditions::events(list, &new).into_iter().map(Action::Event).collect();
            *list = new;
            events
        }
        None => vec![Action::Event(event(why))],
    };
    Decision { actions, status, requeue: None, need: SchedulerNeed::NONE }
}

fn event(why: &StaleView) -> EventRecord {
    EventRecord { once: true, ..EventRecord::warning(why.reason(), &why.message()) }
}

/// What to say of an object that cannot be decoded; `error` is the decoder's.
pub fn unreadable(meta: &Meta, error: &str) -> EventRecord {
    let text = format!(
        "the operator cannot read this object ({}); it changes nothing of {:?} until it can: correct the field, or \
         install a newer operator",
        conditions::shorten(error, 300),
        meta.name
    );
    EventRecord { once: true, ..EventRecord::warning("ObjectUnreadable", &text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{job, worker_group::testing};

    const NOW: Timestamp = Timestamp(9_000_000);

    #[test]
    fn a_condition_tells_which_watch_fails_and_the_rest_stays() {
        let mut cluster = testing::cluster("c");
        let ready = conditions::yes(conditions::READY, "Ready", "");
        cluster.status.conditions = conditions::update(&[], vec![ready], 1, Timestamp(0));
        let held = hold(&cluster, &StaleView::OutOfSync(vec!["pods"]), NOW);
        assert!(conditions::holds(&held.status.conditions, conditions::READY));
        let told = held.status.conditions.iter().find(|c| c.type_ == CACHE_OUT_OF_SYNC).unwrap();
        assert_eq!(told.reason, "WatchFails");
        assert!(told.message.contains("cannot watch pods"), "{}", told.message);
        assert!(matches!(&held.actions[..], [Action::Event(e)] if e.reason == "WatchFails"), "nothing else");
        cluster.status = held.status.clone();
        let again =
            hold(&cluster, &StaleView::OutOfSync(vec!["pods"]), NOW.plus(std::time::Duration::from_secs(9)));
        assert_eq!((again.status, again.actions.len()), (held.status, 0));
    }

    #[test]
    fn a_job_has_no_place_for_a_condition_and_gets_an_event() {
        let job = job::testing::job();
        let why = StaleView::Unreadable { kind: "DaskCluster", name: "j".into() };
        let held = hold(&job, &why, NOW);
        assert_eq!(held.status, job.status);
        assert!(matches!(&held.actions[..], [Action::Event(e)] if e.once && e.reason == "ObjectUnreadable"));
    }
}
