//! The functions that rules can call, and rules' values made from objects.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use kube_cel::{
    KubeCelExt,
    cel::{
        Context, ExecutionError, FunctionContext, Value as Cel,
        extractors::This,
        objects::{Key, Map, OptionalValue},
    },
};
use serde_json::Value;

use super::{
    node::{Additional, Kind, Node},
    pattern::Pattern,
};

/// All functions; a rule is asked in a scope below it.
pub(super) static FUNCTIONS: LazyLock<Context<'static>> = LazyLock::new(|| {
    let mut context = Context::default().with_all();
    context.add_function("matches", matches);
    context
});

static PATTERNS: Mutex<BTreeMap<String, Pattern>> = Mutex::new(BTreeMap::new());

/// `matches` that keeps its patterns: to parse one takes longer than all else that a rule does.
fn matches(
    call: &FunctionContext,
    This(text): This<Arc<String>>,
    pattern: Arc<String>,
) -> Result<bool, ExecutionError> {
    let mut known = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(pattern.as_str()) {
        return Ok(found.is_match(&text));
    }
    let parsed =
        Pattern::new(&pattern).map_err(|error| call.error(format!("error parsing regexp: {error}")))?;
    let holds = parsed.is_match(&text);
    known.insert(pattern.as_str().to_owned(), parsed);
    Ok(holds)
}

/// Whether there is such a function or operator.
pub(super) fn knows(name: &str) -> bool {
    let is_operator = name.starts_with(['_', '@', '!', '-']);
    is_operator
        || kube_cel::cel::Program::compile(&format!("{name}()")).is_ok_and(|program| {
            !matches!(program.execute(&FUNCTIONS), Err(ExecutionError::UndeclaredReference(_)))
        })
}

/// Nothing, or what was, for rules that ask without an old value as well.
pub(super) fn optional(value: Option<Cel>) -> Cel {
    Cel::Opaque(Arc::new(value.map_or_else(OptionalValue::none, OptionalValue::of)))
}

/// The value of a part of an object in a rule: what its schema does not name is not seen.
pub(super) fn value(node: &Node, value: &Value, is_root: bool) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => match (node.kind, number.as_i64()) {
            (Kind::Number, _) | (_, None) => Cel::Float(number.as_f64().unwrap_or_default()),
            (_, Some(whole)) => Cel::Int(whole),
        },
        Value::String(text) => string(node, text),
        Value::Array(elements) => {
            let of = |element| node.items.as_ref().map(|items| self::value(items, element, false));
            Cel::List(Arc::new(elements.iter().filter_map(of).collect()))
        }
        Value::Object(fields) => {
            let known = fields.iter().filter_map(|(name, value)| field(node, name, value, is_root));
            map(known)
        }
    }
}

/// The one kind of map that the crate takes. Its order is seen by rules that make a list of a map's keys.
fn map(fields: impl Iterator<Item = (Key, Cel)>) -> Cel {
    Cel::Map(Map { map: Arc::new(fields.collect()) })
}

fn key(name: &str) -> Key {
    Key::String(Arc::new(name.to_owned()))
}

fn field(node: &Node, name: &str, value: &Value, is_root: bool) -> Option<(Key, Cel)> {
    if is_root && matches!(name, "apiVersion" | "kind" | "metadata") {
        return Some((key(name), type_or_name(name, value)));
    }
    if let Some(child) = node.properties.get(name) {
        return Some((key(&escaped(name)?), self::value(child, value, false)));
    }
    match &node.additional {
        Additional::Schema(child) => Some((key(name), self::value(child, value, false))),
        _ => None,
    }
}

/// Of an object's metadata, rules see the name alone.
fn type_or_name(name: &str, value: &Value) -> Cel {
    let text = |text: &Value| Cel::String(Arc::new(text.as_str().unwrap_or_default().to_owned()));
    if name != "metadata" {
        return text(value);
    }
    let names =
        ["name", "generateName"].iter().filter_map(|key| Some((self::key(key), text(value.get(key)?))));
    map(names)
}

fn string(node: &Node, text: &str) -> Cel {
    let plain = || Cel::String(Arc::new(text.to_owned()));
    let function = match node.format.as_ref().map(|format| format.name.as_str()) {
        Some("date-time") => "timestamp(self)",
        Some("duration") => "duration(self)",
        _ => return plain(),
    };
    let mut scope = FUNCTIONS.new_inner_scope();
    scope.add_variable_from_value("self", plain());
    let parsed = kube_cel::cel::Program::compile(function).map(|program| program.execute(&scope));
    parsed.ok().and_then(Result::ok).unwrap_or_else(plain)
}

/// The name of a property in rules, if it has one there.
fn escaped(name: &str) -> Option<String> {
    const RESERVED: [&str; 21] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fits) {
        return None;
    }
    let name = name.replace("__", "__underscores__");
    Some(name.replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_in_kubernetes() {
        assert_eq!(escaped("namespace").unwrap(), "__namespace__");
        assert_eq!(escaped("a-b.c/d").unwrap(), "a__dash__b__dot__c__slash__d");
        assert_eq!(escaped("a_b__c").unwrap(), "a_b__underscores__c");
        assert_eq!(escaped("1a"), None);
        assert_eq!(escaped("a b"), None);
    }

    #[test]
    fn functions_are_known_by_name() {
        assert!(knows("size") && knows("matches") && knows("_&&_") && knows("quantity"));
        assert!(!knows("sortBy"));
    }
}
