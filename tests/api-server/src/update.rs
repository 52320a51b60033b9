//! Changing an object: replacing and patching it, or one of its subresources.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    decode,
    journal::{Act, Verb},
    kinds::{Builtin, Form, Kind},
    meta, rules,
    schema::Cause,
    status::Status,
    store::{Object, State, key_of},
};

/// How a new version came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Replace,
    Patch,
    /// A patch that keeps managedFields itself.
    Apply,
}

/// A new version of an object that is stored.
pub(crate) struct Edit<'a> {
    pub live: &'a Arc<Object>,
    pub new: Value,
    pub way: Way,
}

/// Stores a new version of an object. Where nothing changes, nothing happens.
pub(crate) fn update(
    state: &mut State,
    asked: &mut Asked<'_>,
    mut edit: Edit<'_>,
) -> Result<Arc<Object>, Status> {
    let kind = asked.target.kind.clone();
    let name = asked.target.name.clone().unwrap_or_default();
    check_name(asked, &edit.new, edit.way)?;
    decode_new(asked, edit.live, &mut edit.new)?;
    asked.act.preconditions = preconditions(&edit);
    check_version(&kind, &name, &edit)?;
    let Edit { live, mut new, way } = edit;
    carry_over(asked, &live.value, &mut new);
    if let Form::Builtin(builtin, _) = &kind.form {
        rules::default(*builtin, &mut new);
        rules::keep(*builtin, &live.value, &mut new);
    }
    if meta::same(&live.value, &new) && (way != Way::Apply || managed(&live.value) == managed(&new)) {
        return Ok(live.clone());
    }
    let causes = causes(asked, live, &new);
    if !causes.is_empty() {
        return Err(refused(&kind, &name, asked, causes));
    }
    rules::allocate(state, &kind, Some(&live.value), &mut new)?;
    if asked.act.subresource != Some("status") && is_other_generation(&kind, &live.value, &new) {
        let generation = live.value.pointer("/metadata/generation").and_then(Value::as_i64);
        meta::of(&mut new).insert("generation".into(), json!(generation.unwrap_or(0) + 1));
    }
    asked.track(Some(&live.value), &mut new);
    finish(state, asked, new)
}

/// What is wrong with a new version.
fn causes(asked: &Asked<'_>, live: &Object, new: &Value) -> Vec<Cause> {
    let kind = &asked.target.kind;
    let is_status = asked.act.subresource == Some("status");
    let mut causes = metadata_causes(kind, &live.value, new);
    match &kind.form {
        Form::Builtin(builtin, _) => {
            let is_looked_at = !is_status && new.get("spec") != live.value.get("spec");
            if is_looked_at || !rules::has_spec(*builtin) {
                causes.extend(rules::validate(*builtin, new, Some(&live.value)));
            }
            causes.extend(rules::validate_status(*builtin, new));
        }
        Form::Custom(schema) if is_status => causes.extend(schema.validate_status(new, &live.value)),
        Form::Custom(schema) => causes.extend(schema.validate(new, Some(&live.value))),
    }
    causes
}

/// What is wrong with a scale is told of the scale.
fn refused(kind: &Kind, name: &str, asked: &Asked<'_>, causes: Vec<Cause>) -> Status {
    if asked.act.subresource != Some("scale") || kind.builtin().is_none() {
        return Status::invalid(kind, name, causes);
    }
    let mut status = Status::invalid_named("Scale.autoscaling", name, causes);
    if let Some(details) = &mut status.details {
        (details.group, details.kind) = ("autoscaling".into(), "Scale".into());
    }
    status
}

/// What is wrong with metadata. A real server looks at it more than once, and tells each time what it finds.
fn metadata_causes(kind: &Kind, live: &Value, new: &Value) -> Vec<Cause> {
    if new.get("metadata") == live.get("metadata") {
        return Vec::new();
    }
    let own = rules::metadata(kind, new);
    let finalizers = rules::finalizers(kind, new);
    let change = rules::metadata_change(live, new);
    let again = if kind.builtin().is_some() { finalizers.clone() } else { Vec::new() };
    [own.clone(), finalizers, change.clone(), own.clone(), again, change, own].concat()
}

