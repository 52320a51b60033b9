//! Pods: defaults, admission, validation of new ones.

use serde_json::{Map, Value, json};

use super::{container, pod_spec};
use crate::{kinds::Kind, meta, quantity::Quantity, schema::Cause, status::Status, store::State};

/// Sets the defaults of a pod's specification.
pub(super) fn default(spec: &mut Map<String, Value>) {
    default_template(spec);
    meta::or_put(spec, "enableServiceLinks", true);
}

/// Sets the defaults of a pod's specification in a template.
pub(super) fn default_template(spec: &mut Map<String, Value>) {
    for (key, value) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("securityContext", json!({})),
        ("schedulerName", json!("default-scheduler")),
    ] {
        meta::or_put(spec, key, value);
    }
    if spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64).is_some_and(|s| s < 0) {
        spec.insert("terminationGracePeriodSeconds".into(), json!(1));
    }
    if let Some(name) = spec.get("serviceAccountName").cloned() {
        meta::or_put(spec, "serviceAccount", name);
    } else if let Some(name) = spec.get("serviceAccount").cloned() {
        meta::or_put(spec, "serviceAccountName", name);
    }
    let is_on_host = spec.get("hostNetwork") == Some(&json!(true));
    for list in ["containers", "initContainers"] {
        for item in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let item = meta::as_map(item);
            // No other policy, and none of usual containers, without a feature that is off.
            if list == "containers" || item.get("restartPolicy").is_some_and(|p| p != "Always") {
                item.remove("restartPolicy");
            }
            container::default(item, is_on_host);
        }
    }
    for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        self::volume(meta::as_map(volume));
    }
}

fn volume(volume: &mut Map<String, Value>) {
    for (kind, mode) in [("secret", 420), ("configMap", 420), ("projected", 420), ("downwardAPI", 420)] {
        if let Some(source) = volume.get_mut(kind) {
            meta::or_put(meta::as_map(source), "defaultMode", mode);
        }
    }
    if let Some(host) = volume.get_mut("hostPath") {
        meta::or_put(meta::as_map(host), "type", "");
    }
    if volume.len() == 1 {
        volume.insert("emptyDir".into(), json!({}));
    }
}

/// What admission adds to a new pod, and its first status.
pub(super) fn admit(state: &State, kind: &Kind, pod: &mut Value) -> Result<(), Status> {
    let (namespace, name) = (meta::text(pod, "namespace").to_string(), meta::text(pod, "name").to_string());
    let spec = meta::map(pod, "spec");
    meta::or_put(spec, "serviceAccountName", "default");
    let account = spec["serviceAccountName"].clone();
    meta::or_put(spec, "serviceAccount", account.clone());
    let account = account.as_str().unwrap_or_default();
    // The account `default` comes with each namespace; no controller makes it here.
    if account != "default" && !state.has("serviceaccounts", &namespace, account) {
        let why = format!(
            "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
        );
        return Err(Status::forbidden(kind, &name, &why));
    }
    priority(kind, &name, spec)?;
    tolerations(spec);
    let status = json!({"phase": "Pending", "qosClass": quality(&pod["spec"])});
    meta::as_map(pod).insert("status".into(), status);
    Ok(())
}

/// There are no priority classes here but those that come with a cluster.
fn priority(kind: &Kind, name: &str, spec: &mut Map<String, Value>) -> Result<(), Status> {
    let class = spec.get("priorityClassName").and_then(Value::as_str).unwrap_or_default();
    let computed = match class {
        "" => 0,
        "system-cluster-critical" => 2_000_000_000,
        "system-node-critical" => 2_000_001_000,
        other => {
            let why = format!("no PriorityClass with name {other} was found");
            return Err(Status::forbidden(kind, name, &why));
        }
    };
    let source = "priority admission controller computed";
    if let Some(given) = spec.get("priority").and_then(Value::as_i64).filter(|p| *p != computed) {
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; {source} {computed} from the \
             given PriorityClass name"
        );
        return Err(Status::forbidden(kind, name, &why));
    }
    let usual = "PreemptLowerPriority";
    if let Some(given) = spec.get("preemptionPolicy").and_then(Value::as_str).filter(|p| *p != usual) {
        let why = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; {source} {usual} from \
             the given PriorityClass name"
        );
        return Err(Status::forbidden(kind, name, &why));
    }
    spec.insert("priority".into(), json!(computed));
    spec.insert("preemptionPolicy".into(), json!(usual));
    Ok(())
}

fn tolerations(spec: &mut Map<String, Value>) {
    let list = spec.entry("tolerations").or_insert(json!([]));
    let Some(list) = list.as_array_mut() else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let is_told = list.iter().any(|t| {
            let of = |field: &str| t[field].as_str().unwrap_or_default();
            (of("key") == key || of("key").is_empty()) && matches!(of("effect"), "NoExecute" | "")
        });
        if !is_told {
            list.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
}

/// The quality of service.
fn quality(spec: &Value) -> &'static str {
    let containers = || meta::list(spec, "/containers").iter().chain(meta::list(spec, "/initContainers"));
    let amount = |c: &Value, kind: &str, what: &str| {
        let text = c["resources"][kind][what].as_str().map(String::from)?;
        Quantity::parse(&text).ok().filter(|q| !q.is_zero())
    };
    let kinds = ["cpu", "memory"];
    let has_any = containers()
        .any(|c| kinds.iter().any(|w| amount(c, "requests", w).or_else(|| amount(c, "limits", w)).is_some()));
    if !has_any {
        return "BestEffort";
    }
    let is_guaranteed = containers().all(|c| {
        kinds.iter().all(|w| match (amount(c, "requests", w), amount(c, "limits", w)) {
            (Some(request), Some(limit)) => request == limit,
            _ => false,
        })
    });
    if is_guaranteed { "Guaranteed" } else { "Burstable" }
}

/// What is wrong with a new pod.
pub(super) fn validate(pod: &Value) -> Vec<Cause> {
    let mut wrong = Vec::new();
    pod_spec::check(&pod["spec"], "spec", &mut wrong);
    pod_spec::check_images(&pod["spec"], "spec", &mut wrong);
    wrong
}
