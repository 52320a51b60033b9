//! Containers: what can be wrong with them.

use serde_json::{Map, Value, json};

use super::{cause, duplicate, forbidden, invalid, required, unsupported};
use crate::{meta, names, quantity::Quantity, schema::Cause};

const PORT: &str = "must be between 1 and 65535, inclusive";
const NOT_NEGATIVE: &str = "must be greater than or equal to 0";
const ID: &str = "must be between 0 and 2147483647, inclusive";
const RESOURCES: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "storage"];

/// What is known of the pod while its containers are looked at.
pub(super) struct Pod<'a> {
    pub volumes: Vec<&'a str>,
    pub is_on_host: bool,
    pub names: Vec<&'a str>,
}

/// What is wrong with one container.
pub(super) fn check<'a>(item: &'a Value, path: &str, pod: &mut Pod<'a>, wrong: &mut Vec<Cause>) {
    let text = |key: &str| item[key].as_str().unwrap_or_default();
    let name = item["name"].as_str().unwrap_or_default();
    let image = text("image");
    if name.is_empty() {
        wrong.push(required(format!("{path}.name"), ""));
    } else {
        wrong.extend(names::label(name).iter().map(|why| invalid(format!("{path}.name"), &json!(name), why)));
    }
    if image.is_empty() {
        wrong.push(required(format!("{path}.image"), ""));
    }
    if !["File", "FallbackToLogsOnError"].contains(&text("terminationMessagePolicy")) {
        let policy = &item["terminationMessagePolicy"];
        let known = ["File", "FallbackToLogsOnError"];
        wrong.push(unsupported(format!("{path}.terminationMessagePolicy"), policy, &known));
    }
    ports(item, path, pod, wrong);
    environment(item, path, wrong);
    mounts(item, path, pod, wrong);
    if !["Always", "IfNotPresent", "Never"].contains(&text("imagePullPolicy")) {
        let known = ["Always", "IfNotPresent", "Never"];
        wrong.push(unsupported(format!("{path}.imagePullPolicy"), &item["imagePullPolicy"], &known));
    }
    resources(&item["resources"], &format!("{path}.resources"), wrong);
    security(&item["securityContext"], &format!("{path}.securityContext"), wrong);
    if !name.is_empty() && pod.names.contains(&name) {
        wrong.push(duplicate(format!("{path}.name"), &json!(name)));
    }
    pod.names.push(name);
    for hook in ["postStart", "preStop"] {
        if item["lifecycle"].get(hook).is_some_and(|h| !has_handler(h)) {
            wrong.push(required(format!("{path}.lifecycle.{hook}"), "must specify a handler type"));
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = item.get(key) {
            self::probe(probe, &format!("{path}.{key}"), wrong);
        }
    }
}

/// What is looked at after all containers.
pub(super) fn image_space(item: &Value, path: &str, wrong: &mut Vec<Cause>) {
    let image = item["image"].as_str().unwrap_or_default();
    if image.trim() != image {
        let why = "must not have leading or trailing whitespace";
        wrong.push(invalid(format!("{path}.image"), &json!(image), why));
    }
}

fn has_handler(value: &Value) -> bool {
    ["exec", "httpGet", "tcpSocket", "sleep", "grpc"].iter().any(|h| value.get(*h).is_some())
}

fn probe(probe: &Value, path: &str, wrong: &mut Vec<Cause>) {
    if !has_handler(probe) {
        wrong.push(required(path, "must specify a handler type"));
    }
    for handler in ["httpGet", "tcpSocket"] {
        match &probe[handler]["port"] {
            Value::Number(port) if !port.as_i64().is_some_and(|p| (1..=65535).contains(&p)) => {
                wrong.push(invalid(format!("{path}.{handler}.port"), &json!(port), PORT));
            }
            Value::String(name) => {
                let field = format!("{path}.{handler}.port");
                wrong.extend(names::port(name).iter().map(|why| invalid(field.clone(), &json!(name), why)));
            }
            _ => {}
        }
    }
    let numbers =
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
    for key in numbers {
        if probe[key].as_i64().is_some_and(|n| n < 0) {
            wrong.push(invalid(format!("{path}.{key}"), &probe[key], NOT_NEGATIVE));
        }
    }
}

