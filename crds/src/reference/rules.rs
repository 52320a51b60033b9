//! What a field must satisfy, in words: the schema's limits, and what the API server answers where a CEL rule is broken.

use serde_json::{Value, json};

use super::{code, escaped, list, thousands};

/// What a template's fields must satisfy, and their defaults, by path.
pub(super) fn template_rules(node: &Value) -> Vec<(String, String)> {
    let mut rules = Vec::new();
    collect_rules(node, "", &mut rules);
    rules
}

fn collect_rules(node: &Value, path: &str, out: &mut Vec<(String, String)>) {
    if !path.is_empty() {
        let mut rules = node_rules(node, false);
        // `protocol: TCP` is Kubernetes' own default as well.
        let default = node.get("default").filter(|d| *d != &json!("TCP"));
        rules.extend(default.map(|default| format!("default {}", code(default))));
        if !rules.is_empty() {
            out.push((path.into(), rules.join("; ")));
        }
    }
    let mut children: Vec<(String, &Value)> = Vec::new();
    if let Some(properties) = node.get("properties").and_then(Value::as_object) {
        let dot = if path.is_empty() { "" } else { "." };
        children.extend(properties.iter().map(|(name, child)| (format!("{path}{dot}{name}"), child)));
    }
    children.extend(node.get("items").map(|items| (format!("{path}[]"), items)));
    children.extend(node.get("additionalProperties").map(|values| (format!("{path}.*"), values)));
    children.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, child) in children {
        collect_rules(child, &path, out);
    }
}

pub(super) fn node_rules(node: &Value, required: bool) -> Vec<String> {
    let mut rules = Vec::new();
    let number = |key: &str| node.get(key).and_then(Value::as_i64).map(thousands);
    if required {
        rules.push("required".to_owned());
    }
    let values: Vec<String> = list(node.get("enum")).map(code).collect();
    if !values.is_empty() {
        rules.push(format!("one of {}", values.join(", ")));
    }
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => rules.push(format!("{least} to {most}")),
        (Some(least), None) => rules.push(format!("at least {least}")),
        (None, Some(most)) => rules.push(format!("at most {most}")),
        (None, None) => {}
    }
    for (key, text, unit) in [
        ("minItems", "at least", "entries"),
        ("maxItems", "at most", "entries"),
        ("maxProperties", "at most", "keys"),
        ("minLength", "at least", "characters"),
        ("maxLength", "at most", "characters"),
    ] {
        rules.extend(number(key).map(|n| {
            let unit = if n == "1" {
                unit.replace("entries", "entry").replace("characters", "character")
            } else {
                unit.into()
            };
            format!("{text} {n} {unit}")
        }));
    }
    rules.extend(node.get("pattern").map(|pattern| format!("matches {}", code(pattern))));
    let keys: Vec<String> = list(node.get("x-kubernetes-list-map-keys")).map(code).collect();
    if !keys.is_empty() {
        rules.push(format!("unique by {}", keys.join(" and ")));
    }
    if node.get("nullable") == Some(&json!(true)) {
        rules.push("may be null".into());
    }
    rules.extend(validations(node));
    rules
}

/// What the API server answers where a CEL rule is broken.
pub(super) fn validations(node: &Value) -> Vec<String> {
    let said = |rule: &Value| {
        let text = |key: &str| rule.get(key).and_then(Value::as_str);
        let of_value =
            || text("messageExpression")?.strip_suffix('"')?.rsplit_once("+ \"").map(|(_, said)| said);
        let message = text("message").or_else(of_value).or_else(|| text("rule"));
        message.map(escaped)
    };
    list(node.get("x-kubernetes-validations")).filter_map(said).collect()
}
