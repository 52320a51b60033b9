//! Types and limits: the walk over an object that finds what its schema does not allow.

use serde_json::{Map, Value};

use super::{
    Cause, combine, fault, limits,
    node::{Additional, Kind, Node},
    old::Pair,
    path::Path,
    text,
};

/// What a walk found. `matched` counts what held: of several alternatives the one that matches best is told.
#[derive(Default)]
pub(super) struct Outcome {
    pub causes: Vec<Cause>,
    pub matched: u32,
}

impl Outcome {
    /// A fault that is told once.
    pub(super) fn add(&mut self, cause: Cause) {
        if !self.causes.iter().any(|known| known.field == cause.field && known.message == cause.message) {
            self.causes.push(cause);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.matched += other.matched;
        other.causes.into_iter().for_each(|cause| self.add(cause));
    }

    /// Checks a value and all below it. With an old value, what is unchanged is not complained about.
    pub(super) fn check(&mut self, node: &Node, value: &Value, old: Option<Pair<'_>>, path: &Path<'_>) {
        let before = self.causes.len();
        self.find(node, value, old, path);
        if self.causes.len() > before && old.is_some_and(Pair::unchanged) {
            self.causes.truncate(before);
        }
    }

    /// The same for a branch of allOf and the like, below which the API server knows no old values.
    pub(super) fn find(&mut self, node: &Node, value: &Value, old: Option<Pair<'_>>, path: &Path<'_>) {
        if node.kind != Kind::Any || node.format.is_some() {
            check_type(node, value, path, self);
            self.matched += u32::from(!value.is_null());
        }
        if value.is_null() {
            limits::one_of_values(node, value, path, self);
            return;
        }
        if let Some(checks) = node.checks.as_deref().filter(|checks| checks.combines()) {
            combine::check(checks, value, path, self);
        }
        self.matched += 2;
        match value {
            Value::String(text) => {
                limits::text(node, text, path, self);
                self.matched += 1 + u32::from(node.format.is_some());
            }
            Value::Number(number) => {
                limits::number(node, number, path, self);
                self.matched += 2;
            }
            Value::Array(elements) => self.array(node, elements, old, path),
            _ => {}
        }
        limits::one_of_values(node, value, path, self);
        self.matched += 1;
        if let Value::Object(fields) = value {
            self.object(node, fields, old, path);
            self.matched += 1;
        }
        self.matched += 1;
    }

    fn array(&mut self, node: &Node, elements: &[Value], old: Option<Pair<'_>>, path: &Path<'_>) {
        if let Some(items) = &node.items {
            for (index, element) in elements.iter().enumerate() {
                let old = old.and_then(|old| old.element(index));
                self.check(items, element, old, &path.index(index));
            }
        }
        limits::items(node, elements.len(), path, self);
        self.matched += 2;
    }

    fn object(&mut self, node: &Node, fields: &Map<String, Value>, old: Option<Pair<'_>>, path: &Path<'_>) {
        limits::properties(node, fields.len(), path, self);
        for (name, child) in fields {
            let schema = match (node.properties.get(name), &node.additional) {
                (Some(property), _) => property,
                (None, Additional::Schema(property)) => property,
                (None, _) => continue,
            };
            // Both versions are converted to this one: a change of these two is not seen.
            let visible = !(path.is_root() && matches!(name.as_str(), "apiVersion" | "kind"));
            let old = old.filter(|_| visible).and_then(|old| old.field(name));
            self.check(schema, child, old, &path.field(name));
        }
        for name in node.checks.iter().flat_map(|checks| &checks.required) {
            if !fields.contains_key(name) {
                self.add(fault::required(path.field(name).text(), ""));
            }
        }
    }
}

fn check_type(node: &Node, value: &Value, path: &Path<'_>, out: &mut Outcome) {
    let (is, format) = match value {
        Value::Null => ("null", ""),
        Value::Bool(_) => ("boolean", ""),
        Value::Number(number) if number.as_i64().is_some() => ("integer", "int64"),
        Value::Number(_) => ("number", "float64"),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
    };
    let mut wrong = |wanted: &str, is: &str| {
        let detail = format!("{} in body must be of type {wanted}: {}", path.text(), text::quoted(is));
        out.add(fault::type_invalid(path.field_text(), is, &detail));
    };
    if value.is_null() {
        if node.kind != Kind::Any && !node.nullable {
            return wrong(node.kind.name(), is);
        }
        out.matched += 1;
        return;
    }
    let fits = fits(node.kind, value, is);
    if let Some(wanted) = &node.format {
        let text_or_list = matches!(is, "string" | "array");
        if !text_or_list && !fits {
            return wrong(&wanted.name, format);
        }
        // With a format, the API server leaves texts to it, and lists alone.
        if text_or_list && !node.kind.takes_numbers() {
            out.matched += 1;
            return;
        }
    }
    if fits {
        out.matched += 1;
    } else {
        wrong(node.kind.name(), is);
    }
}

fn fits(kind: Kind, value: &Value, is: &str) -> bool {
    /// Up to here a number with a fraction tells whole numbers apart.
    const WHOLE: f64 = 9_007_199_254_740_991.0;
    let is_whole = || value.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() <= WHOLE);
    match kind {
        Kind::IntOrString => matches!(is, "integer" | "string") || is == "number" && is_whole(),
        Kind::Integer => is == "integer" || is == "number" && is_whole(),
        Kind::Number => matches!(is, "integer" | "number"),
        kind => kind.name() == is,
    }
}
