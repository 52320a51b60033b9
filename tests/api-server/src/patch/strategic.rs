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
        field(map, key, value)?;
    }
    Ok(())
}

fn field(map: &mut Map<String, Value>, key: &str, value: &Value) -> Result<(), Status> {
    if let Some(name) = key.strip_prefix("$deleteFromPrimitiveList/") {
        let gone = value.as_array().cloned().unwrap_or_default();
        if let Some(list) = map.get_mut(name).and_then(Value::as_array_mut) {
            list.retain(|item| !gone.contains(item));
        }
        return Ok(());
    }
    // The order of elements is that of the object, and new ones come last.
    if key.starts_with('$') {
        return Ok(());
    }
    match value {
        Value::Null => {
            map.remove(key);
        }
        Value::Object(_) => merge(map.entry(key).or_insert(Value::Null), value)?,
        Value::Array(items) => list(map, key, items)?,
        other => {
            map.insert(key.into(), other.clone());
        }
    }
    Ok(())
}

fn list(map: &mut Map<String, Value>, field: &str, items: &[Value]) -> Result<(), Status> {
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
    for item in items {
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
    }
    Ok(())
}
