//! The schema of a CustomResourceDefinition made into nodes; what the API server enforces and this code does not is
//! refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    formats::{self, Found},
    node::{Additional, Below, Bound, Checks, Kind, ListType, Node},
    pattern::Pattern,
    rules,
};

/// What is wrong with a schema, and where.
pub(super) struct Fault {
    pub path: String,
    pub what: String,
}

/// Keywords that mean nothing to an object.
const WORDS: [&str; 5] = ["description", "title", "example", "externalDocs", "$schema"];

const KEYWORDS: [&str; 33] = [
    "type",
    "properties",
    "additionalProperties",
    "items",
    "required",
    "nullable",
    "default",
    "enum",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
];

/// The node of a schema.
pub(super) fn node(schema: &Value, path: &str) -> Result<Node, Fault> {
    let fault = |what: String| Fault { path: path.to_owned(), what };
    let Some(fields) = schema.as_object() else { return Err(fault("a schema that is no object".into())) };
    let known = |key: &&String| WORDS.contains(&key.as_str()) || KEYWORDS.contains(&key.as_str());
    if let Some(key) = fields.keys().find(|key| !known(key)) {
        return Err(fault(format!("the keyword {key}")));
    }
    for key in ["x-kubernetes-embedded-resource", "uniqueItems"] {
        if flag(fields, key) {
            return Err(fault(format!("{key}: true")));
        }
    }
    let kind = kind(fields).map_err(fault)?;
    let mut node = Node {
        kind,
        nullable: flag(fields, "nullable"),
        preserve_unknown: flag(fields, "x-kubernetes-preserve-unknown-fields"),
        default: fields.get("default").filter(|default| !default.is_null()).cloned(),
        properties: properties(fields, path)?,
        additional: additional(fields, path)?,
        items: fields
            .get("items")
            .map(|items| self::node(items, &format!("{path}[]")))
            .transpose()?
            .map(Box::new),
        list_type: list_type(fields).map_err(fault)?,
        atomic_map: fields.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic"),
        format: None,
        checks: checks(fields, path)?.map(Box::new),
        rules: rules::compile(schema).map_err(fault)?,
        below: Below::default(),
    };
    if let Some(format) = fields.get("format").and_then(Value::as_str) {
        match formats::find(format) {
            Found::Enforced(format) => node.format = Some(format),
            Found::Ignored => {}
            Found::Unsupported => return Err(fault(format!("the format {format}"))),
        }
    }
    node.below = below(&node);
    match node.rules.is_empty() {
        true => Ok(node),
        false => match seen_as_text(&node) {
            Some(format) => Err(fault(format!("the format {format} in a rule"))),
            None => Ok(node),
        },
    }
}

/// A format of which rules see another type than a text, and not from this code.
fn seen_as_text(node: &Node) -> Option<&str> {
    let own = node
        .format
        .as_ref()
        .map(|format| format.name.as_str())
        .filter(|name| ["byte", "date"].contains(name));
    let additional = match &node.additional {
        Additional::Schema(node) => seen_as_text(node),
        _ => None,
    };
    let items = || node.items.as_deref().and_then(seen_as_text);
    own.or(additional).or_else(items).or_else(|| node.properties.values().find_map(seen_as_text))
}

fn below(node: &Node) -> Below {
    let mut below = Below {
        defaults: node.default.is_some(),
        keyed_lists: !matches!(node.list_type, ListType::Atomic),
        rules: !node.rules.is_empty(),
    };
    node.properties.values().for_each(|child| below.add(child.below));
    node.items.iter().for_each(|child| below.add(child.below));
    if let Additional::Schema(child) = &node.additional {
        below.add(child.below);
    }
    below
}

fn flag(fields: &Map<String, Value>, key: &str) -> bool {
    fields.get(key) == Some(&Value::Bool(true))
}

fn kind(fields: &Map<String, Value>) -> Result<Kind, String> {
    if flag(fields, "x-kubernetes-int-or-string") {
        return Ok(Kind::IntOrString);
    }
    Ok(match fields.get("type").and_then(Value::as_str) {
        None | Some("") => Kind::Any,
        Some("object") => Kind::Object,
        Some("array") => Kind::Array,
        Some("string") => Kind::String,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        Some(other) => return Err(format!("the type {other}")),
    })
}

