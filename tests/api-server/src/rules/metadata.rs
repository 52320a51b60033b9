//! Metadata: names, labels, owners, finalizers.

use serde_json::{Map, Value, json};

use super::{cause, forbidden, invalid, required};
use crate::{
    kinds::{Builtin, Kind},
    meta, names,
    schema::Cause,
};

/// Most bytes of all annotations.
const ANNOTATIONS: usize = 256 * 1024;

/// What is wrong with the metadata of an object.
pub(crate) fn check(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    name(kind, object, &mut wrong);
    let metadata = object.get("metadata").and_then(Value::as_object);
    let map = |key: &str| metadata.and_then(|m| m.get(key)).and_then(Value::as_object);
    if let Some(labels) = map("labels") {
        self::labels(labels, "metadata.labels", &mut wrong);
    }
    if let Some(annotations) = map("annotations") {
        self::annotations(annotations, "metadata.annotations", &mut wrong);
    }
    owners(meta::list(object, "/metadata/ownerReferences"), &mut wrong);
    wrong
}

/// What is wrong with finalizers.
pub(crate) fn finalizers(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    for (i, finalizer) in meta::finalizers(object).enumerate() {
        let at = format!("metadata.finalizers[{i}]");
        let is_standard = matches!(finalizer, "orphan" | "foregroundDeletion" | "kubernetes");
        if !is_standard && !finalizer.contains('/') && kind.builtin().is_some() {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            wrong.push(invalid(at.as_str(), &json!(finalizer), why));
        }
        for why in names::label_key(finalizer) {
            wrong.push(invalid("metadata.finalizers", &json!(finalizer), &why));
        }
    }
    wrong
}

fn name(kind: &Kind, object: &Value, wrong: &mut Vec<Cause>) {
    let rule = match kind.builtin() {
        Some(Builtin::Service) => names::label_1035,
        Some(Builtin::Namespace) => names::label,
        _ => names::subdomain,
    };
    let (name, prefix) = (meta::text(object, "name"), meta::text(object, "generateName"));
    if !prefix.is_empty() {
        // What is added makes up for a dash at its end.
        let masked = prefix.strip_suffix('-').filter(|start| !start.is_empty());
        let masked = masked.map(|start| format!("{}a", &start[..start.len() - 1]));
        let why = rule(masked.as_deref().unwrap_or(prefix));
        wrong.extend(why.iter().map(|why| invalid("metadata.generateName", &json!(prefix), why)));
    }
    if name.is_empty() {
        wrong.push(required("metadata.name", "name or generateName is required"));
        return;
    }
    let why = rule(name);
    wrong.extend(why.iter().map(|why| invalid("metadata.name", &json!(name), why)));
}

/// What is wrong with labels.
pub(crate) fn labels(labels: &Map<String, Value>, field: &str, wrong: &mut Vec<Cause>) {
    for (key, value) in labels {
        wrong.extend(names::label_key(key).iter().map(|why| invalid(field, &json!(key), why)));
        let why = names::label_value(value.as_str().unwrap_or_default());
        wrong.extend(why.iter().map(|why| invalid(field, value, why)));
    }
}

/// What is wrong with annotations.
pub(crate) fn annotations(annotations: &Map<String, Value>, field: &str, wrong: &mut Vec<Cause>) {
    let mut size = 0;
    for (key, value) in annotations {
        wrong
            .extend(names::label_key(&key.to_lowercase()).iter().map(|why| invalid(field, &json!(key), why)));
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS {
        wrong.push(cause(
            "FieldValueTooLong",
            field,
            format!("Too long: may not be more than {ANNOTATIONS} bytes"),
        ));
    }
}

fn owners(owners: &[Value], wrong: &mut Vec<Cause>) {
    let mut controllers = Vec::new();
    for owner in owners {
        let field = |key: &str| format!("metadata.ownerReferences.{key}");
        let text = |key: &str| owner[key].as_str().unwrap_or_default();
        if text("apiVersion").is_empty() {
            wrong.push(invalid(field("apiVersion"), &json!(""), "version must not be empty"));
        }
        for key in ["kind", "name", "uid"] {
            if text(key).is_empty() {
                wrong.push(invalid(field(key), &json!(""), "must not be empty"));
            }
        }
        if owner["controller"] == true {
            controllers.push(format!("{}/{}", text("kind"), text("name")));
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        );
        let shown: Vec<String> = owners.iter().map(owner).collect();
        let message = format!("Invalid value: [{}]: {why}", shown.join(","));
        wrong.push(cause("FieldValueInvalid", "metadata.ownerReferences", message));
    }
}

/// An owner as Go writes it: its fields have an order.
fn owner(owner: &Value) -> String {
    let keys = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
    let field = |key: &&str| owner.get(*key).map(|value| format!("{key:?}:{value}"));
    format!("{{{}}}", keys.iter().filter_map(field).collect::<Vec<_>>().join(","))
}

/// What an update may not change in metadata.
pub(crate) fn change(live: &Value, new: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    for key in ["uid", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        let at = |o: &Value| o.pointer(&format!("/metadata/{key}")).cloned();
        if let Some(value) = at(new).filter(|v| at(live).as_ref() != Some(v)) {
            wrong.push(invalid(format!("metadata.{key}"), &value, "field is immutable"));
        }
    }
    if meta::is_going(live) {
        let old: Vec<&str> = meta::finalizers(live).collect();
        let added: Vec<&str> = meta::finalizers(new).filter(|f| !old.contains(f)).collect();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|f| format!("{f:?}")).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            wrong.push(forbidden("metadata.finalizers", &why));
        }
    }
    wrong
}
