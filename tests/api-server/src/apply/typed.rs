//! Whether what is applied has the shape of its kind.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    elements,
    lists::{Form, Place},
};

/// What does not fit, with its path.
pub(super) fn check(place: Place<'_>, value: &Value, path: &str, faults: &mut Vec<String>) {
    let mut fault = |what: String| {
        faults.push(if path.is_empty() { what } else { format!("{path}: {what}") });
    };
    let wanted = match (place.kind(), value) {
        (_, Value::Null)
        | (None, _)
        | (Some("object"), Value::Object(_))
        | (Some("array"), Value::Array(_))
        | (Some("string"), Value::String(_))
        | (Some("boolean"), Value::Bool(_))
        | (Some("integer" | "number"), Value::Number(_)) => None,
        (Some("object"), _) => Some(format!("expected map, got &{{{}}}", plain(value))),
        (Some("array"), _) => Some(format!("expected list, got &{{{}}}", plain(value))),
        (Some("string"), _) => {
            Some(format!("expected string, got &value.valueUnstructured{{Value:{}}}", go(value)))
        }
        (Some("boolean"), _) => Some(format!("expected boolean, got &{{{}}}", plain(value))),
        (Some(_), _) => {
            Some(format!("expected numeric (int or float), got {}", crate::schema::go_type(value)))
        }
    };
    if let Some(wanted) = wanted {
        return fault(wanted);
    }
    match value {
        Value::Object(map) => {
            for (name, child) in map.iter().filter(|(name, _)| place.takes(name)) {
                check(place.field(name), child, &format!("{path}.{name}"), faults);
            }
            // The API server tells one of them.
            if let Some(name) = map.keys().find(|name| !place.takes(name)) {
                faults.push(format!("{path}.{name}: field not declared in schema"));
            }
        }
        Value::Array(list) => elements_of(place, list, path, faults),
        _ => {}
    }
}

fn elements_of(place: Place<'_>, list: &[Value], path: &str, faults: &mut Vec<String>) {
    let form = place.form(&Value::Array(Vec::new()));
    let mut seen = BTreeSet::new();
    for (index, child) in list.iter().enumerate() {
        let at = match form {
            Form::Leaf | Form::Map => format!("[{index}]"),
            _ => {
                let Some(key) = elements::element(place, form, child) else {
                    faults.push(format!("{path}: element {index}: {}", without_key(form, child)));
                    return;
                };
                let told = super::fields::told(&key);
                if !seen.insert(key) {
                    faults.push(format!("{path}: duplicate entries for key {told}"));
                }
                told
            }
        };
        check(place.element(), child, &format!("{path}{at}"), faults);
    }
}

fn without_key(form: Form<'_>, child: &Value) -> String {
    match (form, child) {
        (Form::Keyed(_), Value::Null) => "associative list with keys may not have a null element".to_owned(),
        (Form::Keyed(keys), Value::Object(_)) => {
            let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
            format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                keys.join(" ")
            )
        }
        (Form::Keyed(_), _) => "associative list with keys may not have non-map elements".to_owned(),
        (_, Value::Object(_)) => "associative list without keys has an element that's a map type".to_owned(),
        (_, Value::Null) => "associative list without keys has an element that's an explicit null".to_owned(),
        _ => "not supported: associative list with lists as elements".to_owned(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value as Go writes it.
fn go(value: &Value) -> String {
    match value {
        Value::Object(_) => format!("map[string]interface {{}}{value}"),
        Value::Array(_) => format!("[]interface {{}}{value}"),
        other => other.to_string(),
    }
}
