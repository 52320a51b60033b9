//! The set of the fields that a value has.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    elements,
    fields::{self, Fields},
    lists::{Form, Place},
};

/// The fields of a whole object.
pub(super) fn fields_of(place: Place<'_>, value: &Value) -> Fields {
    let mut found = Fields::new();
    collect(place, value, &mut found);
    found
}

/// Collects what is below a value; true where the value itself is a field.
fn collect(place: Place<'_>, value: &Value, found: &mut Fields) -> bool {
    match (place.form(value), value) {
        (Form::Leaf, _) => return true,
        (Form::Map, Value::Object(map)) => {
            for (name, child) in map {
                let mut below = Fields::new();
                let is_leaf = collect(place.field(name), child, &mut below);
                let is_empty = child.is_null() || child.as_object().is_some_and(|child| child.is_empty());
                let member = is_leaf || is_empty || !place.declares(name);
                fields::put(found, elements::field(name), member, below);
            }
        }
        (form, Value::Array(_)) => {
            let Some(list) = elements::elements(place, form, Some(value)) else { return true };
            let mut seen = BTreeSet::new();
            let twice: BTreeSet<&String> =
                list.iter().map(|(key, _)| key).filter(|key| !seen.insert(*key)).collect();
            for (key, child) in &list {
                let mut below = Fields::new();
                if !twice.contains(key) {
                    collect(place.element(), child, &mut below);
                }
                fields::put(found, key.clone(), true, below);
            }
        }
        _ => {}
    }
    false
}

/// Adds the fields that a kind names where only what is below them is in the set.
pub(super) fn with_named(place: Place<'_>, set: &Fields) -> Fields {
    let mut found = Fields::new();
    for (key, member, below) in fields::nodes(set) {
        let (named, place) = match key.split_once(':') {
            Some(("f", name)) => (place.declares(name), place.field(name)),
            _ => (false, place.element()),
        };
        fields::put(&mut found, key.clone(), member || named, with_named(place, below));
    }
    found
}
