//! From what a client sent to an object of its kind: shape, unknown fields, defaults of a schema.

mod twice;

use std::sync::OnceLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::{
    kinds::{self, Form, Kind},
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
    let what = told(&value);
    let why = format!(
        "json: cannot unmarshal {what} into Go value of type struct {{ APIVersion string \
         \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}"
    );
    Err(unrecognized(kind, bytes, &why))
}

/// What Go calls a value.
pub(crate) const fn told(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        _ => "number",
    }
}

/// Fields that stand twice in a body: what is to be warned of, or a refusal.
pub(crate) fn twice(kind: &Kind, bytes: &[u8], validation: Validation) -> Result<Vec<String>, Status> {
    if validation == Validation::Ignore {
        return Ok(Vec::new());
    }
    let told = twice::fields(bytes).into_iter().map(|path| format!("duplicate field \"{path}\""));
    let told: Vec<String> = told.collect();
    if validation == Validation::Strict && !told.is_empty() {
        return Err(mishandled(kind, &format!("strict decoding error: {}", told.join(", "))));
    }
    Ok(told)
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
    names(kind, object).map_err(|status| match validation {
        Validation::Warn => status,
        _ => Status { warnings: Vec::new(), ..status },
    })?;
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
        let mut status = other_kind(kind, crate::meta::text(object, "name"), &its_kind, &its_version);
        if its_version != kind.api_version {
            // A version that is not served has a schema without fields.
            let fields = object.as_object().into_iter().flat_map(|map| map.keys());
            let unknown = fields.filter(|key| !["apiVersion", "kind", "metadata"].contains(&key.as_str()));
            status.warnings = unknown.map(|key| format!("unknown field \"{key}\"")).collect();
        }
        return Err(status);
    }
    Err(other_builtin(kind, &its_kind, &its_version))
}

/// An object of another kind, sent to a built-in one.
fn other_builtin(kind: &Kind, its_kind: &str, its_version: &str) -> Status {
    let version = its_version.rsplit('/').next().unwrap_or_default();
    let is_known = kinds::builtin().iter().any(|k| k.kind == its_kind && k.api_version == its_version);
    let why = if is_known {
        let package = kind.group.split('.').next().filter(|g| !g.is_empty()).unwrap_or("core");
        format!("converting ({version}.{its_kind}) to ({package}.{}): unknown conversion", kind.kind)
    } else {
        format!(
            "no kind \"{its_kind}\" is registered for version \"{its_version}\" in scheme \
             \"pkg/runtime/scheme.go:110\""
        )
    };
    Status::bad_request(format!(
        "{its_kind} in version \"{version}\" cannot be handled as a {}: {why}",
        kind.kind
    ))
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
