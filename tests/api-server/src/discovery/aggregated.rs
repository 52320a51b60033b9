//! Discovery in one answer: all groups with all their resources.

use serde_json::{Value, json};

/// The media type of the answer.
pub(super) const MEDIA: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Whether this form is the first that a client wants.
pub(super) fn is_wanted(accept: &str) -> bool {
    let first = accept.split(',').next().unwrap_or_default();
    let has = |wanted: &str| first.split(';').any(|part| part.trim() == wanted);
    has("as=APIGroupDiscoveryList") && has("v=v2") && has("application/json")
}

/// The answer, made of groups, versions and lists of resources.
pub(super) fn of(groups: impl Iterator<Item = (String, String, Value)>) -> Value {
    let items = groups.map(|(group, version, list)| {
        let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
        let resources = resources(&group, &version, crate::meta::list(&list, "/resources"));
        let version = json!({"version": version, "resources": resources, "freshness": "Current"});
        json!({"metadata": metadata, "versions": [version]})
    });
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": items.collect::<Vec<_>>(),
    })
}

fn resources(group: &str, version: &str, list: &[Value]) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for told in list {
        let name = told["name"].as_str().unwrap_or_default();
        let (main, sub) = name.split_once('/').unwrap_or((name, ""));
        let kind = json!({
            "group": told["group"].as_str().unwrap_or(group),
            "version": told["version"].as_str().unwrap_or(version),
            "kind": told["kind"],
        });
        if !sub.is_empty() {
            let part = json!({"subresource": sub, "responseKind": kind, "verbs": told["verbs"]});
            let of = all.iter_mut().find(|r| r["resource"] == main);
            if let Some(Value::Array(parts)) = of.map(|r| &mut r["subresources"]) {
                parts.push(part);
            }
            continue;
        }
        let mut resource = json!({
            "resource": main, "responseKind": kind, "singularResource": told["singularName"],
            "scope": if told["namespaced"] == true { "Namespaced" } else { "Cluster" },
            "verbs": told["verbs"], "subresources": [],
        });
        for key in ["shortNames", "categories"] {
            if let Some(list) = told.get(key) {
                resource[key] = list.clone();
            }
        }
        all.push(resource);
    }
    all
}
