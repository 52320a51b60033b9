//! What a write means for who manages which fields.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::{
    compare::Changes,
    elements,
    error::{ApplyError, Conflict},
    fields::{self, Fields},
    managers::{Manager, Writer},
};

/// What has no manager, and each writer may change.
const UNMANAGED: [&str; 8] = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "resourceVersion",
];

static UNMANAGED_SET: LazyLock<Fields> = LazyLock::new(|| {
    let none = || Value::Object(Map::new());
    let mut meta: Map<String, Value> = UNMANAGED.iter().map(|name| (elements::field(name), none())).collect();
    meta.insert(".".to_owned(), none());
    let all = [("f:apiVersion", none()), ("f:kind", none()), ("f:metadata", meta.into())];
    all.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()
});

/// Takes out of a set what has no manager.
pub(super) fn strip(set: &mut Fields) {
    fields::subtract(set, &UNMANAGED_SET);
}

/// Takes changed fields from their managers, or tells the conflicts.
pub(super) fn release(managers: &mut Vec<Manager>, changes: &Changes, force: bool) -> Result<(), ApplyError> {
    if !force {
        let conflicts = conflicts(managers, changes);
        if !conflicts.is_empty() {
            return Err(ApplyError::Conflicts(conflicts));
        }
    }
    for manager in managers.iter_mut() {
        for set in [&changes.added, &changes.changed, &changes.removed] {
            fields::subtract(&mut manager.fields, set);
        }
    }
    managers.retain(|manager| !manager.fields.is_empty());
    Ok(())
}

fn conflicts(managers: &[Manager], changes: &Changes) -> Vec<Conflict> {
    let mut written = changes.added.clone();
    fields::add(&mut written, &changes.changed);
    let mut conflicts = Vec::new();
    for manager in managers {
        let told = manager.told();
        let conflict = |field| Conflict { manager: told.clone(), field };
        conflicts.extend(fields::paths(&fields::common(&manager.fields, &written)).into_iter().map(conflict));
    }
    conflicts.sort_by(|a, b| a.manager.cmp(&b.manager));
    conflicts
}

/// Gives changed fields to who updated them.
pub(super) fn record(managers: &mut Vec<Manager>, changes: Changes, by: Writer<'_>, time: &str) {
    // With force there are no conflicts.
    drop(release(managers, &changes, true));
    let mut set = changes.added;
    fields::add(&mut set, &changes.changed);
    strip(&mut set);
    if set.is_empty() {
        return;
    }
    // The API server does not note the time of a change of the scale.
    let time = (by.subresource != "scale").then(|| time.to_owned());
    match managers.iter_mut().find(|manager| manager.is(by)) {
        Some(manager) => {
            fields::add(&mut manager.fields, &set);
            manager.time = time.or(manager.time.take());
        }
        None => managers.push(Manager::new(by, time, set)),
    }
}
