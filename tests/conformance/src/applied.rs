//! What the cases of server-side apply are made with.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Ground, answer::Answer, ground::Patch, manifests::group};

/// An apply by this manager.
pub(super) async fn apply(ground: &Ground, manager: &str, path: &str, body: &Value) -> Result<Answer> {
    let sign = if path.contains('?') { '&' } else { '?' };
    ground.patch(Patch::Apply, &format!("{path}{sign}fieldManager={manager}"), body).await
}

/// Who manages what, without times and in an order that does not come from them.
pub(super) fn managers(object: &Value) -> Value {
    let mut managers = object["metadata"]["managedFields"].clone();
    for entry in managers.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        entry.remove("time");
    }
    if let Some(entries) = managers.as_array_mut() {
        entries.sort_by_key(Value::to_string);
    }
    managers
}

/// An entry of managedFields.
pub(super) fn entry(manager: &str, operation: &str, version: &str, fields: Value) -> Value {
    json!({
        "manager": manager, "operation": operation, "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": fields,
    })
}

/// The version of our kinds.
pub(super) const DASK: &str = "kubernetes.dask.org/v1";

/// No more than must be.
pub(super) fn small(replicas: i32) -> Value {
    let mut body = group("a");
    body["spec"]["worker"]["replicas"] = json!(replicas);
    body
}

/// A manager that did not apply is told with the time of its write.
pub(super) fn scrubbed(mut answer: Answer) -> Answer {
    fn walk(value: &mut Value) {
        match value {
            Value::String(text) => {
                let words: Vec<&str> = text.split(' ').collect();
                let timeless: Vec<String> = words.iter().map(|word| without_time(word)).collect();
                *text = timeless.join(" ");
            }
            Value::Array(list) => list.iter_mut().for_each(walk),
            Value::Object(map) => map.values_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut answer.body);
    answer
}

fn without_time(word: &str) -> String {
    let bare = word.trim_end_matches([':', ',', '\n']);
    match bare.lines().next().filter(|line| line.parse::<jiff::Timestamp>().is_ok()) {
        Some(time) => word.replace(time, "TIME"),
        None => word.to_string(),
    }
}

/// The managers as an answer that can be recorded.
pub(super) fn only_managers(object: &Value) -> Answer {
    Answer::made_of(json!({"managers": managers(object)}))
}
