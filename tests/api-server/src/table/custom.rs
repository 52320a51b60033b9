//! Columns of custom resources, as their definition has them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{age, columns, path::Path};
use crate::meta;

/// The columns of one kind, after its name.
#[derive(Debug, Default)]
pub(crate) struct Columns(Vec<Column>);

#[derive(Debug)]
struct Column {
    /// As the table tells it.
    told: Value,
    kind: String,
    path: Path,
}

impl Columns {
    /// The columns of a version of a definition; its age where the definition names none.
    pub(crate) fn of(version: &Value) -> Self {
        let given = meta::list(version, "/additionalPrinterColumns");
        if given.is_empty() {
            let age = json!({
                "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
                "description": columns::CREATED,
            });
            return Self(column(&age).into_iter().collect());
        }
        Self(given.iter().filter_map(column).collect())
    }

    /// The definitions of all columns.
    pub(crate) fn told(&self) -> Value {
        let name = columns::told(columns::NAME);
        let more = self.0.iter().map(|column| column.told.clone());
        name.as_array().cloned().into_iter().flatten().chain(more).collect()
    }

    /// The cells of an object.
    pub(crate) fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let name = json!(meta::text(object, "name"));
        std::iter::once(name).chain(self.0.iter().map(|column| column.cell(object, now))).collect()
    }
}

fn column(of: &Value) -> Option<Column> {
    let text = |key: &str| of[key].as_str().unwrap_or_default();
    let path = text("jsonPath");
    let description = match text("description") {
        "" => format!("Custom resource definition column (in JSONPath format): {path}"),
        description => description.into(),
    };
    let told = json!({
        "name": text("name"), "type": text("type"), "format": text("format"), "description": description,
        "priority": of["priority"].as_i64().unwrap_or_default(),
    });
    Some(Column { told, kind: text("type").into(), path: Path::parse(path)? })
}

impl Column {
    fn cell(&self, object: &Value, now: Timestamp) -> Value {
        let Some(value) = self.path.first(object) else { return Value::Null };
        match (self.kind.as_str(), value) {
            (_, Value::Null) => Value::Null,
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => {
                value.clone()
            }
            ("string", other) => json!(other.to_string()),
            ("integer", Value::Number(number)) => {
                let whole = number.as_i64().or_else(|| number.as_f64().map(|f| f as i64));
                whole.map_or(Value::Null, Value::from)
            }
            ("date", Value::String(time)) => json!(age::since(time, now)),
            _ => Value::Null,
        }
    }
}