fn managed(object: &Value) -> Option<&Value> {
    object.pointer("/metadata/managedFields")
}

/// Stores it; what waited for its last finalizer goes.
fn finish(state: &mut State, asked: &Asked<'_>, new: Value) -> Result<Arc<Object>, Status> {
    let grace = new.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0);
    let is_over = meta::is_going(&new) && grace == 0 && meta::finalizers(&new).next().is_none();
    let is_namespace = asked.target.kind.is(Builtin::Namespace);
    let is_over = is_over && (!is_namespace || meta::list(&new, "/spec/finalizers").is_empty());
    if asked.dry_run {
        return Ok(Object::new(new, 0));
    }
    if !is_over {
        return Ok(state.put(asked.target.table, new, &asked.act, asked.now));
    }
    let act = Act { verb: Verb::Remove, ..asked.act.clone() };
    state.take(asked.target.table, &key_of(&new), &act, asked.now);
    Ok(Object::new(new, state.version))
}

/// A body with another name than the path.
pub(crate) fn other_name(asked: &Asked<'_>, given: &str) -> Status {
    let name = asked.target.name.as_deref().unwrap_or_default();
    Status::bad_request(format!(
        "the name of the object ({given}) does not match the name on the URL ({name})"
    ))
}

fn check_name(asked: &Asked<'_>, new: &Value, way: Way) -> Result<(), Status> {
    let (name, given) = (asked.target.name.as_deref().unwrap_or_default(), meta::text(new, "name"));
    if given.is_empty() && way == Way::Patch {
        return Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if !given.is_empty() && given != name {
        return Err(other_name(asked, given));
    }
    let namespace = meta::text(new, "namespace");
    if !namespace.is_empty() && namespace != asked.target.namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// A version that a patch makes of another one.
fn other_version(kind: &Kind, name: &str, its_version: &str) -> Status {
    let cause = Cause {
        reason: "FieldValueInvalid",
        field: "apiVersion".into(),
        message: format!("Invalid value: {its_version:?}: must be {}", kind.api_version),
    };
    let group = its_version.split_once('/').map_or("", |(group, _)| group);
    let what = if group.is_empty() { kind.kind.clone() } else { format!("{}.{group}", kind.kind) };
    let mut status = Status::invalid_named(&what, name, vec![cause]);
    if let Some(details) = &mut status.details {
        (details.group, details.kind) = (group.into(), kind.kind.clone());
    }
    status
}

/// Decodes it. What is wrong with the shape of a patched object is told as the patch's fault.
fn decode_new(asked: &mut Asked<'_>, live: &Object, new: &mut Value) -> Result<(), Status> {
    let kind = &asked.target.kind;
    let its = |key: &str| new.get(key).and_then(Value::as_str).unwrap_or_default();
    let is_patched = asked.patch.is_some() && kind.builtin().is_none();
    if is_patched && its("kind") == kind.kind && !["", kind.api_version.as_str()].contains(&its("apiVersion"))
    {
        return Err(other_version(kind, meta::text(&live.value, "name"), its("apiVersion")));
    }
    let told = decode::object(&asked.target.kind, new, asked.validation).map_err(|status| {
        let of_shape = status.message.split_once(&format!(" as a {}: ", asked.target.kind.kind));
        match (of_shape, &asked.patch) {
            (Some((_, why)), Some(patch)) => {
                let patched = patch.on(&live.value).unwrap_or_default();
                crate::patch::misfit(&patched.to_string(), why)
            }
            _ => status,
        }
    })?;
    asked.warnings.extend(told);
    Ok(())
}

/// What the request is bound to.
fn preconditions(edit: &Edit<'_>) -> Option<(Option<String>, Option<String>)> {
    let Edit { live, new, way } = edit;
    let given = |key| Some(meta::text(new, key).to_string()).filter(|t| !t.is_empty());
    let bound = |key| given(key).filter(|t| *way == Way::Replace || t != meta::text(&live.value, key));
    let (uid, version) = (bound("uid"), bound("resourceVersion"));
    (uid.is_some() || version.is_some()).then_some((uid, version))
}

fn check_version(kind: &Kind, name: &str, edit: &Edit<'_>) -> Result<(), Status> {
    let Edit { live, new, way } = edit;
    let (uid, own) = (meta::text(new, "uid"), meta::text(&live.value, "uid"));
    if *way == Way::Replace && !uid.is_empty() && uid != own {
        let group = if kind.group.is_empty() { String::new() } else { format!("{}/", kind.group) };
        let namespace = meta::text(&live.value, "namespace");
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{group}{}/{namespace}/{name}, ResourceVersion: \
             0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {own}",
            kind.plural
        );
        return Err(Status::conflict(kind, name, &why));
    }
    let version = meta::text(new, "resourceVersion");
    if version.is_empty() {
        if kind.takes_blind_updates() {
            return Ok(());
        }
        let cause = Cause {
            reason: "FieldValueInvalid",
            field: "metadata.resourceVersion".into(),
            message: "Invalid value: 0: must be specified for an update".into(),
        };
        let mut status = Status::invalid_named(&kind.qualified, name, vec![cause]);
        if let Some(details) = &mut status.details {
            details.group.clone_from(&kind.group);
            details.kind = kind.plural.to_string();
        }
        return Err(status);
    }
    if version.parse() == Ok(live.version) { Ok(()) } else { Err(Status::modified(kind, name)) }
}

/// What the request may not change stays as it is.
fn carry_over(asked: &Asked<'_>, live: &Value, new: &mut Value) {
    let kind = &asked.target.kind;
    let is_status = asked.act.subresource == Some("status");
    let old = live.get("metadata").and_then(Value::as_object);
    let own = |key: &str| old.and_then(|m| m.get(key)).cloned();
    if is_status && kind.builtin().is_none() {
        let managed = meta::of(new).remove("managedFields");
        let status = meta::as_map(new).remove("status");
        let keys: Vec<String> = live.as_object().into_iter().flat_map(|m| m.keys()).cloned().collect();
        meta::as_map(new).retain(|key, _| keys.contains(key));
        for key in keys {
            restore(live, new, &key);
        }
        meta::put(meta::as_map(new), "status", status);
        meta::put(meta::of(new), "managedFields", managed);
        return;
    }
    let metadata = meta::of(new);
    for key in ["name", "namespace", "creationTimestamp", "generation", "generateName", "resourceVersion"] {
        meta::put(metadata, key, own(key));
    }
    metadata.remove("selfLink");
    for key in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        if let (None, Some(value)) = (metadata.get(key), own(key)) {
            metadata.insert(key.into(), value);
        }
    }
    if is_status {
        let builtin = kind.builtin();
        meta::put(metadata, "ownerReferences", own("ownerReferences"));
        if matches!(builtin, Some(Builtin::Deployment | Builtin::ReplicaSet)) {
            meta::put(metadata, "labels", own("labels"));
        }
        restore(live, new, "spec");
    } else if kind.status {
        restore(live, new, "status");
    }
}

/// Puts back a part of the object, if it is another one.
fn restore(live: &Value, new: &mut Value, key: &str) {
    if live.get(key) != new.get(key) {
        meta::put(meta::as_map(new), key, live.get(key).cloned());
    }
}

/// Whether the specification is another one.
fn is_other_generation(kind: &Kind, live: &Value, new: &Value) -> bool {
    if !kind.has_generation() {
        return false;
    }
    if kind.builtin().is_some() {
        let annotations = |o: &Value| o.pointer("/metadata/annotations").cloned();
        let of_metadata = kind.is(Builtin::Deployment) && annotations(live) != annotations(new);
        return of_metadata || live.get("spec") != new.get("spec");
    }
    let (Some(a), Some(b)) = (live.as_object(), new.as_object()) else { return false };
    let counts = |key: &str| key != "metadata" && !(kind.status && key == "status");
    a.keys().chain(b.keys()).any(|key| counts(key) && a.get(key) != b.get(key))
}
