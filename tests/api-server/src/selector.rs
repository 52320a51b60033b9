//! Label and field selectors.

use serde_json::{Map, Value};

use crate::{
    kinds::{Builtin, Kind},
    names,
    status::Status,
};

/// What a list or a watch selects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    /// Pointer, whether it must be equal, and the value.
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
    Above(i64),
    Below(i64),
}

impl Selector {
    /// Reads both selectors as they stand in a query.
    pub(crate) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, Status> {
        let labels = split(labels)
            .into_iter()
            .map(requirement)
            .collect::<Result<_, String>>()
            .map_err(Status::bad_request)?;
        Ok(Self { labels, fields: field_rules(kind, fields)? })
    }

    /// The name that is selected, if it is only one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.fields.iter().find(|(at, equal, _)| *equal && at == "/metadata/name").map(|(_, _, v)| v.as_str())
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object.get("metadata").and_then(|m| m.get("labels")).and_then(Value::as_object);
        self.labels.iter().all(|r| r.matches(labels))
            && self.fields.iter().all(|(at, equal, value)| {
                let found = object.pointer(at).and_then(Value::as_str).unwrap_or_default();
                (found == value) == *equal
            })
    }
}

impl Requirement {
    fn matches(&self, labels: Option<&Map<String, Value>>) -> bool {
        let found = labels.and_then(|l| l.get(&self.key)).and_then(Value::as_str);
        match &self.rule {
            Rule::In(values) => found.is_some_and(|f| values.iter().any(|v| v == f)),
            Rule::NotIn(values) => found.is_none_or(|f| values.iter().all(|v| v != f)),
            Rule::Exists => found.is_some(),
            Rule::Missing => found.is_none(),
            Rule::Above(least) => found.and_then(|f| f.parse().ok()).is_some_and(|f: i64| f > *least),
            Rule::Below(most) => found.and_then(|f| f.parse().ok()).is_some_and(|f: i64| f < *most),
        }
    }
}

/// At commas that are not in brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts.retain(|p| !p.trim().is_empty());
    parts
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let text = text.trim();
    let operator: String = text.chars().take_while(|c| matches!(c, '=' | '<' | '>')).collect();
    if !operator.is_empty() {
        return Err(format!("found '{operator}', expected: !, identifier, or 'end of string'"));
    }
    if let Some((key, value)) = text.split_once("!=") {
        return named(key, Rule::NotIn(one(key, value)?));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return named(key, Rule::In(one(key, value)?));
    }
    if let Some((key, value)) = text.split_once('>') {
        return named(key, Rule::Above(number(value)?));
    }
    if let Some((key, value)) = text.split_once('<') {
        return named(key, Rule::Below(number(value)?));
    }
    if let Some(key) = text.strip_prefix('!') {
        return named(key, Rule::Missing);
    }
    let Some((before, list)) = text.split_once('(') else {
        let words: Vec<&str> = text.split_whitespace().collect();
        return match words.as_slice() {
            [key] => named(key, Rule::Exists),
            [_, "in" | "notin", rest @ ..] => {
                let word = rest.first().copied().unwrap_or_default();
                Err(unreadable(&format!("found '{word}' expected: '('")))
            }
            _ => {
                let word = words.get(1).copied().unwrap_or_default();
                Err(unreadable(&format!("found '{word}', expected: in, notin, =, ==, !=, gt, lt")))
            }
        };
    };
    let Some(list) = list.strip_suffix(')') else {
        return Err(unreadable("found '', expected: ',' or ')'"));
    };
    let values = list.split(',').map(|v| v.trim().to_string()).collect();
    let words: Vec<&str> = before.split_whitespace().collect();
    match words.as_slice() {
        [key, "in"] => named(key, Rule::In(values)),
        [key, "notin"] => named(key, Rule::NotIn(values)),
        _ => Err("found '(', expected: !, identifier, or 'end of string'".into()),
    }
}

fn named(key: &str, rule: Rule) -> Result<Requirement, String> {
    let key = key.trim().to_string();
    match names::label_key(&key).into_iter().next() {
        Some(why) => Err(unreadable(&format!("key: Invalid value: {key:?}: {why}"))),
        None => Ok(Requirement { key, rule }),
    }
}

fn one(key: &str, value: &str) -> Result<Vec<String>, String> {
    let mut words = value.split_whitespace();
    let value = words.next().unwrap_or_default();
    if let Some(word) = words.next() {
        return Err(format!("found '{word}', expected: ',' or 'end of string'"));
    }
    match names::label_value(value) {
        Some(why) => Err(unreadable(&format!("values[0][{}]: Invalid value: {value:?}: {why}", key.trim()))),
        None => Ok(vec![value.to_string()]),
    }
}

fn number(value: &str) -> Result<i64, String> {
    let value = value.trim();
    value.parse().map_err(|_| {
        let why = "for 'Gt', 'Lt' operators, the value must be an integer";
        unreadable(&format!("values[0]: Invalid value: {value:?}: {why}"))
    })
}

fn unreadable(why: &str) -> String {
    format!("unable to parse requirement: {why}")
}

fn field_rules(kind: &Kind, text: &str) -> Result<Vec<(String, bool, String)>, Status> {
    let mut rules = Vec::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let (field, equal, value) = if let Some((field, value)) = part.split_once("!=") {
            (field, false, value)
        } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (field, true, value)
        } else {
            let why = format!("invalid selector: '{part}'; can't understand '{part}'");
            return Err(Status::bad_request(why));
        };
        if !is_selectable(kind, field) {
            let why = match kind.builtin() {
                None | Some(Builtin::Pod | Builtin::Event | Builtin::Node | Builtin::Secret) => {
                    format!("field label not supported: {field}")
                }
                Some(Builtin::Namespace | Builtin::ReplicaSet) => {
                    format!("field label {field:?} not supported for {}", kind.kind)
                }
                _ => format!(
                    "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                ),
            };
            return Err(Status::bad_request(why));
        }
        let reported = if field == "source" { "source.component" } else { field };
        rules.push((format!("/{}", reported.replace('.', "/")), equal, value.to_string()));
    }
    Ok(rules)
}

fn is_selectable(kind: &Kind, field: &str) -> bool {
    let more: &[&str] = match kind.builtin() {
        Some(Builtin::Pod) => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Some(Builtin::Event) => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        Some(Builtin::Namespace) => &["status.phase"],
        Some(Builtin::Node) => &["spec.unschedulable"],
        Some(Builtin::Service) => &["spec.clusterIP", "spec.type"],
        Some(Builtin::ReplicaSet) => &["status.replicas"],
        Some(Builtin::Secret) => &["type"],
        _ => &[],
    };
    matches!(field, "metadata.name" | "metadata.namespace") || more.contains(&field)
}
