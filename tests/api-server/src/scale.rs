//! The subresource `scale`.

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    call::Write,
    kinds::{Kind, Scale},
    meta,
    patch::misfit,
    status::Status,
    store::{Object, State},
    update::{self, Edit, Way},
};

/// What `scale` shows of an object.
pub(crate) fn of(kind: &Kind, object: &Object) -> Result<Value, Status> {
    let scale = kind.scale.as_ref().ok_or_else(Status::no_resource)?;
    let number = |at: &str| object.value.pointer(at).and_then(Value::as_i64);
    let Some(replicas) = number(&scale.spec).or_else(|| kind.builtin().map(|_| 0)) else {
        let path = scale.spec.replace('/', ".");
        let message = format!("the spec replicas field \"{path}\" does not exist");
        return Err(Status::new(500, "InternalError", format!("Internal error occurred: {message}")));
    };
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata[key] = object.value.pointer(&format!("/metadata/{key}")).cloned().unwrap_or_default();
    }
    let mut status = json!({"replicas": number(&scale.status).unwrap_or(0)});
    if let Some(selector) = selector(scale, &object.value) {
        status["selector"] = json!(selector);
    }
    // Go leaves out a zero.
    let spec = if replicas == 0 { json!({}) } else { json!({"replicas": replicas}) };
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status,
    }))
}

fn selector(scale: &Scale, object: &Value) -> Option<String> {
    match object.pointer(scale.selector.as_deref()?)? {
        Value::String(text) => Some(text.clone()).filter(|t| !t.is_empty()),
        selector => {
            let labels = selector["matchLabels"].as_object()?;
            let terms = labels.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()));
            Some(terms.collect::<Vec<_>>().join(","))
        }
    }
}

/// Replaces or patches the scale of an object.
pub(crate) fn write(state: &mut State, asked: &mut Asked<'_>, write: &Write) -> Result<Value, Status> {
    let kind = asked.target.kind.clone();
    let name = asked.target.name.clone().unwrap_or_default();
    let live = asked.live(state)?;
    let scale = kind.scale.as_ref().ok_or_else(Status::no_resource)?;
    let shown = of(&kind, &live)?;
    let (wanted, way) = match write {
        Write::Replace(body) => (body.clone(), Way::Replace),
        Write::Patch(patch) => (patch.on(&shown)?, Way::Patch),
    };
    let given = meta::text(&wanted, "name");
    if !given.is_empty() && given != name {
        return Err(update::other_name(asked, given));
    }
    let replicas = match wanted.pointer("/spec/replicas") {
        None | Some(Value::Null) => 0,
        Some(value) => value.as_i64().filter(|n| i32::try_from(*n).is_ok()).ok_or_else(|| {
            let what = if value.is_string() { "string".to_string() } else { format!("number {value}") };
            let field = "Go struct field ScaleSpec.spec.replicas of type int32";
            misfit(&wanted.to_string(), &format!("json: cannot unmarshal {what} into {field}"))
        })?,
    };
    let mut new = (*live.value).clone();
    set(&mut new, &scale.spec, json!(replicas));
    // Versions and UIDs of the scale are those of its object.
    // (Those of custom resources: a UID is not looked at by a real server, and a version may be left out.)
    for key in ["uid", "resourceVersion"] {
        let given = wanted.pointer(&format!("/metadata/{key}")).filter(|v| !v.is_null()).cloned();
        let is_custom = kind.builtin().is_none();
        if is_custom && (key == "uid" || given.is_none()) {
            continue;
        }
        meta::put(meta::of(&mut new), key, given);
    }
    let done = update::update(state, asked, Edit { live: &live, new, way })?;
    of(&kind, &done)
}

fn set(object: &mut Value, pointer: &str, value: Value) {
    let mut at = object;
    for key in pointer.split('/').filter(|k| !k.is_empty()) {
        at = meta::as_map(at).entry(key).or_insert(Value::Null);
    }
    *at = value;
}
