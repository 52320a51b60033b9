//! The order in which what was decided about an object is carried out.

use super::{action::Action, kind::Kind};

/// What was decided about one object, field by field in the order in which it is carried out. All of a phase is tried, even
/// if a part of it fails. If a part of `before_status` failed, only conditions are written then, and the pass ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phases {
    /// One after the other, before the status is written: retirements, then reserved numbers, creations of pods and changes of
    /// size in the order in which they were decided. The planner's memory counts retirements and creations as under way
    /// already, reserved numbers are bound to the version that was decided on, and the status says when the size was changed.
    pub before_status: Vec<Action>,
    /// Next: the new conditions are stored by now, so a later pass would see no change and send no event.
    pub events: Vec<Action>,
    /// All at once: the objects made for one owner do not depend on each other.
    pub creations: Vec<Action>,
    /// One after the other, as they were decided.
    pub changes: Vec<Action>,
    /// Last, and all at once: nothing of the pass may depend on a pod that it deletes.
    pub deletions: Vec<Action>,
}

impl Phases {
    /// Actions by phase. Those of one phase stay in their order, but retirements are the first.
    pub fn of(actions: Vec<Action>) -> Self {
        let mut phases = Self::default();
        for action in actions {
            let phase = match action {
                Action::Retire(_)
                | Action::Scale { .. }
                | Action::CreatePods(_)
                | Action::ReserveNumbers { .. } => &mut phases.before_status,
                Action::Event(_) => &mut phases.events,
                Action::Create { .. } => &mut phases.creations,
                Action::DeletePod(_) => &mut phases.deletions,
                Action::Delete { .. }
                | Action::DryRun(_)
                | Action::ReadPodEvents(_)
                | Action::Patch(_)
                | Action::MarkPods { .. }
                | Action::UnmarkPod(_) => &mut phases.changes,
            };
            phase.push(action);
        }
        phases.before_status.sort_by_key(|a| !matches!(a, Action::Retire(_)));
        phases
    }

    /// Whether numbers are reserved, which writes the status, too.
    pub fn reserves_numbers(&self) -> bool {
        self.before_status.iter().any(|a| matches!(a, Action::ReserveNumbers { .. }))
    }

    /// Takes out the changes that are bound to the version of this object: it has another one once its status was
    /// written. Answers whether there were any.
    pub fn postpone_changes_of(&mut self, kind: Kind, name: &str) -> bool {
        let before = self.changes.len();
        self.changes.retain(|a| !is_bound_to(a, kind, name));
        self.changes.len() < before
    }
}

/// Whether an action is bound to the version of this object.
fn is_bound_to(action: &Action, kind: Kind, name: &str) -> bool {
    match action {
        Action::Patch(p) => (p.kind, p.name.as_str()) == (kind, name),
        Action::Delete { kind: of, name: its, resource_version: Some(_), .. } => {
            (*of, its.as_str()) == (kind, name)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::plan::{
        action::{DeletePod, Patch, PodRef, RetireCall, RetireStage},
        events::EventRecord,
    };

    fn delete(name: &str, version: Option<&str>) -> Action {
        Action::Delete {
            kind: Kind::Cluster,
            name: name.into(),
            uid: "u".into(),
            resource_version: version.map(String::from),
            why: "",
        }
    }

    fn patch(kind: Kind) -> Action {
        Action::Patch(Patch { kind, name: "c".into(), resource_version: "1".into(), body: Value::Null })
    }

    #[test]
    fn each_action_has_its_phase_and_retirements_are_first() {
        let pod = PodRef { kind: Kind::Pod, name: "p".into(), uid: "u".into() };
        let doomed = DeletePod {
            pod: pod.clone(),
            resource_version: None,
            valid_until: None,
            empty_by: None,
            why: "",
        };
        let retire = Action::Retire(RetireCall {
            stage: RetireStage::Drain,
            addresses: BTreeSet::new(),
            scheduler: "s".into(),
        });
        let phases = Phases::of(vec![
            Action::DeletePod(doomed.clone()),
            Action::UnmarkPod(pod.clone()),
            Action::ReserveNumbers { up_to: 8 },
            Action::Create { kind: Kind::Service, body: Value::Null },
            Action::CreatePods(vec![]),
            Action::Event(EventRecord::normal("A", "b")),
            Action::ReadPodEvents(pod.clone()),
            retire.clone(),
        ]);
        let first = [retire, Action::ReserveNumbers { up_to: 8 }, Action::CreatePods(vec![])];
        assert_eq!(phases.before_status, first);
        assert_eq!(phases.changes, [Action::UnmarkPod(pod.clone()), Action::ReadPodEvents(pod)]);
        assert_eq!(phases.events, [Action::Event(EventRecord::normal("A", "b"))]);
        assert_eq!(phases.creations, [Action::Create { kind: Kind::Service, body: Value::Null }]);
        assert_eq!(phases.deletions, [Action::DeletePod(doomed)]);
        assert!(phases.reserves_numbers() && !Phases::default().reserves_numbers());
    }

    #[test]
    fn what_is_bound_to_the_written_version_waits() {
        let kept = [patch(Kind::Service), delete("c", None), delete("d", Some("1"))];
        let mut phases =
            Phases::of([vec![patch(Kind::Cluster), delete("c", Some("1"))], kept.to_vec()].concat());
        assert!(phases.postpone_changes_of(Kind::Cluster, "c"));
        assert_eq!(phases.changes, kept);
        assert!(!phases.postpone_changes_of(Kind::Cluster, "c"), "there are none left");
    }
}
