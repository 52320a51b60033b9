//! What `kubectl apply` without `--server-side` left behind: an annotation with what was applied last.

use serde_json::Value;

use super::{Apply, Conflict, collect, compare, fields};

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn annotation(object: &Value) -> Option<&str> {
    let text = object.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

/// The conflicts that are left: what kubectl applied itself, and no other client changed since, is none.
pub(super) fn left(live: &Value, conflicts: Vec<Conflict>, request: &Apply<'_>) -> Vec<Conflict> {
    let last = annotation(live).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let Some(last) = last.filter(|last| last["apiVersion"] == request.api_version) else { return conflicts };
    let root = request.lists.root();
    let changes = compare::compare(root, &last, live);
    let mut own = collect::fields_of(root, &last);
    for set in [&changes.changed, &changes.added, &changes.removed] {
        fields::subtract(&mut own, set);
    }
    let own = fields::paths(&own);
    conflicts.into_iter().filter(|conflict| !own.contains(&conflict.field)).collect()
}

/// Writes what is applied into the annotation, where there is one.
pub(super) fn renew(object: &mut Value, config: &Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut config = config.clone();
    if let Some(Value::Object(annotations)) = config.pointer_mut("/metadata/annotations") {
        annotations.remove(ANNOTATION);
    }
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.insert(ANNOTATION.to_owned(), format!("{config}\n").into());
    }
}
