//! Containers: defaults.

use serde_json::{Map, Value};

use crate::meta;

/// Sets the defaults of a container.
pub(super) fn default(container: &mut Map<String, Value>, is_on_host: bool) {
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
        let port = meta::as_map(port);
        meta::or_put(port, "protocol", "TCP");
        if let Some(number) = port.get("containerPort").filter(|_| is_on_host).cloned() {
            meta::or_put(port, "hostPort", number);
        }
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