fn ports(item: &Value, path: &str, pod: &Pod<'_>, wrong: &mut Vec<Cause>) {
    let mut names = Vec::new();
    for (i, port) in meta::list(item, "/ports").iter().enumerate() {
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
            Some(_) => wrong.push(invalid(at("containerPort"), &port["containerPort"], PORT)),
        }
        if port["hostPort"].as_i64().is_some_and(|n| n != 0 && !(1..=65535).contains(&n)) {
            wrong.push(invalid(at("hostPort"), &port["hostPort"], PORT));
        }
        if pod.is_on_host && port["hostPort"] != port["containerPort"] {
            let why = "must match `containerPort` when `hostNetwork` is true";
            wrong.push(invalid(at("containerPort"), &port["containerPort"], why));
        }
        if !["TCP", "UDP", "SCTP"].iter().any(|p| port["protocol"] == *p) {
            wrong.push(unsupported(at("protocol"), &port["protocol"], &["SCTP", "TCP", "UDP"]));
        }
    }
}

fn environment(item: &Value, path: &str, wrong: &mut Vec<Cause>) {
    const SOURCES: [&str; 4] = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"];
    for (i, variable) in meta::list(item, "/env").iter().enumerate() {
        let at = |key: &str| format!("{path}.env[{i}].{key}");
        let name = variable["name"].as_str().unwrap_or_default();
        let is_fine = |b: u8| (b == b' ' || b.is_ascii_graphic()) && b != b'=';
        if name.is_empty() {
            wrong.push(required(at("name"), ""));
        } else if !name.bytes().all(is_fine) {
            let why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
            wrong.push(invalid(at("name"), &json!(name), why));
        }
        let Some(from) = variable.get("valueFrom") else { continue };
        let sources = SOURCES.iter().filter(|s| from.get(**s).is_some()).count();
        if sources == 0 {
            let why =
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
            wrong.push(invalid(at("valueFrom"), &json!(""), why));
        } else if variable["value"].as_str().is_some_and(|v| !v.is_empty()) {
            let why = "may not be specified when `value` is not empty";
            wrong.push(invalid(at("valueFrom"), &json!(""), why));
        } else if sources > 1 {
            wrong.push(invalid(
                at("valueFrom"),
                &json!(""),
                "may not have more than one field specified at a time",
            ));
        }
        if let Some(field) = from.pointer("/fieldRef/fieldPath").and_then(Value::as_str)
            && !is_field(field)
        {
            let why = format!("error converting fieldPath: field label not supported: {field}");
            wrong.push(invalid(at("valueFrom.fieldRef.fieldPath"), &json!(field), &why));
        }
    }
    for source in meta::list(item, "/envFrom") {
        if source.get("configMapRef").is_none() && source.get("secretRef").is_none() {
            let why = "must specify one of: `configMapRef` or `secretRef`";
            wrong.push(invalid(format!("{path}.envFrom"), &json!(""), why));
        }
    }
}

/// What of a pod its containers may be told.
fn is_field(path: &str) -> bool {
    let of_map = ["metadata.annotations['", "metadata.labels['"].iter().any(|p| path.starts_with(p));
    of_map
        || matches!(
            path,
            "metadata.name"
                | "metadata.namespace"
                | "metadata.uid"
                | "metadata.labels"
                | "metadata.annotations"
                | "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.serviceAccountName"
                | "spec.schedulerName"
                | "spec.hostname"
                | "status.phase"
                | "status.hostIP"
                | "status.hostIPs"
                | "status.podIP"
                | "status.podIPs"
        )
}

