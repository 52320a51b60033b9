//! `x-kubernetes-validations`: the rules of a node, parsed once.

use std::collections::BTreeSet;

use kube_cel::cel::parser::{Expression, Parser};
use serde_json::Value;

use super::engine;

/// A rule.
pub(super) struct Rule {
    pub expression: Expression,
    /// It compares with the old value.
    pub transition: bool,
    /// It is asked without an old value as well.
    pub optional_old_self: bool,
    pub message: String,
    pub message_expression: Option<Expression>,
    pub reason: Reason,
    /// Where the fault is told, below the node: "minimum", "list[key]".
    pub field_path: Option<String>,
}

/// How a fault is told.
#[derive(Clone, Copy)]
pub(super) enum Reason {
    Invalid,
    Forbidden,
    Required,
    Duplicate,
}

/// The rules of a schema.
pub(super) fn compile(schema: &Value) -> Result<Vec<Rule>, String> {
    let rules = schema.get("x-kubernetes-validations").and_then(Value::as_array);
    rules.into_iter().flatten().map(|rule| one(rule, schema)).collect()
}

fn one(rule: &Value, schema: &Value) -> Result<Rule, String> {
    let text =
        |key: &str| rule.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let source = text("rule").ok_or("a rule without rule")?;
    let expression = parse(source)?;
    let transition = expression.references().has_variable("oldSelf");
    let message = text("message").map_or_else(|| source.to_owned(), str::to_owned);
    let reason = match text("reason") {
        None | Some("FieldValueInvalid") => Reason::Invalid,
        Some("FieldValueForbidden") => Reason::Forbidden,
        Some("FieldValueRequired") => Reason::Required,
        Some("FieldValueDuplicate") => Reason::Duplicate,
        Some(other) => return Err(format!("the reason {other} of a rule")),
    };
    Ok(Rule {
        expression,
        transition,
        optional_old_self: rule.get("optionalOldSelf") == Some(&Value::Bool(true)),
        message: if text("message").is_some() { message } else { format!("failed rule: {message}") },
        message_expression: text("messageExpression").map(parse).transpose()?,
        reason,
        field_path: text("fieldPath").map(|path| field_path(path, schema)).transpose()?,
    })
}

fn parse(source: &str) -> Result<Expression, String> {
    let parser = Parser::new().enable_optional_syntax(true);
    let expression = parser.parse(source).map_err(|error| format!("the rule {source:?} ({error})"))?;
    let references = expression.references();
    // A set, so that of two unknown ones the same one is told each time.
    let names: BTreeSet<&str> = references.functions().into_iter().collect();
    match names.iter().find(|name| !engine::knows(name)) {
        Some(name) => Err(format!("the function {name} of the rule {source:?}")),
        None => Ok(expression),
    }
}

/// `.a.b['c']` as it stands in the path of a field: `a.b[c]`, or `a.b.c` where `c` is a property.
fn field_path(path: &str, schema: &Value) -> Result<String, String> {
    let fault = || format!("the fieldPath {path}");
    let mut found = String::new();
    let (mut at, mut rest) = (schema, path);
    while !rest.is_empty() {
        let (name, after) = if let Some(quoted) = rest.strip_prefix("['") {
            quoted.split_once("']").ok_or_else(fault)?
        } else {
            let name = rest.strip_prefix('.').ok_or_else(fault)?;
            name.split_at(name.find(['.', '[']).unwrap_or(name.len()))
        };
        if let Some(properties) = at.get("properties") {
            at = properties.get(name).ok_or_else(fault)?;
            if !found.is_empty() {
                found.push('.');
            }
            found.push_str(name);
        } else {
            at = at.get("additionalProperties").ok_or_else(fault)?;
            found = format!("{found}[{name}]");
        }
        rest = after;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn field_paths_follow_the_schema() {
        let schema = json!({"properties": {
            "a": {"properties": {"b.c": {}}},
            "m": {"additionalProperties": {"properties": {"x": {}}}},
        }});
        assert_eq!(field_path(".a['b.c']", &schema).unwrap(), "a.b.c");
        assert_eq!(field_path(".m['k'].x", &schema).unwrap(), "m[k].x");
        assert!(field_path(".b", &schema).is_err());
        assert!(field_path("a", &schema).is_err());
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let rules = |rule: Value| compile(&json!({"x-kubernetes-validations": [rule]}));
        let fault = |rule: Value| rules(rule).err().unwrap();
        assert!(fault(json!({"rule": "self ="})).starts_with("the rule \"self =\""));
        assert!(fault(json!({"rule": "self.sortBy(x, x) == self"})).contains("function sortBy"));
        assert!(fault(json!({"rule": "true", "reason": "Why"})).contains("reason Why"));
        assert!(rules(json!({"rule": "self.all(x, x.matches('^a')) && size(self) > 1"})).is_ok());
    }
}
