//! Server-side apply, and who manages which fields of an object after any other write.

mod collect;
mod compare;
mod elements;
mod error;
mod fields;
mod kinds;
mod last_applied;
mod lists;
mod managers;
mod merge;
mod owners;
mod remove;
#[cfg(test)]
mod tests;
mod typed;

use std::borrow::Cow;

use serde_json::{Map, Value};

pub use self::{
    error::{ApplyError, Conflict},
    lists::{Lists, OwnKind, Place},
};
use self::{
    fields::Fields,
    managers::{Manager, Writer},
    owners::{record, release, strip},
};

/// A request to apply.
#[derive(Clone, Copy)]
pub struct Apply<'a> {
    /// `fieldManager`.
    pub manager: &'a str,
    /// Takes fields from other managers instead of answering a conflict.
    pub force: bool,
    /// Such as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Now, as RFC 3339 in whole seconds.
    pub time: &'a str,
    /// The version that the request is for, such as `apps/v1`.
    pub api_version: &'a str,
    /// Fields of the object that this endpoint does not write: `status`, or `spec` at the subresource `status`.
    pub resets: &'a [&'a str],
    /// How the kind merges.
    pub lists: &'a dyn Lists,
}

/// A write that is no apply.
#[derive(Clone, Copy)]
pub struct Update<'a> {
    /// `fieldManager`, or what the user agent says.
    pub manager: &'a str,
    /// Such as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Now, as RFC 3339 in whole seconds.
    pub time: &'a str,
    /// The version that the request is for.
    pub api_version: &'a str,
    /// Fields of the object that this endpoint does not write.
    pub resets: &'a [&'a str],
    /// How the kind merges.
    pub lists: &'a dyn Lists,
}

/// Applies a configuration to an object, or makes the object. The answer has its `managedFields`.
pub fn apply(live: Option<&Value>, config: &Value, request: &Apply<'_>) -> Result<Value, ApplyError> {
    check_config(config, request)?;
    let mut without = live.cloned().unwrap_or_else(|| Value::Object(Map::new()));
    let mut managers = managers::take(&mut without);
    if let Some(other) = managers.iter().find(|manager| manager.api_version != request.api_version) {
        return Err(ApplyError::Unsupported {
            manager: other.name.clone(),
            version: other.api_version.clone(),
        });
    }
    if managers.is_empty() && live.is_some() {
        let by = Writer { manager: "before-first-apply", applies: false, ..writer(request) };
        let mut changes = compare::compare(request.lists.root(), &request.lists.empty(), &without);
        changes.without(request.resets);
        record(&mut managers, changes, by, request.time);
    }
    match applied(&without, config, managers.clone(), request) {
        Err(ApplyError::Conflicts(conflicts)) if request.manager == "kubectl" => {
            let conflicts = last_applied::left(&without, conflicts, request);
            match conflicts.is_empty() {
                true => applied(&without, config, managers, &Apply { force: true, ..*request }),
                false => Err(ApplyError::Conflicts(conflicts)),
            }
        }
        answer => answer,
    }
    .map(|(mut object, managers)| {
        if request.manager == "kubectl" {
            last_applied::renew(&mut object, config);
        }
        managers::write(&mut object, managers, live);
        object
    })
}

fn writer<'a>(request: &Apply<'a>) -> Writer<'a> {
    Writer {
        manager: request.manager,
        applies: true,
        api_version: request.api_version,
        subresource: request.subresource,
    }
}

