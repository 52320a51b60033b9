//! Sets of fields, in the very form in which objects carry them (`fieldsV1`): nothing is decoded or encoded.
//!
//! Each key is a field (`f:name`), an element with keys (`k:{"name":"a"}`) or an element of a set (`v:"a"`). What is
//! below it is an object: an empty one, or one with `.`, says that the field itself is in the set.

use serde_json::{Map, Value};

/// A set of fields.
pub(super) type Fields = Map<String, Value>;

const SELF: &str = ".";

/// Whether the field of this node is itself in the set.
fn is_member(node: &Value) -> bool {
    node.as_object().is_some_and(|node| node.is_empty() || node.contains_key(SELF))
}

/// Puts a field and what is below it into a set, if there is anything to put.
pub(super) fn put(fields: &mut Fields, key: String, member: bool, mut below: Fields) {
    if !member && below.is_empty() {
        return;
    }
    if member && !below.is_empty() {
        below.insert(SELF.to_owned(), Value::Object(Map::new()));
    }
    fields.insert(key, Value::Object(below));
}

/// Adds a set to another one.
pub(super) fn add(to: &mut Fields, fields: &Fields) {
    for (key, node) in fields.iter().filter(|(key, _)| *key != SELF) {
        let Some(known) = to.get_mut(key) else {
            to.insert(key.clone(), node.clone());
            continue;
        };
        let member = is_member(known) || is_member(node);
        if let (Value::Object(known), Value::Object(node)) = (known, node) {
            add(known, node);
            known.remove(SELF);
            if member && !known.is_empty() {
                known.insert(SELF.to_owned(), Value::Object(Map::new()));
            }
        }
    }
}

/// Takes a set away from another one. A field goes alone: what is below it stays.
pub(super) fn subtract(from: &mut Fields, fields: &Fields) {
    if fields.is_empty() {
        return;
    }
    from.retain(|key, known| {
        let Some(node) = fields.get(key).filter(|_| key != SELF) else { return true };
        let member = is_member(known) && !is_member(node);
        let (Value::Object(known), Value::Object(node)) = (known, node) else { return true };
        known.remove(SELF);
        subtract(known, node);
        if member && !known.is_empty() {
            known.insert(SELF.to_owned(), Value::Object(Map::new()));
        }
        member || !known.is_empty()
    });
}

/// What is in both sets.
pub(super) fn common(one: &Fields, other: &Fields) -> Fields {
    let mut found = Fields::new();
    for (key, node) in one.iter().filter(|(key, _)| *key != SELF) {
        let Some(with) = other.get(key) else { continue };
        if let (Value::Object(below), Value::Object(below_with)) = (node, with) {
            put(&mut found, key.clone(), is_member(node) && is_member(with), common(below, below_with));
        }
    }
    found
}

/// Whether a field itself is in the set.
pub(super) fn has(fields: &Fields, key: &str) -> bool {
    fields.get(key).is_some_and(is_member)
}

/// The set of what is below a field, if anything is.
pub(super) fn below<'a>(fields: &'a Fields, key: &str) -> Option<&'a Fields> {
    let below = fields.get(key)?.as_object()?;
    below.keys().any(|key| key != SELF).then_some(below)
}

/// The nodes of a set with their keys.
pub(super) fn nodes(fields: &Fields) -> impl Iterator<Item = (&String, bool, &Fields)> {
    fields
        .iter()
        .filter(|(key, _)| *key != SELF)
        .filter_map(|(key, node)| Some((key, is_member(node), node.as_object()?)))
}

/// The paths of a set as they are told: `.spec.list[name="a"].size`.
pub(super) fn paths(fields: &Fields) -> Vec<String> {
    let mut found = Vec::new();
    walk(fields, "", &mut found);
    found
}

fn walk(fields: &Fields, path: &str, found: &mut Vec<String>) {
    found.extend(
        nodes(fields).filter(|(_, member, _)| *member).map(|(key, ..)| format!("{path}{}", told(key))),
    );
    for (key, _, below) in nodes(fields) {
        if below.keys().any(|key| key != SELF) {
            walk(below, &format!("{path}{}", told(key)), found);
        }
    }
}

/// One step of a path.
pub(super) fn told(key: &str) -> String {
    match key.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("v", value)) => format!("[={value}]"),
        Some(("k", keys)) => {
            let keys: Fields = serde_json::from_str(keys).unwrap_or_default();
            let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("[{}]", keys.join(","))
        }
        _ => format!("[{key}]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(value: Value) -> Fields {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn sets_are_added_and_taken_away_field_by_field() {
        let mut fields = set(json!({"f:a": {}, "f:b": {"f:c": {}}}));
        add(&mut fields, &set(json!({"f:a": {"f:x": {}}, "f:b": {".": {}}, "f:d": {}})));
        assert_eq!(
            Value::from(fields.clone()),
            json!({"f:a": {".": {}, "f:x": {}}, "f:b": {".": {}, "f:c": {}}, "f:d": {}})
        );
        let both = common(&fields, &set(json!({"f:a": {}, "f:b": {"f:c": {}, "f:z": {}}})));
        assert_eq!(Value::from(both), json!({"f:a": {}, "f:b": {"f:c": {}}}));
        subtract(&mut fields, &set(json!({"f:a": {"f:x": {}}, "f:b": {}, "f:d": {}})));
        assert_eq!(Value::from(fields), json!({"f:a": {}, "f:b": {"f:c": {}}}));
    }

    #[test]
    fn paths_are_told_as_kubernetes_does() {
        let fields =
            set(json!({"f:spec": {".": {}, "f:l": {"k:{\"name\":\"a\",\"port\":1}": {".": {}, "f:x": {}}},
            "f:finalizers": {"v:\"a/b\"": {}}}}));
        assert_eq!(
            paths(&fields),
            [
                ".spec",
                ".spec.finalizers[=\"a/b\"]",
                ".spec.l[name=\"a\",port=1]",
                ".spec.l[name=\"a\",port=1].x"
            ]
        );
    }
}
