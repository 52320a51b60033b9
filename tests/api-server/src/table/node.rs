//! The row of a node.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NONE, age, or_none, text};
use crate::meta;

const ROLE: &str = "node-role.kubernetes.io/";

/// The cells of a node.
pub(super) fn cells(node: &Value, now: Timestamp) -> Vec<Value> {
    let info = |key: &str| match text(node, &format!("/status/nodeInfo/{key}")) {
        "" => json!("<unknown>"),
        text => json!(text),
    };
    let address = |kind: &str| {
        let mut all = meta::list(node, "/status/addresses").iter();
        json!(all.find(|a| a["type"] == kind).map_or(NONE, |a| text(a, "/address")))
    };
    vec![
        json!(meta::text(node, "name")),
        json!(status(node)),
        json!(roles(node)),
        age::of(node, now),
        json!(text(node, "/status/nodeInfo/kubeletVersion")),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn status(node: &Value) -> String {
    let ready = meta::list(node, "/status/conditions").iter().find(|c| c["type"] == "Ready");
    let status = match ready {
        Some(ready) if ready["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let is_closed = node.pointer("/spec/unschedulable") == Some(&json!(true));
    if is_closed { format!("{status},SchedulingDisabled") } else { status.into() }
}

fn roles(node: &Value) -> String {
    let labels = node.pointer("/metadata/labels").and_then(Value::as_object);
    let mut roles: Vec<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix(ROLE) {
            None if key == "kubernetes.io/role" => value.as_str(),
            role => role,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    or_none(roles.join(","))
}
