//! Answers whose words are long: what a real API server 1.34 said is in `answers.json`, one line an answer.
//!
//! They are written anew with `CONFORMANCE_RECORD`, as `tests/conformance.rs` says.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::answer::{Answer, same};

/// By a name of the case and the step.
static ANSWERS: LazyLock<BTreeMap<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("answers.json")).unwrap_or_default());

/// What is given out or told differently each time.
const GIVEN: &[&str] = &["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "clusterIP"];

/// Answers that are written down and not compared.
#[derive(Debug, Default)]
pub(super) struct Recording(Mutex<BTreeMap<String, Value>>);

impl Recording {
    fn add(&self, key: &str, seen: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_string(), seen);
    }

    /// All answers, the new ones in place of the old ones, as the file has them.
    pub(super) fn text(&self) -> String {
        let mut all = ANSWERS.clone();
        all.extend(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let lines: Vec<String> = all.iter().map(|(key, value)| format!("{}: {value}", json!(key))).collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }
}

/// The answer is the recorded one, or it is recorded.
pub(super) fn compare(
    key: &str,
    answer: Answer,
    namespace: &str,
    recording: Option<&Recording>,
) -> Result<()> {
    let mut seen = json!({"code": answer.code, "body": answer.body});
    if answer.body.is_null() {
        seen["body"] = answer.text.into();
    }
    if !answer.warnings.is_empty() {
        seen["warnings"] = answer.warnings.into();
    }
    sort_causes(&mut seen["body"]);
    scrub(&mut seen, namespace);
    match recording {
        Some(recording) => recording.add(key, seen),
        None => same(key, &seen, ANSWERS.get(key).with_context(|| format!("{key:?} was never recorded"))?)?,
    }
    Ok(())
}

/// Takes out what no two servers say alike.
fn scrub(value: &mut Value, namespace: &str) {
    match value {
        Value::Object(map) => {
            map.remove("managedFields");
            for (key, value) in map.iter_mut() {
                if GIVEN.contains(&key.as_str()) && value.is_string() && value != "None" && value != "" {
                    *value = "GIVEN".into();
                } else if key == "clusterIPs" {
                    *value = json!(["GIVEN"]);
                } else {
                    scrub(value, namespace);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| scrub(value, namespace)),
        Value::String(text) => *text = without_object(&text.replace(namespace, "NAMESPACE")),
        _ => {}
    }
}

/// A schema's properties and an object's managers are looked at in no certain order: the causes are put into one, and the message made of them.
fn sort_causes(body: &mut Value) {
    let ours = body.pointer("/details/group").is_some_and(|group| group == "kubernetes.dask.org");
    let first = body.pointer("/details/causes/0/reason").and_then(Value::as_str);
    if !ours && first != Some("FieldManagerConflict") {
        return;
    }
    let Some(causes) = body.pointer_mut("/details/causes").and_then(Value::as_array_mut) else { return };
    causes.sort_by_key(Value::to_string);
    let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_string();
    let lines: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message"))).collect();
    let message = text(body, "message");
    if lines.len() > 1 && lines.iter().all(|line| message.contains(line)) {
        let start = message.split("is invalid: ").next().unwrap_or_default();
        body["message"] = format!("{start}is invalid, in any order: {}", lines.join(", ")).into();
    }
}

/// A patch that makes an object of a wrong shape is answered with all of the object, and with what is wrong.
fn without_object(text: &str) -> String {
    let start = "Invalid value: \"{\\\"";
    match (text.find(start), text.rfind("}\": ")) {
        (Some(from), Some(to)) if from < to => {
            format!("{}Invalid value: OBJECT: {}", &text[..from], &text[to + 4..])
        }
        _ => text.to_string(),
    }
}
