//! Creating an object.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    decode,
    kinds::{Builtin, Form, Kind},
    meta, rules,
    status::Status,
    store::{Object, State, Table},
};

/// Creates an object.
pub(crate) fn create(state: &mut State, asked: &mut Asked<'_>, body: Value) -> Result<Arc<Object>, Status> {
    let kind = &asked.target.kind;
    let described =
        if kind.is(Builtin::Definition) { Some(Arc::new(Kind::of_definition(&body)?)) } else { None };
    stored(state, asked, body, described)
}

/// Creates an object; a definition with the kind that it describes.
pub(crate) fn stored(
    state: &mut State,
    asked: &mut Asked<'_>,
    mut body: Value,
    described: Option<Arc<Kind>>,
) -> Result<Arc<Object>, Status> {
    let kind = asked.target.kind.clone();
    let told = decode::object(&kind, &mut body, asked.validation)?;
    asked.warnings.extend(told);
    place(state, asked, &mut body)?;
    begin(state, asked, &mut body)?;
    rules::admit(state, &kind, &mut body)?;
    let name = meta::text(&body, "name").to_string();
    let mut causes = rules::metadata(&kind, &body);
    causes.extend(rules::finalizers(&kind, &body));
    match &kind.form {
        Form::Builtin(builtin, _) => causes.extend(rules::validate(*builtin, &body, None)),
        Form::Custom(schema) => causes.extend(schema.validate(&body, None)),
    }
    if !causes.is_empty() {
        return Err(Status::invalid(&kind, &name, causes));
    }
    if let Some(there) = state.get(asked.target.table, &asked.target.namespace, &name) {
        return Err(Status::already_exists(&kind, &name, meta::is_going(&there.value)));
    }
    rules::allocate(state, &kind, None, &mut body)?;
    asked.track(None, &mut body);
    if asked.dry_run {
        return Ok(Object::new(body, 0));
    }
    if let Some(described) = described {
        rules::established(&mut body, &meta::time(asked.now));
        let forgotten = state.version;
        state.tables.push(Table::new(described, forgotten));
    }
    Ok(state.put(asked.target.table, body, &asked.act, asked.now))
}

/// Its namespace: the one of the path, which must exist.
fn place(state: &State, asked: &Asked<'_>, body: &mut Value) -> Result<(), Status> {
    let namespace = &asked.target.namespace;
    let given = meta::text(body, "namespace");
    if !given.is_empty() && given != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if !asked.target.kind.namespaced {
        return Ok(());
    }
    meta::of(body).insert("namespace".into(), json!(namespace));
    let table = state.table("namespaces").ok_or_else(Status::no_resource)?;
    let Some(found) = state.get(table, "", namespace) else {
        let kind = state.tables.get(table).map(|t| t.kind.clone()).ok_or_else(Status::no_resource)?;
        return Err(Status::not_found(&kind, namespace));
    };
    if meta::is_going(&found.value) {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        return Err(Status::forbidden(&asked.target.kind, meta::text(body, "name"), &why));
    }
    Ok(())
}

/// What the server decides of a new object.
fn begin(state: &mut State, asked: &Asked<'_>, body: &mut Value) -> Result<(), Status> {
    let kind = &asked.target.kind;
    if !meta::text(body, "resourceVersion").is_empty() {
        return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let prefix = meta::text(body, "generateName").to_string();
    let is_unnamed = meta::text(body, "name").is_empty() && !prefix.is_empty();
    // What a dry run is given, the next one may have.
    let given = state.given;
    let name = if is_unnamed { Some(cut(&prefix) + &state.suffix()) } else { None };
    let uid = state.uid();
    if asked.dry_run {
        state.given = given;
    }
    let metadata = meta::of(body);
    for key in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"] {
        metadata.remove(key);
    }
    if let Some(name) = name {
        metadata.insert("name".into(), json!(name));
    }
    metadata.insert("uid".into(), json!(uid));
    metadata.insert("creationTimestamp".into(), json!(meta::time(asked.now)));
    if kind.has_generation() {
        metadata.insert("generation".into(), json!(1));
    }
    if kind.builtin().is_none() && kind.status {
        meta::as_map(body).remove("status");
    }
    Ok(())
}

/// As much of a prefix as leaves room for what is added.
fn cut(prefix: &str) -> String {
    prefix.chars().take(58).collect()
}
