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
    serde_json::from_slice(bytes).map_err(|error| {
        let shown: String = String::from_utf8_lossy(bytes).chars().take(30).collect();
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse \
             error: {error} ({shown} ...)",
            kind.kind
        ))
    })
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
    let version = if kind.builtin().is_some() { &kind.api_version } else { version };
    Status::bad_request(format!("{name} in version \"{version}\" cannot be handled as a {name}: {why}"))
}

fn names(kind: &Kind, object: &mut Value) -> Result<(), Status> {
    let is_custom = kind.builtin().is_none();
    let shown = object.to_string();
    let Some(map) = object.as_object_mut() else {
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse \
             error: json: cannot unmarshal {shown} into Go value of type struct",
            kind.kind
        )));
    };
    for (key, own, what) in
        [("kind", &kind.kind, "Object 'Kind'"), ("apiVersion", &kind.api_version, "Object 'apiVersion'")]
    {
        let given = map.get(key).and_then(Value::as_str).unwrap_or_default();
        if given.is_empty() && is_custom {
            let start: String = shown.chars().take(30).collect();
            return Err(Status::bad_request(format!(
                "the object provided is unrecognized (must be of type {}): {what} is missing in '{shown}' ({start} ...)",
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
    let version = its_version.rsplit('/').next().unwrap_or_default();
    Err(Status::bad_request(format!(
        "{its_kind} in version \"{version}\" cannot be handled as a {}: no kind \"{its_kind}\" is registered for \
         version \"{its_version}\" in scheme \"pkg/runtime/scheme.go:110\"",
        kind.kind
    )))
}

fn metadata(object: &mut Value) -> Result<Vec<String>, String> {
    static SHAPE: OnceLock<Shape> = OnceLock::new();
    let shape = SHAPE.get_or_init(Shape::of::<ObjectMeta>);
    let Some(metadata) = object.get_mut("metadata") else { return Ok(Vec::new()) };
    let unknown = shape.decode(metadata)?;
    Ok(unknown.into_iter().map(|path| format!("metadata.{path}")).collect())
}
