//! A change of a group's size, and why it is made.

use dask_crds::{DaskAutoscalerStatus, SizeChange};

use crate::{
    autoscaler::{Part, wanted::Wanted},
    model::time::Timestamp,
    plan::{action::Action, events::EventRecord},
};

/// How many changes the status tells.
const TOLD: usize = 10;

/// How to change the group's size, if it is to be another one; the status tells when and why.
pub(crate) fn change(
    part: &Part<'_>,
    wanted: Option<&Wanted<'_>>,
    now: Timestamp,
    status: &mut DaskAutoscalerStatus,
) -> Vec<Action> {
    let (meta, from, to) = (&part.group.meta, part.group.spec.worker.replicas, part.size);
    if to == from {
        return Vec::new();
    }
    let reason = reason(part, wanted);
    let message = format!("{} from {from} to {to} workers: {reason}", meta.name);
    status.last_scale_time = Some(now.rfc3339());
    status.changes.insert(0, SizeChange { time: now.rfc3339(), from, to, reason });
    status.changes.truncate(TOLD);
    let scale = Action::Scale {
        group: meta.name.clone(),
        resource_version: meta.resource_version.clone(),
        replicas: to,
    };
    vec![scale, Action::Event(EventRecord::normal("Scaled", &message))]
}

/// What asks for the size, and what keeps it from being what is asked for.
fn reason(part: &Part<'_>, wanted: Option<&Wanted<'_>>) -> String {
    let asked = match wanted {
        None => return "its bounds ask for it".into(),
        Some(Wanted { workers, waiting: None, .. }) => format!("the scheduler would like {workers}"),
        Some(Wanted { workers, waiting: Some(tasks), .. }) => {
            format!("the scheduler's work asks for {workers} in all groups, and {tasks} tasks wait for one")
        }
    };
    match part.limit {
        Some(limit) => format!("{asked}; {}", limit.words()),
        None => asked,
    }
}
