//! Reading and writing the metadata of an object.

use serde_json::{Map, Value};

/// A text of the metadata; empty if there is none.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default()
}

/// The metadata to be changed; made if there is none.
pub(crate) fn of(object: &mut Value) -> &mut Map<String, Value> {
    map(object, "metadata")
}

/// A map in an object, to be changed; made if there is none.
pub(crate) fn map<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    as_map(&mut object[key])
}

/// The map that a value is; made one if it is none.
pub(crate) fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value.as_object_mut() {
        Some(map) => map,
        None => unreachable!("it was just made a map"),
    }
}

/// Puts a value, or takes it away.
pub(crate) fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => map.insert(key.to_string(), value),
        None => map.remove(key),
    };
}

/// Puts a value where there is none.
pub(crate) fn or_put(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    if !map.contains_key(key) {
        map.insert(key.to_string(), value.into());
    }
}

/// The items of a list at a pointer.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The finalizers.
pub(crate) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    list(object, "/metadata/finalizers").iter().filter_map(Value::as_str)
}

/// Whether it is being deleted.
pub(crate) fn is_going(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// Whether two objects are the same but for their version and who wrote which field.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    let (Some(a), Some(b)) = (one.as_object(), other.as_object()) else { return one == other };
    let rest = |map: &Map<String, Value>| map.iter().filter(|(k, _)| *k != "metadata").count();
    if rest(a) != rest(b) || a.iter().any(|(k, v)| k != "metadata" && b.get(k) != Some(v)) {
        return false;
    }
    let counts = |key: &&String| !matches!(key.as_str(), "resourceVersion" | "managedFields");
    let empty = Map::new();
    let a = a.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
    let b = b.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
    a.keys().filter(counts).count() == b.keys().filter(counts).count()
        && a.iter().filter(|(k, _)| counts(k)).all(|(k, v)| b.get(k) == Some(v))
}

/// A time as Kubernetes writes it: whole seconds.
pub(crate) fn time(at: jiff::Timestamp) -> String {
    let whole = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.to_string()
}
