//! The subresource `binding`: a scheduler tells a pod its node.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    meta,
    status::Status,
    store::{Object, State},
};

/// Binds a pod to a node.
pub(crate) fn bind(state: &mut State, asked: &Asked<'_>, body: &Value) -> Result<Arc<Object>, Status> {
    let live = asked.live(state)?;
    let kind = &asked.target.kind;
    let name = meta::text(&live.value, "name");
    let node = body.pointer("/target/name").and_then(Value::as_str).unwrap_or_default();
    if node.is_empty() {
        let cause = crate::rules::required("target.name", "");
        return Err(Status::invalid_named("Binding", name, vec![cause]));
    }
    if meta::is_going(&live.value) {
        let why = format!("pod {name} is being deleted, cannot be assigned to a host");
        return Err(Status::conflict(kind, &format!("{name}/binding"), &why));
    }
    let own = live.value.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or_default();
    if !own.is_empty() {
        let why = format!("pod {name} is already assigned to node \"{own}\"");
        return Err(Status::conflict(kind, &format!("{name}/binding"), &why));
    }
    let mut new = (*live.value).clone();
    meta::map(&mut new, "spec").insert("nodeName".into(), json!(node));
    let generation = live.value.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
    meta::of(&mut new).insert("generation".into(), json!(generation + 1));
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
