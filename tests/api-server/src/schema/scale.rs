//! What the scale subresource asks of an object: its numbers must be countable.

use serde_json::Value;

use super::{Cause, fault, text};

/// The paths of `spec.versions[].subresources.scale`.
pub(super) struct Scale {
    spec_replicas: String,
    status_replicas: String,
    label_selector: Option<String>,
}

impl Scale {
    pub(super) fn of(version: &Value) -> Option<Self> {
        let scale = version.pointer("/subresources/scale")?;
        let path = |key: &str| scale.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Scale {
            spec_replicas: path("specReplicasPath")?,
            status_replicas: path("statusReplicasPath")?,
            label_selector: path("labelSelectorPath"),
        })
    }

    pub(super) fn check_spec(&self, object: &Value, out: &mut Vec<Cause>) {
        replicas(object, &self.spec_replicas, out);
    }

    pub(super) fn check_status(&self, object: &Value, out: &mut Vec<Cause>) {
        replicas(object, &self.status_replicas, out);
        let Some(path) = &self.label_selector else { return };
        let wrong = match at(object, path) {
            Err(detail) => Some(detail),
            Ok(None | Some(Value::String(_))) => None,
            Ok(Some(other)) => Some(accessor(path, other, "string")),
        };
        wrong.into_iter().for_each(|detail| out.push(fault::invalid(path.clone(), "\"\"", &detail)));
    }
}

fn replicas(object: &Value, path: &str, out: &mut Vec<Cause>) {
    let mut wrong = |value: &str, detail: &str| out.push(fault::invalid(path.to_owned(), value, detail));
    match at(object, path) {
        Err(detail) => wrong("0", &detail),
        Ok(None) => {}
        Ok(Some(value)) => match value.as_i64() {
            None => wrong("0", &accessor(path, value, "int64")),
            Some(count) if count < 0 => wrong(&count.to_string(), "should be a non-negative integer"),
            Some(count) if count > i64::from(i32::MAX) => {
                wrong(&count.to_string(), &format!("should be less than or equal to {}", i32::MAX));
            }
            Some(_) => {}
        },
    }
}

/// The value at a dotted path; nothing where a part of it is missing.
fn at<'a>(object: &'a Value, path: &str) -> Result<Option<&'a Value>, String> {
    let mut found = object;
    let mut end = 0;
    for name in path.trim_start_matches('.').split('.') {
        // As far as it was read.
        end += 1 + name.len();
        let Value::Object(fields) = found else {
            return Err(accessor(path.get(..end).unwrap_or(path), found, "map[string]interface{}"));
        };
        match fields.get(name) {
            None => return Ok(None),
            Some(value) => found = value,
        }
    }
    Ok(Some(found))
}

fn accessor(path: &str, value: &Value, expected: &str) -> String {
    format!("{path} accessor error: {} is of the type {}, expected {expected}", plain(value), go_type(value))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Number(_) => text::value(value),
        other => other.to_string(),
    }
}

/// The type's name in Go.
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
