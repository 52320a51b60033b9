//! Server-side apply, as a request.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    apply::{self, ApplyError, Lists, OwnKind},
    asked::Asked,
    create,
    journal::Verb,
    kinds::Form,
    meta,
    request::Query,
    schema::Cause,
    status::{Details, Status},
    store::{Object, State},
    update::{Edit, Way, other_name, update},
};

/// Applies a configuration: makes the object, or changes it.
pub(crate) fn apply(
    state: &mut State,
    asked: &mut Asked<'_>,
    config: &Value,
    query: &Query,
) -> Result<Arc<Object>, Status> {
    if !asked.tracks {
        return Err(Status::unsupported("server-side apply with managedFields switched off in its settings"));
    }
    if asked.target.subresource.is_some_and(|s| s != "status") {
        return Err(Status::unsupported("server-side apply of a scale"));
    }
    if query.manager.is_empty() {
        let message = "Required value: is required for apply patch".into();
        let cause = Cause { reason: "FieldValueRequired", field: "fieldManager".into(), message };
        return Err(Status::options("PatchOptions", cause));
    }
    let name = asked.target.name.clone().unwrap_or_default();
    let live = asked.live(state);
    let uid = meta::text(config, "uid");
    if live.is_err() && asked.target.subresource.is_none() && !uid.is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(Status::conflict(&asked.target.kind, &name, &why));
    }
    let given = meta::text(config, "name");
    if !given.is_empty() && given != name {
        return Err(other_name(asked, given));
    }
    if asked.target.subresource.is_some() {
        live.as_ref().map_err(Clone::clone)?;
    }
    let live = live.ok();
    let before = live.as_ref().map(|l| &*l.value);
    let new = merged(asked, before, config, query).map_err(|e| refusal(&e))?;
    asked.is_apply = true;
    match live {
        Some(live) => update(state, asked, Edit { live: &live, new, way: Way::Apply }),
        None => {
            asked.act.verb = Verb::Create;
            let mut new = new;
            meta::of(&mut new).insert("name".into(), name.into());
            create::create(state, asked, new)
        }
    }
}

fn merged(
    asked: &Asked<'_>,
    live: Option<&Value>,
    config: &Value,
    query: &Query,
) -> Result<Value, ApplyError> {
    let kind = &asked.target.kind;
    let own;
    let lists: &dyn Lists = match &kind.form {
        Form::Custom(schema) => &**schema,
        Form::Builtin(..) => {
            own = OwnKind::named(&kind.kind);
            &own
        }
    };
    let request = apply::Apply {
        manager: &query.manager,
        force: query.force == Some(true),
        subresource: asked.act.subresource.unwrap_or_default(),
        time: &meta::time(asked.now),
        api_version: &kind.api_version,
        resets: asked.resets(),
        lists,
    };
    apply::apply(live, config, &request)
}

fn refusal(error: &ApplyError) -> Status {
    match error {
        ApplyError::Conflicts(conflicts) => {
            let cause = |c: &apply::Conflict| Cause {
                reason: "FieldManagerConflict",
                field: c.field.clone(),
                message: format!("conflict with {}", c.manager),
            };
            let mut status = Status::new(409, "Conflict", error.to_string());
            let causes = conflicts.iter().map(cause).collect();
            status.details = Some(Box::new(Details { causes, ..Details::default() }));
            status
        }
        ApplyError::BadRequest(why) => Status::bad_request(why.clone()),
        ApplyError::Unsupported { .. } => Status::unsupported(error),
        ApplyError::Untyped { .. } => Status::new(500, "", error.to_string()),
    }
}
