//! The rules of the built-in kinds: defaults, admission, validation.

mod container;
mod container_check;
mod labels;
mod metadata;
mod namespace;
mod pod;
mod pod_change;
mod pod_spec;
mod service;
mod workload;

use serde_json::{Map, Value, json};

pub(crate) use metadata::{change as metadata_change, check as metadata, finalizers};
pub(crate) use namespace::empty as empty_namespaces;

use crate::{
    kinds::{Builtin, Kind},
    meta,
    schema::Cause,
    status::Status,
    store::State,
};

/// A field with something wrong.
pub(crate) fn cause(reason: &'static str, field: impl Into<String>, message: impl Into<String>) -> Cause {
    Cause { reason, field: field.into(), message: message.into() }
}

/// `Invalid value`, with the value as a real server shows it.
pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Cause {
    cause("FieldValueInvalid", field, format!("Invalid value: {value}: {why}"))
}

/// `Required value`.
pub(crate) fn required(field: impl Into<String>, why: &str) -> Cause {
    let message = if why.is_empty() { "Required value".into() } else { format!("Required value: {why}") };
    cause("FieldValueRequired", field, message)
}

/// `Duplicate value`.
pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Cause {
    cause("FieldValueDuplicate", field, format!("Duplicate value: {value}"))
}

/// `Forbidden`.
pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Cause {
    cause("FieldValueForbidden", field, format!("Forbidden: {why}"))
}

/// `Unsupported value`.
pub(crate) fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Cause {
    let list: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
    let message = format!("Unsupported value: {value}: supported values: {}", list.join(", "));
    cause("FieldValueNotSupported", field, message)
}

/// Sets the defaults of a kind.
pub(crate) fn default(builtin: Builtin, object: &mut Value) {
    match builtin {
        Builtin::Pod => {
            pod::default(meta::map(object, "spec"));
            conditions(object, "lastProbeTime");
        }
        Builtin::Service => service::default(object),
        Builtin::Deployment => {
            workload::default_deployment(object);
            conditions(object, "lastUpdateTime");
        }
        Builtin::Event => event_defaults(meta::as_map(object)),
        Builtin::Node => conditions(object, "lastHeartbeatTime"),
        Builtin::ReplicaSet => workload::default_replica_set(object),
        Builtin::Namespace => namespace::default(object),
        Builtin::Secret => secret(meta::as_map(object)),
        _ => {}
    }
}

/// Defaults and admission of a new object.
pub(crate) fn admit(state: &State, kind: &Kind, object: &mut Value) -> Result<(), Status> {
    let Some(builtin) = kind.builtin() else { return Ok(()) };
    default(builtin, object);
    match builtin {
        Builtin::Pod => pod::admit(state, kind, object)?,
        Builtin::Service => {
            meta::as_map(object).insert("status".into(), json!({"loadBalancer": {}}));
        }
        Builtin::Deployment => {
            meta::as_map(object).insert("status".into(), json!({}));
        }
        Builtin::ReplicaSet => {
            meta::as_map(object).insert("status".into(), json!({"replicas": 0}));
        }
        Builtin::Namespace => {
            meta::as_map(object).insert("status".into(), json!({"phase": "Active"}));
        }
        Builtin::ResourceQuota => {
            meta::as_map(object).insert("status".into(), json!({}));
        }
        _ => {}
    }
    Ok(())
}

/// What is wrong with an object, beside its metadata.
pub(crate) fn validate(builtin: Builtin, object: &Value, old: Option<&Value>) -> Vec<Cause> {
    match builtin {
        Builtin::Pod => match old {
            None => pod::validate(object),
            Some(old) => pod_change::validate(object, old),
        },
        Builtin::Service => service::validate(object, old),
        Builtin::Deployment | Builtin::ReplicaSet => workload::validate(object, old),
        Builtin::ConfigMap | Builtin::Secret => {
            let mut wrong = data_keys(object);
            wrong.extend(immutable_data(object, old));
            wrong
        }
        Builtin::Lease => lease(&object["spec"]),
        Builtin::Event => event(object),
        _ => Vec::new(),
    }
}

/// What is wrong with a status, where that is looked at.
pub(crate) fn validate_status(builtin: Builtin, object: &Value) -> Vec<Cause> {
    if builtin == Builtin::Service { service::validate_status(object) } else { Vec::new() }
}

/// Whether all that is validated is in `spec`.
pub(crate) fn has_spec(builtin: Builtin) -> bool {
    !matches!(builtin, Builtin::ConfigMap | Builtin::Secret | Builtin::Event)
}

