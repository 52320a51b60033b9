//! From what a client sent to an object of its kind: shape, unknown fields, defaults of a schema.

use std::sync::OnceLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::{
    kinds::{Form, Kind},
    request::Validation,
    shape::Shape,
    status::Status,
};

/// The JSON of a body.
pub(crate) fn json(kind: &Kind, bytes: &[u8]) -> Result<Value, Status> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| unrecognized(kind, bytes, &go(bytes, &error)))?;
    if value.is_object() {
        return Ok(value);
    }
    let what = match &value {
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        _ => "number",
    };
    let why = format!(
        "json: cannot unmarshal {what} into Go value of type struct {{ APIVersion string \
         \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    );
    Err(unrecognized(kind, bytes, &why))
}

fn unrecognized(kind: &Kind, bytes: &[u8], why: &str) -> Status {
    let shown = if bytes.is_empty() {
        "<empty>".into()
    } else if bytes.starts_with(b"{") {
        start(&String::from_utf8_lossy(bytes))
    } else {
        start(&bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
    };
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {why} \
         ({shown})",
        kind.kind
    ))
}

/// The beginning of a text.
fn start(text: &str) -> String {
    match text.char_indices().nth(30) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text.to_string(),
    }
}

/// What Go says of JSON that cannot be read, for the simple cases; else what this parser says.
pub(crate) fn go(bytes: &[u8], error: &serde_json::Error) -> String {
    match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
        _ if error.is_eof() => "unexpected end of JSON input".into(),
        Some(first) if !b"{[\"-0123456789tfn".contains(first) => {
            format!("invalid character '{}' looking for beginning of value", char::from(*first))
        }
        _ => error.to_string(),
    }
}

/// Makes an object of the kind of it, and answers what is to be warned of.
pub(crate) fn object(kind: &Kind, object: &mut Value, validation: Validation) -> Result<Vec<String>, Status> {
    names(kind, object)?;
    let unknown = match &kind.form {
        Form::Builtin(_, shape) => shape.decode(object),
        Form::Custom(schema) => metadata(object).map(|mut unknown| {
            unknown.extend(schema.prune(object));
            schema.default(object);
            unknown
        }),
    };
    let unknown = unknown.map_err(|why| mishandled(kind, &why))?;
    let told: Vec<String> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    match validation {
        Validation::Strict if !told.is_empty() => {
            Err(mishandled(kind, &format!("strict decoding error: {}", told.join(", "))))
        }
        Validation::Ignore => Ok(Vec::new()),
        _ => Ok(told),
    }
}

fn mishandled(kind: &Kind, why: &str) -> Status {
    let Kind { kind: name, version, .. } = kind;
    Status::bad_request(format!("{name} in version \"{version}\" cannot be handled as a {name}: {why}"))
}

fn names(kind: &Kind, object: &mut Value) -> Result<(), Status> {
    let is_custom = kind.builtin().is_none();
    let Some(map) = object.as_object() else {
        return Err(Status::bad_request(format!(
            "the object provided is no object (must be of type {})",
            kind.kind
        )));
    };
    let given = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    if given("kind") == kind.kind && given("apiVersion") == kind.api_version {
        return Ok(());
    }
    let shown = if is_custom { object.to_string() } else { String::new() };
    let map = crate::meta::as_map(object);
    for (key, own, what) in
        [("kind", &kind.kind, "Object 'Kind'"), ("apiVersion", &kind.api_version, "Object 'apiVersion'")]
    {
        let given = map.get(key).and_then(Value::as_str).unwrap_or_default();
        if given.is_empty() && is_custom {
            let start = start(&shown);

            return Err(Status::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): {what} is missing in '{shown}' ({start})",
                kind.kind
            )));
        }
        if given.is_empty() {
            map.insert(key.into(), own.clone().into());
        }
    }
    let given = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
    let (its_kind, its_version) = (given("kind"), given("apiVersion"));
    if its_kind == kind.kind && its_version == kind.api_version {
        return Ok(());
    }
    if is_custom {
        return Err(other_kind(kind, crate::meta::text(object, "name"), &its_kind, &its_version));
    }
    let version = its_version.rsplit('/').next().unwrap_or_default();
    Err(Status::bad_request(format!(
        "{its_kind} in version \"{version}\" cannot be handled as a {}: no kind \"{its_kind}\" is registered for \
         version \"{its_version}\" in scheme \"pkg/runtime/scheme.go:110\"",
        kind.kind
    )))
}

/// An object of another kind, sent to a custom resource.
fn other_kind(kind: &Kind, name: &str, its_kind: &str, its_version: &str) -> Status {
    if its_version != kind.api_version {
        return Status::bad_request(format!(
            "the API version in the data ({its_version}) does not match the expected API version ({})",
            kind.api_version
        ));
    }
    let cause = crate::schema::Cause {
        reason: "FieldValueInvalid",
        field: "kind".into(),
        message: format!("Invalid value: {its_kind:?}: must be {}", kind.kind),
    };
    let mut status = Status::invalid_named(&format!("{its_kind}.{}", kind.group), name, vec![cause]);
    if let Some(details) = &mut status.details {
        details.group.clone_from(&kind.group);
        details.kind = its_kind.into();
    }
    status
}

fn metadata(object: &mut Value) -> Result<Vec<String>, String> {
    static SHAPE: OnceLock<Shape> = OnceLock::new();
    let shape = SHAPE.get_or_init(Shape::of::<ObjectMeta>);
    let Some(metadata) = object.get_mut("metadata") else { return Ok(Vec::new()) };
    let unknown = shape.decode(metadata)?;
    Ok(unknown.into_iter().map(|path| format!("metadata.{path}")).collect())
}
