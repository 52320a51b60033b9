//! The walk that asks the rules of a schema.

use kube_cel::cel::{Context, ExecutionError, Value as Cel};
use serde_json::Value;

use super::{
    Cause,
    engine::{self, FUNCTIONS},
    fault,
    node::{Additional, Node},
    old::{self, Pair},
    path::Path,
    rules::{Reason, Rule},
    text,
};

/// The longest message that a rule may make.
const LONGEST_MESSAGE: usize = 5 * 1024;

/// What is known of the value before, for two questions: what rules see as `oldSelf`, and whether something changed.
#[derive(Clone, Copy, Default)]
struct Before<'a> {
    old_self: Option<&'a Value>,
    pair: Option<Pair<'a>>,
    nearest: Option<Pair<'a>>,
}

impl<'a> Before<'a> {
    fn field(self, name: &str) -> Self {
        let old_self = self.old_self.and_then(|old| old.get(name));
        match self.pair {
            None => Before { old_self, ..self },
            Some(_) if self.nearest.is_none() && matches!(name, "apiVersion" | "kind") => {
                Before { old_self, ..Self::default() }
            }
            Some(pair) => Before { old_self, pair: pair.field(name), nearest: Some(pair) },
        }
    }

    fn element(self, list: &'a Node, index: usize, element: &Value) -> Self {
        let old = self.old_self.and_then(Value::as_array);
        let old_self = old.and_then(|old| old::same_key(list, old, element));
        match self.pair {
            None => Before { old_self, ..self },
            Some(pair) => Before { old_self, pair: pair.element(index), nearest: Some(pair) },
        }
    }

    fn unchanged(self) -> bool {
        self.pair.or(self.nearest).is_some_and(Pair::unchanged)
    }
}

/// What rules are asked of: a value, the node of the schema with its rules, and what it was before.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    node: &'a Node,
    value: &'a Value,
    before: Before<'a>,
}

impl<'a> Subject<'a> {
    /// A whole object.
    pub(super) fn root(node: &'a Node, value: &'a Value, pair: Option<Pair<'a>>) -> Self {
        let before = Before { old_self: pair.map(|pair| pair.old), pair, nearest: None };
        Subject { node, value, before }
    }
}

/// Asks the rules of a node and of all below it.
pub(super) fn check(subject: Subject<'_>, path: &Path<'_>, out: &mut Vec<Cause>) {
    let Subject { node, value, before } = subject;
    if !node.below.rules || value.is_null() {
        return;
    }
    if !node.rules.is_empty() {
        ask(subject, path, out);
    }
    match value {
        Value::Array(elements) => {
            let Some(items) = node.items.as_deref().filter(|items| items.below.rules) else { return };
            for (index, element) in elements.iter().enumerate() {
                let before = before.element(node, index, element);
                check(Subject { node: items, value: element, before }, &path.index(index), out);
            }
        }
        Value::Object(fields) => {
            for (name, child) in fields {
                let (node, path) = match (node.properties.get(name), &node.additional) {
                    (Some(property), _) => (property, path.field(name)),
                    (None, Additional::Schema(property)) => (&**property, path.key(name)),
                    (None, _) => continue,
                };
                check(Subject { node, value: child, before: before.field(name) }, &path, out);
            }
        }
        _ => {}
    }
}

fn ask(subject: Subject<'_>, path: &Path<'_>, out: &mut Vec<Cause>) {
    let Subject { node, value, before } = subject;
    let old_self = before.old_self.filter(|old| !old.is_null());
    let uses_old = node.rules.iter().any(|rule| rule.transition);
    let mut scope = FUNCTIONS.new_inner_scope();
    scope.add_variable_from_value("self", engine::value(node, value, path.is_root()));
    let old_value = old_self.filter(|_| uses_old).map(|old| engine::value(node, old, path.is_root()));
    if let Some(old) = &old_value {
        scope.add_variable_from_value("oldSelf", old.clone());
    }
    for rule in &node.rules {
        if rule.transition && old_self.is_none() && !rule.optional_old_self {
            continue;
        }
        let mut optional = scope.new_inner_scope();
        if rule.optional_old_self && rule.transition {
            optional.add_variable_from_value("oldSelf", engine::optional(old_value.clone()));
        }
        match optional.resolve(&rule.expression) {
            Ok(Cel::Bool(true)) => {}
            Ok(_) if !rule.transition && before.unchanged() => {}
            Ok(_) => out.push(broken(rule, node, &optional, path)),
            Err(error) => out.push(failed(rule, node, &error, path)),
        }
    }
}

/// A rule that does not hold.
fn broken(rule: &Rule, node: &Node, scope: &Context<'_>, path: &Path<'_>) -> Cause {
    let detail = rule.message_expression.as_ref().and_then(|expression| match scope.resolve(expression) {
        Ok(Cel::String(text)) => {
            let text = text.trim();
            let fits = !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n');
            fits.then(|| text.to_owned())
        }
        _ => None,
    });
    let detail = detail.as_deref().unwrap_or(&rule.message);
    let field = match &rule.field_path {
        Some(below) => path.field(below).text(),
        None => path.field_text(),
    };
    let kind = text::quoted(node.kind.declared());
    match rule.reason {
        Reason::Invalid => fault::invalid(field, &kind, detail),
        Reason::Forbidden => fault::forbidden(field, detail),
        Reason::Required => fault::required(field, detail),
        Reason::Duplicate => fault::duplicate(field, &kind),
    }
}

/// A rule that cannot be answered.
fn failed(rule: &Rule, node: &Node, error: &ExecutionError, path: &Path<'_>) -> Cause {
    let told = rule.message.strip_prefix("failed rule: ").unwrap_or(&rule.message);
    let detail = match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key} evaluating rule: {told}"),
        ExecutionError::DivisionByZero(_) => format!("division by zero evaluating rule: {told}"),
        ExecutionError::RemainderByZero(_) => format!("modulus by zero evaluating rule: {told}"),
        ExecutionError::Overflow(..) => format!("integer overflow evaluating rule: {told}"),
        ExecutionError::FunctionError { message, .. } => format!("{message} evaluating rule: {told}"),
        ExecutionError::NoSuchOverload
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::ValuesNotComparable(..)
        | ExecutionError::UnsupportedBinaryOperator(..) => format!(
            "'no such overload': call arguments did not match a supported operator, function or macro signature for \
             rule: {told}"
        ),
        other => format!("{other} evaluating rule: {told}"),
    };
    fault::invalid(path.field_text(), &text::quoted(node.kind.declared()), &detail)
}
