//! Tables: objects as rows of cells, as kubectl prints them.

mod age;
mod columns;
mod custom;
mod event;
mod node;
mod path;
mod plain;
mod pod;
mod service;
#[cfg(test)]
mod tests;
mod workload;

use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) use custom::Columns;

use crate::{
    kinds::{Builtin, Kind},
    meta,
    partial::metadata,
    status::Status,
};

/// What a row tells of its object beside the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Include {
    Nothing,
    #[default]
    Metadata,
    Object,
}

/// How a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub include: Include,
    /// The time that ages are told at.
    pub now: Timestamp,
}

impl Options {
    /// Ages are told at this time from now on.
    pub(crate) fn at(&mut self, now: Timestamp) {
        self.now = now;
    }
}

/// How a client wants its tables: `include` is what it says of the objects in them.
///
/// # Errors
/// There is no such way.
pub(crate) fn asked(include: &str, now: impl FnOnce() -> Timestamp) -> Result<Option<Options>, Status> {
    let include = match include {
        "None" => Include::Nothing,
        "" | "Metadata" => Include::Metadata,
        "Object" => Include::Object,
        other => {
            return Err(Status::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: must be \
                 'Metadata', 'Object', 'None', or empty"
            )));
        }
    };
    Ok(Some(Options { include, now: now() }))
}

/// A table of one object; with the version of the object.
pub(crate) fn one(kind: &Kind, object: &Value, options: Options) -> Value {
    let meta = json!({"resourceVersion": meta::text(object, "resourceVersion")});
    of(kind, [object], meta, options)
}

/// A table of all objects, with the metadata of their list.
pub(crate) fn of<'a>(
    kind: &Kind,
    objects: impl IntoIterator<Item = &'a Value>,
    mut meta: Value,
    options: Options,
) -> Value {
    // Where a list goes on is left out if it does not.
    meta::as_map(&mut meta).retain(|_, value| value != "");
    let rows: Vec<Value> = objects.into_iter().map(|object| row(kind, object, options)).collect();
    table(definitions(kind), &meta, rows)
}

/// The table of what `scale` shows; that of custom resources has columns of its own.
pub(crate) fn scale(kind: &Kind, scale: &Value, options: Options) -> Value {
    let number = |at: &str| scale.pointer(at).cloned().unwrap_or(json!(0));
    let cells = vec![
        json!(meta::text(scale, "name")),
        number("/spec/replicas"),
        number("/status/replicas"),
        age::of(scale, options.now),
    ];
    let meta = json!({"resourceVersion": meta::text(scale, "resourceVersion")});
    let row = json!({"cells": cells, "object": included(scale, options.include)});
    let mut columns = columns::told(columns::SCALE);
    match kind.builtin() {
        Some(_) => columns[0]["format"] = json!(""),
        None => columns[3]["type"] = json!("date"),
    }
    table(columns, &meta, vec![row])
}

fn table(columns: Value, meta: &Value, rows: Vec<Value>) -> Value {
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
        "columnDefinitions": columns, "rows": rows,
    })
}

fn definitions(kind: &Kind) -> Value {
    match (kind.builtin(), &kind.columns) {
        (Some(builtin), _) => columns::told(columns::of(builtin)),
        (None, columns) => columns.told(),
    }
}

fn row(kind: &Kind, object: &Value, options: Options) -> Value {
    let mut row =
        json!({"cells": cells(kind, object, options.now), "object": included(object, options.include)});
    if kind.is(Builtin::Pod)
        && let Some(conditions) = pod::conditions(object)
    {
        row["conditions"] = conditions;
    }
    row
}

fn included(object: &Value, include: Include) -> Value {
    match include {
        Include::Nothing => Value::Null,
        Include::Metadata => metadata(object),
        Include::Object => object.clone(),
    }
}

fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    match kind.builtin() {
        None => kind.columns.cells(object, now),
        Some(Builtin::Pod) => pod::cells(object, now),
        Some(Builtin::Service) => service::cells(object, now),
        Some(Builtin::Deployment) => workload::deployment(object, now),
        Some(Builtin::ReplicaSet) => workload::replica_set(object, now),
        Some(Builtin::Event) => event::cells(object, now),
        Some(Builtin::Node) => node::cells(object, now),
        Some(builtin) => plain::cells(builtin, object, now),
    }
}

const NONE: &str = "<none>";

/// A text, or that there is none.
fn or_none(text: String) -> String {
    if text.is_empty() { NONE.into() } else { text }
}

/// The text at a pointer; empty if there is none.
fn text<'a>(object: &'a Value, at: &str) -> &'a str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a pointer; 0 if there is none.
fn number(object: &Value, at: &str) -> i64 {
    object.pointer(at).and_then(Value::as_i64).unwrap_or_default()
}

/// Labels in one line.
fn labels(object: &Value, at: &str) -> String {
    let map = object.pointer(at).and_then(Value::as_object);
    let terms = map.into_iter().flatten().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()));
    or_none(terms.collect::<Vec<_>>().join(","))
}
