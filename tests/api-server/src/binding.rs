//! The subresource `binding`: a scheduler tells a pod its node.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    kinds::Kind,
    meta,
    status::Status,
    store::{Object, State},
};

/// Binds a pod to a node.
pub(crate) fn bind(state: &mut State, asked: &Asked<'_>, body: &Value) -> Result<Arc<Object>, Status> {
    let kind = &asked.target.kind;
    let name = asked.target.name.as_deref().unwrap_or_default();
    if meta::text(body, "name") != asked.target.name.as_deref().unwrap_or_default() {
        return Err(Status::bad_request("name in URL does not match name in Binding object"));
    }
    let node = body.pointer("/target/name").and_then(Value::as_str).unwrap_or_default();
    if node.is_empty() {
        return Err(Status::new(500, "", "target.name: Required value"));
    }
    let live = asked.live(state)?;
    if meta::is_going(&live.value) {
        let why = format!("pod {name} is being deleted, cannot be assigned to a host");
        return Err(conflict(kind, name, &why));
    }
    let own = live.value.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default();
    if !own.is_empty() {
        let why = format!("pod {name} is already assigned to node \"{own}\"");
        return Err(conflict(kind, name, &why));
    }
    let mut new = (*live.value).clone();
    meta::map(&mut new, "spec").insert("nodeName".into(), json!(node));
    let conditions = meta::map(&mut new, "status").entry("conditions").or_insert(json!([]));
    if let Some(list) = conditions.as_array_mut() {
        list.retain(|c| c["type"] != "PodScheduled");
        list.push(json!({
            "type": "PodScheduled", "status": "True", "lastProbeTime": null,
            "lastTransitionTime": meta::time(asked.now),
        }));
    }
    asked.track(Some(&live.value), &mut new);
    if asked.dry_run {
        return Ok(Object::new(new, live.version));
    }
    Ok(state.put(asked.target.table, new, &asked.act, asked.now))
}

/// A conflict is one of the subresource.
fn conflict(kind: &Kind, name: &str, why: &str) -> Status {
    let mut status = Status::conflict(kind, name, why);
    let what = format!("{}/binding", kind.qualified);
    status.message = format!("Operation cannot be fulfilled on {what} \"{name}\": {why}");
    if let Some(details) = &mut status.details {
        details.kind = what;
    }
    status
}
