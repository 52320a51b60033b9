//! What every pod of ours gets that its author said nothing about.

use dask_crds::PodSpecJson;
use serde_json::{Map, Value, json};

use crate::plan::merge_patch;

/// Seconds a worker stays bound to a node that does not answer. Kubernetes' default is 300: Dask computes
/// again what was lost long before that.
const LOST_NODE: i64 = 30;
/// What a node has while it does not answer, or says that it is not ready.
const LOST: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// The author's spec, without nulls.
pub(crate) fn spec(spec: &PodSpecJson) -> Map<String, Value> {
    merge_patch::entries(&spec.0)
}

/// No token for the API server, where the author names no service account and says nothing about it:
/// any client that reaches a Dask port runs code in the pod.
pub(crate) fn without_token(spec: &mut Map<String, Value>) {
    const SAID: [&str; 3] = ["serviceAccountName", "serviceAccount", "automountServiceAccountToken"];
    let is_said = |key: &&str| spec.get(*key).is_some_and(|v| v != "");
    if !SAID.iter().any(is_said) {
        spec.insert("automountServiceAccountToken".into(), json!(false));
    }
}

/// A worker moves on quickly from a lost node, unless its author tolerates such nodes as they like. A scheduler and a
/// job's program do not: their end is the end of all work, and most nodes that do not answer come back soon.
pub(crate) fn leave_lost_nodes(spec: &mut Map<String, Value>) {
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    let Some(tolerations) = tolerations.as_array_mut() else { return };
    for key in LOST {
        let covers = |t: &Value| {
            let says =
                |field: &str, value: &str| t[field].as_str().is_none_or(|v| v.is_empty() || v == value);
            says("key", key) && says("effect", "NoExecute")
        };
        if !tolerations.iter().any(covers) {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": LOST_NODE,
            }));
        }
    }
}

/// Appends variables to each container that does not set them itself: the user's value wins, and the
/// user's variables stay first.
pub(crate) fn append_env(spec: &mut Map<String, Value>, vars: &[(&str, &str)]) {
    let containers = spec.get_mut("containers").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        append_env_of(container, vars);
    }
}

/// The same for one container.
pub(crate) fn append_env_of(container: &mut Map<String, Value>, vars: &[(&str, &str)]) {
    let env = container.entry("env").or_insert_with(|| json!([]));
    let Some(env) = env.as_array_mut() else { return };
    for (name, value) in vars {
        if !env.iter().any(|v| v["name"] == *name) {
            env.push(json!({"name": name, "value": value}));
        }
    }
}
