//! What a write means for who manages which fields.

use serde_json::{Map, Value};

use super::{
    compare::Changes,
    elements,
    error::{ApplyError, Conflict},
    fields::{self, Fields},
    managers::{Manager, Writer},
};

/// What nobody manages, as everybody writes it.
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

/// Takes out of a set what nobody manages.
pub(super) fn strip(set: &mut Fields) {
    let none = || Value::Object(Map::new());
    let mut meta: Map<String, Value> = UNMANAGED.iter().map(|name| (elements::field(name), none())).collect();
    meta.insert(".".to_owned(), none());
    let all = [("f:apiVersion", none()), ("f:kind", none()), ("f:metadata", meta.into())];
    fields::subtract(set, &all.map(|(key, value)| (key.to_owned(), value)).into_iter().collect());
}

/// Takes changed fields from their managers, or tells the conflicts.
pub(super) fn release(managers: &mut Vec<Manager>, changes: &Changes, force: bool) -> Result<(), ApplyError> {
    let written = changes.written();
    let mut conflicts = Vec::new();
    for manager in managers.iter_mut() {
        let taken = fields::common(&manager.fields, &written);
        if !force {
            let told = manager.told();
            let conflict = |field| Conflict { manager: told.clone(), field };
            conflicts.extend(fields::paths(&taken).into_iter().map(conflict));
        }
        fields::subtract(&mut manager.fields, &taken);
        fields::subtract(&mut manager.fields, &changes.removed);
    }
    if !conflicts.is_empty() {
        conflicts.sort_by(|a, b| a.manager.cmp(&b.manager));
        return Err(ApplyError::Conflicts(conflicts));
    }
    managers.retain(|manager| !manager.fields.is_empty());
    Ok(())
}

/// Gives changed fields to who updated them.
pub(super) fn record(
    managers: &mut Vec<Manager>,
    mut changes: Changes,
    by: Writer<'_>,
    resets: &[&str],
    time: &str,
) {
    changes.without(resets);
    // With force there are no conflicts.
    drop(release(managers, &changes, true));
    let mut set = changes.written();
    strip(&mut set);
    if set.is_empty() {
        return;
    }
    // The API server does not note when somebody scaled.
    let time = (by.subresource != "scale").then(|| time.to_owned());
    match managers.iter_mut().find(|manager| manager.is(by)) {
        Some(manager) => {
            fields::add(&mut manager.fields, &set);
            manager.time = time.or(manager.time.take());
        }
        None => managers.push(Manager::new(by, time, set)),
    }
}
