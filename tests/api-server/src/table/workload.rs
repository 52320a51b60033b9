//! The rows of Deployments and ReplicaSets.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{age, number, or_none, text};
use crate::meta;

/// The cells of a Deployment.
pub(super) fn deployment(object: &Value, now: Timestamp) -> Vec<Value> {
    let ready = format!("{}/{}", number(object, "/status/readyReplicas"), number(object, "/spec/replicas"));
    let mut cells = vec![
        json!(meta::text(object, "name")),
        json!(ready),
        json!(number(object, "/status/updatedReplicas")),
        json!(number(object, "/status/availableReplicas")),
        age::of(object, now),
    ];
    cells.extend(template(object));
    cells
}

/// The cells of a ReplicaSet.
pub(super) fn replica_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![
        json!(meta::text(object, "name")),
        json!(number(object, "/spec/replicas")),
        json!(number(object, "/status/replicas")),
        json!(number(object, "/status/readyReplicas")),
        age::of(object, now),
    ];
    cells.extend(template(object));
    cells
}

/// Containers, images and selector.
fn template(object: &Value) -> [Value; 3] {
    let containers = meta::list(object, "/spec/template/spec/containers");
    let all = |at: &str| containers.iter().map(|c| text(c, at)).collect::<Vec<_>>().join(",");
    [json!(all("/name")), json!(all("/image")), json!(selector(&object["spec"]["selector"]))]
}

/// A selector in one line, in the order of its keys.
fn selector(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let equal = labels.map(|(key, value)| {
        let term = format!("{key}={}", value.as_str().unwrap_or_default());
        (key.as_str(), term)
    });
    let more = meta::list(selector, "/matchExpressions").iter().map(|expression| {
        let key = text(expression, "/key");
        let mut values: Vec<&str> =
            meta::list(expression, "/values").iter().filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let term = match text(expression, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.into(),
        };
        (key, term)
    });
    let mut terms: Vec<(&str, String)> = equal.chain(more).collect();
    terms.sort_by_key(|(key, _)| *key);
    or_none(terms.into_iter().map(|(_, term)| term).collect::<Vec<_>>().join(","))
}