fn mounts(item: &Value, path: &str, pod: &Pod<'_>, wrong: &mut Vec<Cause>) {
    let mut seen = Vec::new();
    for (i, mount) in meta::list(item, "/volumeMounts").iter().enumerate() {
        let at = |key: &str| format!("{path}.volumeMounts[{i}].{key}");
        let (name, target) =
            (mount["name"].as_str().unwrap_or_default(), mount["mountPath"].as_str().unwrap_or_default());
        if name.is_empty() {
            wrong.push(required(at("name"), ""));
        }
        if !pod.volumes.contains(&name) {
            wrong.push(cause("FieldValueNotFound", at("name"), format!("Not found: {name:?}")));
        }
        if target.is_empty() {
            wrong.push(required(at("mountPath"), ""));
        }
        if seen.contains(&target) {
            wrong.push(invalid(at("mountPath"), &json!(target), "must be unique"));
        }
        seen.push(target);
    }
}

fn security(context: &Value, path: &str, wrong: &mut Vec<Cause>) {
    for key in ["runAsUser", "runAsGroup", "fsGroup"] {
        if context[key].as_i64().is_some_and(|n| !(0..=2_147_483_647).contains(&n)) {
            wrong.push(invalid(format!("{path}.{key}"), &context[key], ID));
        }
    }
}

/// What is wrong with the security context of a pod.
pub(super) fn pod_security(context: &Value, path: &str, wrong: &mut Vec<Cause>) {
    security(context, path, wrong);
}

/// What is wrong with requests and limits.
pub(super) fn resources(resources: &Value, path: &str, wrong: &mut Vec<Cause>) {
    let empty = serde_json::Map::new();
    let amounts = |kind: &str| resources[kind].as_object().unwrap_or(&empty);
    let read = |v: &Value| v.as_str().and_then(|t| Quantity::parse(t).ok());
    for kind in ["limits", "requests"] {
        for (what, amount) in amounts(kind) {
            let at = format!("{path}.{kind}[{what}]");
            name(what, &at, wrong);
            let Some(quantity) = read(amount) else { continue };
            if quantity.is_negative() {
                wrong.push(invalid(at, amount, NOT_NEGATIVE));
            } else if is_extended(what) && !quantity.is_whole() {
                wrong.push(invalid(at, amount, "must be an integer"));
            }
        }
    }
    let limits = amounts("limits");
    for (what, request) in amounts("requests") {
        let limit = limits.get(what);
        let (Some(asked), most) = (read(request), limit.and_then(read)) else { continue };
        let at = format!("{path}.requests");
        match (most, limit) {
            (Some(most), Some(limit)) if is_extended(what) && asked != most => {
                let why = format!("must be equal to {what} limit of {}", limit.as_str().unwrap_or_default());
                wrong.push(invalid(at, request, &why));
            }
            (Some(most), Some(limit)) if asked > most => {
                let limit = limit.as_str().unwrap_or_default();
                let why = format!("must be less than or equal to {what} limit of {limit}");
                wrong.push(invalid(at, request, &why));
            }
            (None, _) if is_extended(what) => {
                let why = "Limit must be set for non overcommitable resources";
                wrong.push(required(format!("{path}.limits"), why));
            }
            _ => {}
        }
    }
    if huge_pages(limits, amounts("requests")) {
        wrong.push(forbidden(path, "HugePages require cpu or memory"));
    }
}

/// Huge pages are given to what asks for processors or memory, too.
fn huge_pages(limits: &Map<String, Value>, requests: &Map<String, Value>) -> bool {
    let mut all = limits.keys().chain(requests.keys());
    let is_usual = |what: &String| matches!(what.as_str(), "cpu" | "memory");
    all.clone().any(|what| what.starts_with("hugepages-")) && !all.any(is_usual)
}

fn is_extended(what: &str) -> bool {
    what.contains('/') && !what.starts_with("kubernetes.io/") || what.starts_with("hugepages-")
}

fn name(what: &str, at: &str, wrong: &mut Vec<Cause>) {
    for why in names::label_key(what) {
        wrong.push(invalid(at, &json!(what), &why));
    }
    if !what.contains('/') && !RESOURCES.contains(&what) && !what.starts_with("hugepages-") {
        wrong.push(invalid(at, &json!(what), "must be a standard resource type or fully qualified"));
        wrong.push(invalid(at, &json!(what), "must be a standard resource for containers"));
    }
}
