//! Differences between what should be and what is, as JSON merge patches (RFC 7386), and for a status as a JSON patch (RFC 6902).

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// The merge patch that makes `live` contain `desired`, or `None` where it does already. What only
/// `live` has (defaults of the API server, other people's fields) is left alone. A list of which any
/// element differs is replaced as a whole, as merge patches do; nulls in `desired` mean "say nothing".
pub fn missing(desired: &Value, live: &Value) -> Option<Value> {
    match (desired, live) {
        (Value::Null, _) => None,
        (Value::Object(want), Value::Object(have)) => {
            let diff: Map<_, _> = want
                .iter()
                .filter_map(|(k, v)| Some((k.clone(), missing(v, have.get(k).unwrap_or(&Value::Null))?)))
                .collect();
            (!diff.is_empty()).then_some(Value::Object(diff))
        }
        (Value::Array(want), Value::Array(have)) => {
            let same =
                want.len() == have.len() && want.iter().zip(have).all(|(w, h)| missing(w, h).is_none());
            (!same).then(|| desired.clone())
        }
        (Value::Object(want), Value::Null) if want.values().all(Value::is_null) => None,
        (Value::Array(want), Value::Null) if want.is_empty() => None,
        // The API server leaves these out.
        (Value::Bool(false), Value::Null) => None,
        (Value::String(text), Value::Null) if text.is_empty() => None,
        (Value::Number(n), Value::Null) if n.as_i64() == Some(0) => None,
        _ => (desired != live).then(|| desired.clone()),
    }
}

/// The merge patch that makes `live` equal to `desired`: what only `live` has is set to null.
pub fn difference(desired: &Value, live: &Value) -> Option<Value> {
    let (Value::Object(want), Value::Object(have)) = (desired, live) else {
        return (desired != live).then(|| desired.clone());
    };
    let mut diff: Map<_, _> = want
        .iter()
        .filter_map(|(k, v)| Some((k.clone(), difference(v, have.get(k).unwrap_or(&Value::Null))?)))
        .collect();
    diff.extend(have.keys().filter(|k| !want.contains_key(*k)).map(|k| (k.clone(), Value::Null)));
    (!diff.is_empty()).then_some(Value::Object(diff))
}

/// The JSON patch that makes the fields of a status that the merge patch `diff` names what they are in `desired`. It is for
/// the object with this UID, and refused for any other: an API server looks at the UID in a merge patch of an object, and not
/// in one of its status. The object must have a status.
pub fn status_of(uid: &str, desired: &Value, diff: &Value) -> Value {
    let mut operations = vec![json!({"op": "test", "path": "/metadata/uid", "value": uid})];
    for key in diff.as_object().into_iter().flat_map(Map::keys) {
        let path = format!("/status/{}", key.replace('~', "~0").replace('/', "~1"));
        let value = without_nulls(&desired[key]);
        // Adding replaces. What may be gone already can be removed once it was added.
        operations.push(json!({"op": "add", "path": path, "value": value}));
        if value.is_null() {
            operations.push(json!({"op": "remove", "path": path}));
        }
    }
    Value::Array(operations)
}

/// The entries of `map` that are not null, and nulls in them left out as well.
pub fn entries(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), without_nulls(v))).collect()
}

/// `value` without nulls in objects: a null is how clients say "absent".
pub fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(entries(map)),
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// A map that is written as its [`entries`] would be, without a copy.
#[derive(Debug)]
pub struct Entries<'a>(pub &'a Map<String, Value>);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, WithoutNulls(v))))
    }
}

struct WithoutNulls<'a>(&'a Value);

impl Serialize for WithoutNulls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => Entries(map).serialize(serializer),
            Value::Array(list) => serializer.collect_seq(list.iter().map(WithoutNulls)),
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_of_the_api_server_are_no_difference() {
        let want = json!({"type": "ClusterIP", "ports": [{"name": "a", "port": 1}], "x": null});
        let have = json!({"type": "ClusterIP", "clusterIP": "10.0.0.1",
            "ports": [{"name": "a", "port": 1, "protocol": "TCP", "targetPort": 1}]});
        assert_eq!(missing(&want, &have), None);
    }

    #[test]
    fn a_changed_list_is_replaced_as_a_whole() {
        let want = json!({"ports": [{"port": 1}, {"port": 2}], "type": "NodePort"});
        let have = json!({"ports": [{"port": 1, "protocol": "TCP"}], "type": "NodePort"});
        assert_eq!(missing(&want, &have), Some(json!({"ports": [{"port": 1}, {"port": 2}]})));
    }

    #[test]
    fn a_status_is_patched_by_its_objects_uid() {
        let live = json!({"workers": {"ready": 1, "created": 2}, "phase": "Running", "more": 1});
        let desired = json!({"workers": {"ready": 2, "created": 2}, "more": 1});
        let diff = difference(&desired, &live).unwrap();
        assert_eq!(diff, json!({"workers": {"ready": 2}, "phase": null}));
        assert_eq!(
            status_of("u", &desired, &diff),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "add", "path": "/status/phase", "value": null},
                {"op": "remove", "path": "/status/phase"},
                {"op": "add", "path": "/status/workers", "value": {"ready": 2, "created": 2}},
            ])
        );
    }

    #[test]
    fn nothing_asked_is_nothing_missing() {
        assert_eq!(missing(&json!({"a": {}, "b": [], "c": {"d": null}}), &json!({})), None);
        assert_eq!(missing(&json!({"a": false, "b": "", "c": 0}), &json!({})), None);
        assert_eq!(missing(&json!({"a": {"b": 1}}), &json!({})), Some(json!({"a": {"b": 1}})));
    }

    #[test]
    fn what_is_not_desired_is_removed() {
        let diff = difference(&json!({"a": {"b": 1}, "l": [1]}), &json!({"a": {"b": 1, "c": 2}, "l": [1]}));
        assert_eq!(diff, Some(json!({"a": {"c": null}})));
        assert_eq!(difference(&json!({"a": 1}), &json!({"a": 1})), None);
    }

    #[test]
    fn nulls_are_absent() {
        assert_eq!(without_nulls(&json!({"a": null, "b": [{"c": null}]})), json!({"b": [{}]}));
    }
}
