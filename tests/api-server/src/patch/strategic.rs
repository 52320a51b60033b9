//! Strategic merge patches, for the built-in kinds: lists whose items have a key are merged item by item.

use serde_json::{Map, Value};

use crate::{meta, status::Status};

/// Lists that merge, by their field, with the key of their items.
const KEYS: [(&str, &str); 19] = [
    ("addresses", "type"),
    ("conditions", "type"),
    ("containers", "name"),
    ("env", "name"),
    ("ephemeralContainers", "name"),
    ("hostAliases", "ip"),
    ("hostIPs", "ip"),
    ("imagePullSecrets", "name"),
    ("initContainers", "name"),
    ("matchLabelExpressions", "key"),
    ("ownerReferences", "uid"),
    ("podIPs", "ip"),
    ("resourceClaims", "name"),
    ("secrets", "name"),
    ("taints", "key"),
    ("topologySpreadConstraints", "topologyKey"),
    ("volumeDevices", "devicePath"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
];

/// The key of a list's items; ports have one on containers and another one on services.
fn key_of(field: &str, items: &[Value]) -> Option<&'static str> {
    if field == "ports" {
        let is_service = !items.iter().any(|i| i.get("containerPort").is_some());
        return Some(if is_service { "port" } else { "containerPort" });
    }
    KEYS.iter().find(|(name, _)| *name == field).map(|(_, key)| *key)
}

/// Merges a patch into an object.
pub(super) fn merge(object: &mut Value, patch: &Value) -> Result<(), Status> {
    let Some(patch) = patch.as_object() else {
        *object = patch.clone();
        return Ok(());
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let mut new = patch.clone();
            new.remove("$patch");
            *object = Value::Object(new);
            return Ok(());
        }
        Some("delete") => {
            *object = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(Status::bad_request(format!("Unknown patch type found: {other}"))),
    }
    let map = meta::as_map(object);
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        map.retain(|key, _| kept.iter().any(|k| k == key));
    }
    for (key, value) in patch {
        let order = patch.get(&format!("$setElementOrder/{key}")).and_then(Value::as_array);
        field(map, key, value, order.map_or(&[], Vec::as_slice))?;
    }
    Ok(())
}

fn field(map: &mut Map<String, Value>, key: &str, value: &Value, order: &[Value]) -> Result<(), Status> {
    if let Some(name) = key.strip_prefix("$deleteFromPrimitiveList/") {
        let gone = value.as_array().cloned().unwrap_or_default();
        if let Some(list) = map.get_mut(name).and_then(Value::as_array_mut) {
            list.retain(|item| !gone.contains(item));
        }
        return Ok(());
    }
    // The order of elements counts where there are elements.
    if key.starts_with('$') {
        return Ok(());
    }
    match value {
        Value::Null => {
            map.remove(key);
        }
        Value::Object(_) => merge(map.entry(key).or_insert(Value::Null), value)?,
        Value::Array(items) => list(map, key, items, order)?,
        other => {
            map.insert(key.into(), other.clone());
        }
    }
    Ok(())
}

fn list(map: &mut Map<String, Value>, field: &str, items: &[Value], order: &[Value]) -> Result<(), Status> {
    let slot = map.entry(field).or_insert(Value::Array(Vec::new()));
    let Some(there) = slot.as_array_mut() else {
        *slot = Value::Array(items.to_vec());
        return Ok(());
    };
    if field == "finalizers" {
        let new: Vec<Value> = items.iter().filter(|i| !there.contains(i)).cloned().collect();
        there.extend(new);
        return Ok(());
    }
    let all: Vec<Value> = there.iter().chain(items).cloned().collect();
    let Some(key) = key_of(field, &all) else {
        *there = items.to_vec();
        return Ok(());
    };
    if items.iter().any(|i| i["$patch"] == "replace") {
        *there = items.iter().filter(|i| i.get("$patch").is_none()).cloned().collect();
        return Ok(());
    }
    let before: Vec<Value> = there.iter().map(|t| t[key].clone()).collect();
    for item in items {
        element(there, key, item)?;
    }
    let order = if order.is_empty() { items } else { order };
    arrange(there, key, order, &before);
    Ok(())
}

/// Merges one item into a list.
fn element(there: &mut Vec<Value>, key: &str, item: &Value) -> Result<(), Status> {
    let Some(id) = item.get(key) else {
        let why = format!("map: {item} does not contain declared merge key: {key}");
        return Err(Status::new(500, "", why));
    };
    let at = there.iter().position(|t| t.get(key) == Some(id));
    match (at, item["$patch"] == "delete") {
        (Some(at), true) => {
            there.remove(at);
        }
        (None, true) => {}
        (Some(at), false) => {
            if let Some(found) = there.get_mut(at) {
                merge(found, item)?;
            }
        }
        (None, false) => {
            let mut new = Value::Null;
            merge(&mut new, item)?;
            there.push(new);
        }
    }
    Ok(())
}

/// Puts the items of the patch in its order, and the others among them where they were, as a real server does.
fn arrange(there: &mut Vec<Value>, key: &str, order: &[Value], before: &[Value]) {
    let was = |item: &Value| before.iter().position(|b| *b == item[key]);
    let place = |item: &Value| order.iter().position(|o| o.get(key) == item.get(key));
    let (mut told, others): (Vec<Value>, Vec<Value>) =
        there.drain(..).partition(|item| place(item).is_some());
    told.sort_by_key(place);
    let (mut told, mut others) = (told.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let takes_other = match (told.peek(), others.peek()) {
            (Some(mine), Some(other)) => was(mine).is_some_and(|mine| was(other) < Some(mine)),
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (None, None) => return,
        };
        there.extend(if takes_other { others.next() } else { told.next() });
    }
}