/// What an update cannot take away.
pub(crate) fn keep(builtin: Builtin, live: &Value, new: &mut Value) {
    if builtin == Builtin::Service {
        service::keep(live, new);
    }
}

/// Gives out what there is only one of.
pub(crate) fn allocate(
    state: &mut State,
    kind: &Kind,
    live: Option<&Value>,
    object: &mut Value,
) -> Result<(), Status> {
    if kind.is(Builtin::Service) { service::allocate(state, kind, live, object) } else { Ok(()) }
}

/// The status of a definition that is served.
pub(crate) fn established(crd: &mut Value, time: &str) {
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": time,
        })
    };
    let names = crd.pointer("/spec/names").cloned().unwrap_or_default();
    let stored = meta::list(crd, "/spec/versions").iter().filter(|v| v["storage"] == true);
    let stored: Vec<Value> = stored.map(|v| v["name"].clone()).collect();
    let status = json!({
        "acceptedNames": names, "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
    meta::as_map(crd).insert("status".into(), status);
}

/// Times that are not known yet are written as null.
fn conditions(object: &mut Value, other: &str) {
    let list = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in list.into_iter().flatten().filter_map(Value::as_object_mut) {
        meta::or_put(condition, other, Value::Null);
        meta::or_put(condition, "lastTransitionTime", Value::Null);
    }
}

fn event_defaults(event: &mut Map<String, Value>) {
    for key in ["eventTime", "firstTimestamp", "lastTimestamp"] {
        meta::or_put(event, key, Value::Null);
    }
    for key in ["reportingComponent", "reportingInstance"] {
        meta::or_put(event, key, "");
    }
    meta::or_put(event, "source", json!({}));
}

fn secret(secret: &mut Map<String, Value>) {
    meta::or_put(secret, "type", "Opaque");
    let Some(Value::Object(texts)) = secret.remove("stringData") else { return };
    let data = meta::as_map(secret.entry("data").or_insert(Value::Null));
    for (key, text) in texts {
        let bytes = k8s_openapi::ByteString(text.as_str().unwrap_or_default().into());
        data.insert(key, serde_json::to_value(bytes).unwrap_or_default());
    }
}

fn data_keys(object: &Value) -> Vec<Cause> {
    let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    let mut wrong = Vec::new();
    for field in ["data", "binaryData"] {
        for key in object[field].as_object().into_iter().flat_map(|m| m.keys()) {
            let is_fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
            if !key.bytes().all(is_fine) {
                wrong.push(invalid(format!("{field}[{key}]"), &json!(key), why));
            }
        }
    }
    wrong
}

fn lease(spec: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    if spec["leaseDurationSeconds"].as_i64().is_some_and(|n| n <= 0) {
        let why = "must be greater than 0";
        wrong.push(invalid("spec.leaseDurationSeconds", &spec["leaseDurationSeconds"], why));
    }
    if spec["leaseTransitions"].as_i64().is_some_and(|n| n < 0) {
        let why = "must be greater than or equal to 0";
        wrong.push(invalid("spec.leaseTransitions", &spec["leaseTransitions"], why));
    }
    wrong
}

fn immutable_data(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let Some(old) = old.filter(|o| o["immutable"] == true) else { return Vec::new() };
    let fields = ["data", "binaryData", "stringData"].into_iter().filter(|f| object.get(*f) != old.get(*f));
    let mut wrong: Vec<Cause> =
        fields.map(|f| forbidden(f, "field is immutable when `immutable` is set")).collect();
    if object["immutable"] != true {
        wrong.push(forbidden("immutable", "field is immutable when `immutable` is set"));
    }
    wrong
}

fn event(object: &Value) -> Vec<Cause> {
    if object["eventTime"].is_string() {
        return new_event(object);
    }
    let namespace = meta::text(object, "namespace");
    let about = object.pointer("/involvedObject/namespace").and_then(Value::as_str).unwrap_or_default();
    let fits = about == namespace || about.is_empty() && namespace == "default";
    if fits {
        return Vec::new();
    }
    vec![invalid("involvedObject.namespace", &json!(about), "does not match event.namespace")]
}

/// Those with a time of their own say who did what.
fn new_event(object: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    for (key, most) in
        [("reportingComponent", usize::MAX), ("reportingInstance", 128), ("action", 128), ("reason", 128)]
    {
        let text = object[key].as_str().unwrap_or_default();
        if text.is_empty() {
            wrong.push(required(key, ""));
        } else if text.len() > most {
            wrong.push(cause(
                "FieldValueInvalid",
                key,
                format!("Invalid value: \"\": can have at most {most} characters"),
            ));
        }
    }
    wrong
}