fn properties(fields: &Map<String, Value>, path: &str) -> Result<BTreeMap<String, Node>, Fault> {
    let properties = fields.get("properties").and_then(Value::as_object);
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    properties
        .into_iter()
        .flatten()
        .map(|(name, child)| Ok((name.clone(), node(child, &below(name))?)))
        .collect()
}

fn additional(fields: &Map<String, Value>, path: &str) -> Result<Additional, Fault> {
    match fields.get("additionalProperties") {
        None => Ok(Additional::None),
        Some(Value::Bool(true)) => Ok(Additional::Any),
        Some(Value::Bool(false)) => {
            Err(Fault { path: path.to_owned(), what: "additionalProperties: false".into() })
        }
        Some(schema) => Ok(Additional::Schema(Box::new(node(schema, &format!("{path}{{}}"))?))),
    }
}

fn list_type(fields: &Map<String, Value>) -> Result<ListType, String> {
    match fields.get("x-kubernetes-list-type").and_then(Value::as_str) {
        None | Some("atomic") => Ok(ListType::Atomic),
        Some("set") => Ok(ListType::Set),
        Some("map") => Ok(ListType::Map(texts(fields, "x-kubernetes-list-map-keys"))),
        Some(other) => Err(format!("the x-kubernetes-list-type {other}")),
    }
}

fn texts(fields: &Map<String, Value>, key: &str) -> Vec<String> {
    let list = fields.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn checks(fields: &Map<String, Value>, path: &str) -> Result<Option<Checks>, Fault> {
    let whole = |key: &str| fields.get(key).and_then(Value::as_u64);
    let bound = |key: &str, exclusive: &str| {
        let limit = fields.get(key).and_then(Value::as_f64)?;
        Some(Bound { limit, exclusive: flag(fields, exclusive) })
    };
    let branches = |key: &str| -> Result<Vec<Node>, Fault> {
        let list = fields.get(key).and_then(Value::as_array);
        list.into_iter().flatten().map(|schema| branch(schema, path)).collect()
    };
    let pattern = fields.get("pattern").and_then(Value::as_str).filter(|pattern| !pattern.is_empty());
    let pattern = pattern.map(|pattern| {
        let what = |error| format!("the pattern {pattern} ({error})");
        Pattern::new(pattern).map_err(|error| Fault { path: path.to_owned(), what: what(error) })
    });
    let checks = Checks {
        required: texts(fields, "required"),
        one_of_values: fields.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        minimum: bound("minimum", "exclusiveMinimum"),
        maximum: bound("maximum", "exclusiveMaximum"),
        multiple_of: fields.get("multipleOf").and_then(Value::as_f64),
        min_length: whole("minLength"),
        max_length: whole("maxLength"),
        pattern: pattern.transpose()?,
        min_items: whole("minItems"),
        max_items: whole("maxItems"),
        min_properties: whole("minProperties"),
        max_properties: whole("maxProperties"),
        all_of: branches("allOf")?,
        any_of: branches("anyOf")?,
        one_of: branches("oneOf")?,
        not: fields.get("not").map(|schema| branch(schema, path)).transpose()?,
    };
    Ok(fields.keys().any(|key| is_check(key)).then_some(checks))
}

/// Whether a keyword is a check of its own.
fn is_check(key: &str) -> bool {
    const SHAPE: [&str; 8] = [
        "type",
        "properties",
        "additionalProperties",
        "items",
        "nullable",
        "default",
        "format",
        "uniqueItems",
    ];
    !(WORDS.contains(&key) || SHAPE.contains(&key) || key.starts_with("exclusive") || key.starts_with("x-"))
}

/// A schema below allOf and the like, where the API server takes checks alone.
fn branch(schema: &Value, path: &str) -> Result<Node, Fault> {
    let node = node(schema, path)?;
    let fault = |what: &str| Err(Fault { path: path.to_owned(), what: what.into() });
    if node.below.rules {
        return fault("x-kubernetes-validations below allOf, anyOf, oneOf or not");
    }
    if node.below.defaults {
        return fault("default below allOf, anyOf, oneOf or not");
    }
    Ok(node)
}
