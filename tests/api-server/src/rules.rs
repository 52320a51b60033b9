//! The rules of the built-in kinds: defaults, admission, validation.

mod container;
mod labels;
mod metadata;
mod namespace;
mod pod;
mod pod_change;
mod service;
mod workload;

use serde_json::{Value, json};

pub(crate) use metadata::{change as metadata_change, check as metadata};
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
        Builtin::Pod => pod::default(meta::map(object, "spec")),
        Builtin::Service => service::default(object),
        Builtin::Deployment => workload::default_deployment(object),
        Builtin::ReplicaSet => workload::default_replica_set(object),
        Builtin::Namespace => namespace::default(object),
        Builtin::Secret => meta::or_put(meta::as_map(object), "type", "Opaque"),
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
        Builtin::ConfigMap | Builtin::Secret => immutable_data(object, old),
        Builtin::Event => event(object),
        _ => Vec::new(),
    }
}

/// Whether all that is validated is in `spec`.
pub(crate) fn has_spec(builtin: Builtin) -> bool {
    !matches!(builtin, Builtin::ConfigMap | Builtin::Secret | Builtin::Event)
}

/// What an update cannot take away.
pub(crate) fn keep(builtin: Builtin, live: &Value, new: &mut Value) {
    match builtin {
        Builtin::Service => service::keep(live, new),
        Builtin::Pod => pod::keep(live, new),
        _ => {}
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
    let namespace = meta::text(object, "namespace");
    let about = object.pointer("/involvedObject/namespace").and_then(Value::as_str).unwrap_or_default();
    let fits = about == namespace || about.is_empty() && namespace == "default";
    if fits {
        return Vec::new();
    }
    vec![invalid("involvedObject.namespace", &json!(about), "does not match event.namespace")]
}
