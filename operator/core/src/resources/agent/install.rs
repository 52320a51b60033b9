//! The init container that copies the agent to where the worker finds it.

use serde_json::{Map, Value, json};

use crate::{
    model::names,
    resources::agent_plan::{PATH, Settings},
};

/// What of a container's security context its author had to say, where a namespace demands it of each. (Without a seccomp
/// profile of its own a container has the pod's, and some security context constraints of OpenShift take none.)
const SECURITY: [&str; 4] = ["runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile"];
/// What the init container may use of what the worker has. Devices and huge pages are not for it: a quota counts them
/// once, but not every cluster lets an init container ask for them.
const RESOURCES: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// The first container to run. It asks for what the worker asks for: less might be refused by a quota or a limit range,
/// and a pod is given the larger of the two, not the sum.
pub(crate) fn container(worker: &Map<String, Value>, image: &str, settings: &Settings) -> Value {
    let mut security = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
    });
    let of_worker = |key: &str| worker.get(key).unwrap_or(&Value::Null);
    copy(of_worker("securityContext"), &SECURITY, &mut security);
    let mut container = json!({
        "name": names::AGENT,
        "image": image,
        "command": ["/dask-agent", "install", PATH],
        "volumeMounts": [{"name": names::AGENT, "mountPath": PATH}],
        "securityContext": security,
    });
    if let Some(policy) = &settings.pull_policy {
        container["imagePullPolicy"] = json!(policy);
    }
    let mut resources = json!({});
    for amounts in ["requests", "limits"] {
        let mut own = json!({});
        copy(&of_worker("resources")[amounts], &RESOURCES, &mut own);
        if own != json!({}) {
            resources[amounts] = own;
        }
    }
    if resources != json!({}) {
        container["resources"] = resources;
    }
    container
}

fn copy(from: &Value, keys: &[&str], to: &mut Value) {
    for key in keys {
        if let Some(value) = from.get(*key) {
            to[*key] = value.clone();
        }
    }
}
