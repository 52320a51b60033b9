//! `metadata.managedFields`: who manages which fields.

use serde_json::{Map, Value};

use super::fields::{self, Fields};

/// How many managers that update are told apart.
const MOST_UPDATERS: usize = 10;

/// Who writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Writer<'a> {
    pub manager: &'a str,
    pub applies: bool,
    pub api_version: &'a str,
    pub subresource: &'a str,
}

/// An entry of `managedFields`.
#[derive(Clone)]
pub(super) struct Manager {
    pub name: String,
    pub applies: bool,
    pub api_version: String,
    pub subresource: String,
    pub time: Option<String>,
    pub fields: Fields,
}

impl Manager {
    pub(super) fn new(writer: Writer<'_>, time: Option<String>, fields: Fields) -> Self {
        Manager {
            name: if writer.manager.is_empty() { "unknown" } else { writer.manager }.to_owned(),
            applies: writer.applies,
            api_version: writer.api_version.to_owned(),
            subresource: writer.subresource.to_owned(),
            time,
            fields,
        }
    }

    /// Whether this is the entry of a writer: who applies has one for all versions.
    pub(super) fn is(&self, writer: Writer<'_>) -> bool {
        self.name == if writer.manager.is_empty() { "unknown" } else { writer.manager }
            && self.applies == writer.applies
            && self.subresource == writer.subresource
            && (self.applies || self.api_version == writer.api_version)
    }

    /// How it is told in conflicts.
    pub(super) fn told(&self) -> String {
        let mut told = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            told.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if !self.applies {
            told.push_str(&format!(" using {}", self.api_version));
        }
        told
    }

    fn of(entry: Value) -> Option<Self> {
        let Value::Object(mut entry) = entry else { return None };
        let mut text = |key: &str| match entry.remove(key) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let applies = match text("operation").as_str() {
            "Apply" => true,
            "Update" => false,
            _ => return None,
        };
        let (name, api_version, subresource) = (text("manager"), text("apiVersion"), text("subresource"));
        if api_version.is_empty() || text("fieldsType") != "FieldsV1" {
            return None;
        }
        let time = Some(text("time")).filter(|time| !time.is_empty());
        let fields = match entry.remove("fieldsV1") {
            Some(Value::Object(fields)) => fields,
            _ => Fields::new(),
        };
        Some(Manager { name, applies, api_version, subresource, time, fields })
    }

    fn operation(&self) -> &'static str {
        if self.applies { "Apply" } else { "Update" }
    }

    fn into_value(self) -> Value {
        let mut entry = Map::new();
        let mut put = |key: &str, value: Value| drop(entry.insert(key.to_owned(), value));
        put("operation", self.operation().into());
        put("apiVersion", self.api_version.into());
        put("fieldsType", "FieldsV1".into());
        put("fieldsV1", self.fields.into());
        put("manager", self.name.into());
        if !self.subresource.is_empty() {
            put("subresource", self.subresource.into());
        }
        self.time.into_iter().for_each(|time| put("time", time.into()));
        entry.into()
    }
}

fn entries(object: &Value) -> Option<&Vec<Value>> {
    object.pointer("/metadata/managedFields").and_then(Value::as_array)
}

/// The managers of an object; none where an entry is not one.
pub(super) fn read(object: &Value) -> Vec<Manager> {
    entries(object).cloned().map(all).unwrap_or_default()
}

fn all(entries: Vec<Value>) -> Vec<Manager> {
    entries.into_iter().map(Manager::of).collect::<Option<_>>().unwrap_or_default()
}

/// Whether an object asks to forget all managers: with an empty list, or with one empty entry.
pub(super) fn forgets(object: &Value) -> bool {
    entries(object).is_some_and(|entries| match entries.as_slice() {
        [] => true,
        [only] => only.as_object().is_some_and(Map::is_empty),
        _ => false,
    })
}

/// Takes the managers out of an object.
pub(super) fn take(object: &mut Value) -> Vec<Manager> {
    let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return Vec::new() };
    match metadata.remove("managedFields") {
        Some(Value::Array(entries)) => all(entries),
        _ => Vec::new(),
    }
}

/// Writes the managers into an object, in Kubernetes' order. Where nothing but times changed, it keeps those of `before`.
pub(super) fn write(object: &mut Value, mut managers: Vec<Manager>, before: Option<&Value>) {
    take(object);
    managers.retain(|manager| !manager.fields.is_empty());
    if managers.is_empty() {
        return;
    }
    managers.sort_by(|a, b| {
        let rest = (&a.time, &a.name, &a.api_version, &a.subresource);
        b.applies.cmp(&a.applies).then_with(|| rest.cmp(&(&b.time, &b.name, &b.api_version, &b.subresource)))
    });
    let kept = before.filter(|before| only_times_differ(object, &managers, before)).and_then(entries);
    let entries = match kept {
        Some(kept) => kept.clone(),
        None => managers.into_iter().map(Manager::into_value).collect(),
    };
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.insert("managedFields".to_owned(), Value::Array(entries));
    }
}

fn only_times_differ(object: &Value, managers: &[Manager], before: &Value) -> bool {
    let Some(old) = entries(before).filter(|old| old.len() == managers.len()) else { return false };
    let text = |entry: &'_ Value, key: &str, text: &str| {
        entry.get(key).and_then(Value::as_str).unwrap_or_default() == text
    };
    let same = |(old, new): (&Value, &Manager)| {
        text(old, "manager", &new.name)
            && text(old, "operation", new.operation())
            && text(old, "apiVersion", &new.api_version)
            && text(old, "subresource", &new.subresource)
            && old.get("fieldsV1").and_then(Value::as_object) == Some(&new.fields)
    };
    old.iter().zip(managers).all(same) && same_but_managers(object, before)
}

/// Whether two objects are the same, their managers aside.
fn same_but_managers(one: &Value, other: &Value) -> bool {
    let (Value::Object(one), Value::Object(other)) = (one, other) else { return one == other };
    let metadata = |object: &Map<String, Value>| {
        let mut metadata = object.get("metadata").cloned().unwrap_or_default();
        if let Value::Object(metadata) = &mut metadata {
            metadata.remove("managedFields");
        }
        metadata
    };
    one.len() == other.len()
        && one.iter().all(|(key, value)| key == "metadata" || other.get(key) == Some(value))
        && metadata(one) == metadata(other)
}

/// Joins the oldest entries of those that update, so that there are not more than Kubernetes keeps.
pub(super) fn cap(managers: &mut Vec<Manager>) {
    let mut updaters: Vec<Manager> = Vec::new();
    let count = managers.iter().filter(|manager| !manager.applies).count();
    if count <= MOST_UPDATERS {
        return;
    }
    managers.retain(|manager| {
        if !manager.applies {
            updaters.push(manager.clone());
        }
        manager.applies
    });
    updaters.sort_by(|a, b| (&a.time, &a.name, &a.subresource).cmp(&(&b.time, &b.name, &b.subresource)));
    let mut too_many = count - MOST_UPDATERS;
    let mut joined: Vec<Manager> = Vec::new();
    for updater in updaters {
        match joined.iter_mut().find(|first| too_many > 0 && first.api_version == updater.api_version) {
            Some(first) => {
                fields::add(&mut first.fields, &updater.fields);
                first.name = "ancient-changes".to_owned();
                first.subresource = String::new();
                first.time = updater.time;
                too_many -= 1;
            }
            None => joined.push(updater),
        }
    }
    managers.append(&mut joined);
}
