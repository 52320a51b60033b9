//! Takes fields out of a value.

use serde_json::Value;

use super::{
    elements,
    fields::{self, Fields},
    lists::{Form, Place},
};

/// Takes the fields of a set out of a value. A map or list that gets empty becomes null.
pub(super) fn remove(place: Place<'_>, value: &Value, set: &Fields) -> Value {
    match (place.form(value), value) {
        (Form::Map, Value::Object(map)) => {
            let left = map.iter().filter_map(|(name, child)| {
                let key = elements::field(name);
                if fields::has(set, &key) {
                    return None;
                }
                let child = match fields::below(set, &key) {
                    Some(below) => remove(place.field(name), child, below),
                    None => child.clone(),
                };
                Some((name.clone(), child))
            });
            let left: serde_json::Map<String, Value> = left.collect();
            if left.is_empty() { Value::Null } else { Value::Object(left) }
        }
        (form @ (Form::Set | Form::Keyed(_)), Value::Array(list)) => {
            let left = list.iter().filter_map(|child| {
                let Some(key) = elements::element(place, form, child) else { return Some(child.clone()) };
                if fields::has(set, &key) {
                    return None;
                }
                Some(match fields::below(set, &key) {
                    Some(below) => remove(place.element(), child, below),
                    None => child.clone(),
                })
            });
            let left: Vec<Value> = left.collect();
            if left.is_empty() { Value::Null } else { Value::Array(left) }
        }
        // Something is below it in the set, so it was a map or a list with keys: nothing of it stays.
        (Form::Leaf, Value::Object(_) | Value::Array(_)) => Value::Null,
        (_, value) => value.clone(),
    }
}

/// Drops the nulls that removing made.
pub(super) fn tidy(value: &mut Value, before: &Value) {
    if let (Value::Object(map), Value::Object(before)) = (value, before) {
        map.retain(|name, child| match before.get(name) {
            Some(before) if child.is_null() => before.is_null(),
            Some(before) => {
                tidy(child, before);
                true
            }
            None => true,
        });
    }
}
