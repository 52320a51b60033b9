//! Label selectors in specifications.

use serde_json::{Map, Value};

/// Whether a selector (`matchLabels` and `matchExpressions`) selects labels.
pub(super) fn selects(selector: &Value, labels: Option<&Map<String, Value>>) -> bool {
    let label = |key: &str| labels.and_then(|l| l.get(key)).and_then(Value::as_str);
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let rules = selector["matchExpressions"].as_array().into_iter().flatten();
    equal.into_iter().all(|(key, value)| label(key) == value.as_str())
        && rules.into_iter().all(|rule| {
            let found = label(rule["key"].as_str().unwrap_or_default());
            let listed = rule["values"]
                .as_array()
                .is_some_and(|v| v.iter().any(|v| v.as_str() == found && found.is_some()));
            match rule["operator"].as_str().unwrap_or_default() {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => found.is_some(),
                _ => found.is_none(),
            }
        })
}

/// Whether a selector selects everything.
pub(super) fn is_empty(selector: &Value) -> bool {
    let none = |key: &str| match &selector[key] {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => true,
    };
    none("matchLabels") && none("matchExpressions")
}

/// Expressions whose operator is none, with their places.
pub(super) fn unknown_operators(selector: &Value) -> Vec<(usize, Value)> {
    let rules = selector["matchExpressions"].as_array().into_iter().flatten().enumerate();
    let is_known = |o: &Value| ["In", "NotIn", "Exists", "DoesNotExist"].iter().any(|k| o == k);
    rules.map(|(i, rule)| (i, rule["operator"].clone())).filter(|(_, o)| !is_known(o)).collect()
}