fn check_config(config: &Value, request: &Apply<'_>) -> Result<(), ApplyError> {
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let version = text("/apiVersion");
    if version != request.api_version {
        let slash = if version.contains('/') { "" } else { "/" };
        return Err(ApplyError::BadRequest(format!(
            "invalid object type: {slash}{version}, Kind={}",
            text("/kind")
        )));
    }
    if config.pointer("/metadata/managedFields").is_some_and(|managed| !managed.is_null()) {
        return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    let mut faults = Vec::new();
    typed::check(request.lists.root(), config, "", &mut faults);
    if faults.is_empty() {
        return Ok(());
    }
    let (namespace, name, kind) = (text("/metadata/namespace"), text("/metadata/name"), text("/kind"));
    Err(ApplyError::Untyped { object: format!("{namespace}/{name}; {version}, Kind={kind}"), faults })
}

/// The object and its managers after an apply.
fn applied(
    live: &Value,
    config: &Value,
    mut managers: Vec<Manager>,
    request: &Apply<'_>,
) -> Result<(Value, Vec<Manager>), ApplyError> {
    let root = request.lists.root();
    let by = writer(request);
    let merged = merge::merge(root, Some(live), Some(config)).unwrap_or_default();
    let last = managers.iter().position(|manager| manager.is(by)).map(|at| managers.remove(at));
    let mut set = collect::fields_of(root, config);
    request.resets.iter().for_each(|name| drop(set.remove(&elements::field(name))));
    let mut own = Manager::new(by, last.as_ref().and_then(|last| last.time.clone()), set);
    let mut dropped = last.as_ref().map(|last| last.fields.clone()).unwrap_or_default();
    fields::subtract(&mut dropped, &own.fields);
    let mut object = match &last {
        Some(last) if !dropped.is_empty() => prune(root, &merged, &last.fields, &owned(&own, &managers)),
        _ => Cow::Borrowed(&merged),
    }
    .into_owned();
    let mut changes = compare::compare(root, live, &object);
    changes.without(request.resets);
    release(&mut managers, &changes, request.force)?;
    if object != *live {
        own.time = Some(request.time.to_owned());
    }
    strip(&mut own.fields);
    managers.push(own);
    remove::tidy(&mut object, &merged);
    for name in request.resets {
        reset(&mut object, live, name);
    }
    Ok((object, managers))
}

/// A field that the endpoint does not write is what it was.
fn reset(object: &mut Value, live: &Value, name: &str) {
    let Value::Object(object) = object else { return };
    match live.get(name) {
        Some(value) => drop(object.insert(name.to_owned(), value.clone())),
        None => drop(object.remove(name)),
    }
}

/// The fields that a manager applies now, and those that others have.
fn owned(own: &Manager, others: &[Manager]) -> Fields {
    let mut owned = own.fields.clone();
    others.iter().for_each(|manager| fields::add(&mut owned, &manager.fields));
    owned
}

/// Takes out what the manager applied last time, does not apply now, and no other manager has.
fn prune<'v>(root: Place<'_>, merged: &'v Value, last: &Fields, owned: &Fields) -> Cow<'v, Value> {
    let named = |set: &Fields| collect::with_named(root, set);
    let last = named(last);
    let all = named(&collect::fields_of(root, merged));
    let mut kept = named(&collect::fields_of(root, &remove::remove(root, merged, &last)));
    fields::add(&mut kept, &named(owned));
    let mut goes = all.clone();
    fields::subtract(&mut goes, &kept);
    let pruned = remove::remove(root, merged, &goes);
    let mut goes = all;
    fields::subtract(&mut goes, &named(&collect::fields_of(root, &pruned)));
    let goes = fields::common(&goes, &last);
    if goes.is_empty() { Cow::Borrowed(merged) } else { Cow::Owned(remove::remove(root, merged, &goes)) }
}

/// Writes the `managedFields` of a write that is no apply: create (without `before`), update or patch. Entries of other
/// versions of the kind are read as if they were of this one.
pub fn track(before: Option<&Value>, after: &mut Value, update: &Update<'_>) {
    let forgets = managers::forgets(after);
    let mut managers = managers::take(after);
    let said = update.subresource.is_empty();
    if !said || managers.is_empty() && !forgets {
        managers = before.map(managers::read).unwrap_or_default();
    }
    if managers.is_empty() && before.is_some() {
        return;
    }
    let by = Writer {
        manager: update.manager,
        applies: false,
        api_version: update.api_version,
        subresource: update.subresource,
    };
    let mut changes = match before {
        Some(before) => compare::compare(update.lists.root(), before, after),
        None => compare::compare(update.lists.root(), &update.lists.empty(), after),
    };
    changes.without(update.resets);
    record(&mut managers, changes, by, update.time);
    managers::cap(&mut managers);
    managers::write(after, managers, before);
}
