//! Containers, and what else a pod's specification can have wrong.

use serde_json::{Map, Value, json};

use super::{duplicate, invalid, required, unsupported};
use crate::{meta, names, quantity::Quantity, schema::Cause};

/// Sets the defaults of a container.
pub(super) fn default(container: &mut Map<String, Value>) {
    meta::or_put(container, "terminationMessagePath", "/dev/termination-log");
    meta::or_put(container, "terminationMessagePolicy", "File");
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = if pulls_always(image) { "Always" } else { "IfNotPresent" };
    meta::or_put(container, "imagePullPolicy", policy);
    let resources = meta::as_map(container.entry("resources").or_insert(Value::Null));
    if let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() {
        let requests = meta::as_map(resources.entry("requests").or_insert(Value::Null));
        for (what, amount) in limits {
            requests.entry(what).or_insert(amount);
        }
    }
    for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        meta::or_put(meta::as_map(port), "protocol", "TCP");
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(key) {
            self::probe(meta::as_map(probe));
        }
    }
    for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            meta::or_put(meta::as_map(field), "apiVersion", "v1");
        }
    }
}

fn probe(probe: &mut Map<String, Value>) {
    for (key, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        meta::or_put(probe, key, value);
    }
    if let Some(get) = probe.get_mut("httpGet") {
        meta::or_put(meta::as_map(get), "path", "/");
        meta::or_put(meta::as_map(get), "scheme", "HTTP");
    }
}

/// An image without a tag, or with the tag `latest`, is pulled each time.
fn pulls_always(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// What is wrong with a pod's specification.
pub(super) fn pod_spec(spec: &Value, path: &str, wrong: &mut Vec<Cause>) {
    let containers = meta::list(spec, "/containers");
    if containers.is_empty() {
        wrong.push(required(format!("{path}.containers"), ""));
    }
    let mut seen = Vec::new();
    for list in ["containers", "initContainers"] {
        for (i, item) in meta::list(spec, &format!("/{list}")).iter().enumerate() {
            container(item, &format!("{path}.{list}[{i}]"), &mut seen, wrong);
        }
    }
    let policy = &spec["restartPolicy"];
    if !["Always", "OnFailure", "Never"].iter().any(|p| policy == p) {
        wrong.push(unsupported(format!("{path}.restartPolicy"), policy, &["Always", "OnFailure", "Never"]));
    }
}

fn container(item: &Value, path: &str, seen: &mut Vec<String>, wrong: &mut Vec<Cause>) {
    let name = item["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        wrong.push(required(format!("{path}.name"), ""));
    } else {
        wrong.extend(names::label(name).iter().map(|why| invalid(format!("{path}.name"), &json!(name), why)));
    }
    let image = item["image"].as_str().unwrap_or_default();
    if image.is_empty() {
        wrong.push(required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        let why = "must not have leading or trailing whitespace";
        wrong.push(invalid(format!("{path}.image"), &json!(image), why));
    }
    if seen.iter().any(|s| s == name) {
        wrong.push(duplicate(format!("{path}.name"), &json!(name)));
    }
    seen.push(name.to_string());
    ports(meta::list(item, "/ports"), path, wrong);
    resources(&item["resources"], &format!("{path}.resources"), wrong);
}

fn ports(ports: &[Value], path: &str, wrong: &mut Vec<Cause>) {
    let mut names = Vec::new();
    for (i, port) in ports.iter().enumerate() {
        let at = |key: &str| format!("{path}.ports[{i}].{key}");
        if let Some(name) = port["name"].as_str() {
            wrong.extend(names::port(name).iter().map(|why| invalid(at("name"), &json!(name), why)));
            if names.contains(&name) {
                wrong.push(duplicate(at("name"), &json!(name)));
            }
            names.push(name);
        }
        match port["containerPort"].as_i64() {
            None | Some(0) => wrong.push(required(at("containerPort"), "")),
            Some(1..=65535) => {}
            Some(_) => {
                let why = "must be between 1 and 65535, inclusive";
                wrong.push(invalid(at("containerPort"), &port["containerPort"], why));
            }
        }
        if !["TCP", "UDP", "SCTP"].iter().any(|p| port["protocol"] == *p) {
            wrong.push(unsupported(at("protocol"), &port["protocol"], &["SCTP", "TCP", "UDP"]));
        }
    }
}

fn resources(resources: &Value, path: &str, wrong: &mut Vec<Cause>) {
    let amounts = |kind: &str| resources[kind].as_object().cloned().unwrap_or_default();
    let (limits, requests) = (amounts("limits"), amounts("requests"));
    let read = |v: &Value| v.as_str().and_then(|t| Quantity::parse(t).ok());
    for (kind, list) in [("limits", &limits), ("requests", &requests)] {
        for (what, amount) in list {
            if read(amount).is_some_and(|q| q.is_negative()) {
                let why = "must be greater than or equal to 0";
                wrong.push(invalid(format!("{path}.{kind}[{what}]"), amount, why));
            }
        }
    }
    for (what, request) in &requests {
        if let (Some(request_amount), Some(limit)) = (read(request), limits.get(what).and_then(read))
            && request_amount > limit
        {
            let why = format!(
                "must be less than or equal to {what} limit of {}",
                limits.get(what).and_then(Value::as_str).unwrap_or_default()
            );
            wrong.push(invalid(format!("{path}.requests"), request, &why));
        }
    }
}
