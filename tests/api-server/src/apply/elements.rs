//! The keys under which sets of fields name a value's fields and elements.

use serde_json::{Map, Value};

use super::lists::{Form, Place};

/// The key of a field.
pub(super) fn field(name: &str) -> String {
    format!("f:{name}")
}

/// The key of an element of a list, if it has one.
pub(super) fn element(place: Place<'_>, form: Form<'_>, element: &Value) -> Option<String> {
    match form {
        Form::Set if !(element.is_object() || element.is_array() || element.is_null()) => {
            Some(format!("v:{element}"))
        }
        Form::Keyed(keys) => {
            let fields = element.as_object()?;
            let value = |key: &String| fields.get(key).cloned().or_else(|| place.key_default(key));
            let keys: Map<String, Value> =
                keys.iter().filter_map(|key| Some((key.clone(), value(key)?))).collect();
            (!keys.is_empty()).then(|| format!("k:{}", Value::Object(keys)))
        }
        _ => None,
    }
}

/// The elements of a list with their keys; none if any of them has no key.
pub(super) fn elements<'v>(
    place: Place<'_>,
    form: Form<'_>,
    value: Option<&'v Value>,
) -> Option<Vec<(String, &'v Value)>> {
    let list = value.and_then(Value::as_array);
    list.into_iter().flatten().map(|value| Some((element(place, form, value)?, value))).collect()
}
