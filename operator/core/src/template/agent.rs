//! What a worker pod gets to run its worker under the agent. Nothing of it is part of the template's hash.

use dask_crds::AgentMode;
use serde_json::{Map, Value, json};

use super::pods;
use crate::{
    agent::{PATH, Plan, Settings},
    names,
};

/// Port on which the agent says whether its worker is ready.
const PORT: u16 = 8790;
/// Seconds a pod has to end where its author says nothing; Kubernetes' default is 30. Results must be copied to
/// other workers meanwhile. A node that is reclaimed gives less, 30 to 120 s, and then that counts.
const GRACE: i64 = 120;
/// What of a container's security context its author had to say, where a namespace demands it of each.
const USER: [&str; 3] = ["runAsUser", "runAsGroup", "runAsNonRoot"];

/// Puts the agent into a pod, as planned.
pub(super) fn inject(spec: &mut Map<String, Value>, plan: &Plan<'_>, settings: &Settings) {
    let Plan::Run { mode, image, container, dashboard, .. } = plan else { return };
    let host_network = spec.get("hostNetwork") == Some(&json!(true));
    let grace = spec.entry("terminationGracePeriodSeconds").or_insert(json!(GRACE)).to_string();
    let containers = spec.get_mut("containers").and_then(Value::as_array_mut);
    let worker = containers.and_then(|c| c.get_mut(*container)).and_then(Value::as_object_mut);
    let Some(worker) = worker else { return };

    let install = init_container(worker, image, settings);
    run_under_the_agent(worker);
    let port = if host_network { 0 } else { PORT }.to_string();
    pods::append_env_of(worker, &[("DASK_AGENT_PORT", &port), ("DASK_AGENT_GRACE_SECONDS", &grace)]);
    if *mode == AgentMode::Full {
        pods::append_env_of(worker, &[("DASK_AGENT_MODE", "full")]);
    }
    if !dashboard {
        pods::append_env_of(worker, &[("DASK_AGENT_DASHBOARD", "false")]);
    }
    push(worker, "volumeMounts", json!({"name": names::AGENT, "mountPath": PATH, "readOnly": true}));
    // Pods on their node's network would fight for the port.
    if !host_network && let Some(port) = port_of(worker) {
        worker.entry("readinessProbe").or_insert_with(
            || json!({"httpGet": {"path": "/readyz", "port": port}, "periodSeconds": 2, "timeoutSeconds": 2}),
        );
    }

    push(spec, "volumes", json!({"name": names::AGENT, "emptyDir": {}}));
    if let Some(list) = list(spec, "initContainers") {
        list.insert(0, install);
    }
    for name in &settings.pull_secrets {
        let secret = json!({ "name": name });
        if let Some(list) = list(spec, "imagePullSecrets").filter(|l| !l.contains(&secret)) {
            list.push(secret);
        }
    }
}

/// The first container to run: it copies the agent to where the worker finds it. It asks for what the worker asks
/// for: less might be refused by a quota or a limit range, and a pod is given the larger of the two, not the sum.
fn init_container(worker: &Map<String, Value>, image: &str, settings: &Settings) -> Value {
    let mut security = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
        "readOnlyRootFilesystem": true,
    });
    let of_worker = |key: &str| worker.get(key).unwrap_or(&Value::Null);
    let copy = |from: &Value, keys: &[&str], to: &mut Value| {
        for key in keys {
            if let Some(value) = from.get(*key) {
                to[*key] = value.clone();
            }
        }
    };
    copy(of_worker("securityContext"), &USER, &mut security);
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
    copy(of_worker("resources"), &["requests", "limits"], &mut resources);
    if resources != json!({}) {
        container["resources"] = resources;
    }
    container
}

/// The agent comes before the author's own words. Where there are only args, the image's entry point stays first:
/// it may prepare what the worker needs.
fn run_under_the_agent(worker: &mut Map<String, Value>) {
    for key in ["command", "args"] {
        if let Some(words) = worker.get_mut(key).and_then(Value::as_array_mut).filter(|w| !w.is_empty()) {
            let agent = [format!("{PATH}/{}", names::AGENT), "run".into(), "--".into()];
            words.splice(0..0, agent.map(Value::from));
            return;
        }
    }
}

/// The port that the agent will have: its author may have set another one, or 0 for none.
fn port_of(worker: &Map<String, Value>) -> Option<u16> {
    let env = worker.get("env")?.as_array()?;
    let port = env.iter().find(|v| v["name"] == "DASK_AGENT_PORT")?;
    port["value"].as_str()?.parse().ok().filter(|p| *p > 0)
}

fn push(of: &mut Map<String, Value>, key: &str, element: Value) {
    if let Some(list) = list(of, key) {
        list.push(element);
    }
}

/// The list with this name, made where it is absent. What is no list the API server refuses.
fn list<'m>(of: &'m mut Map<String, Value>, key: &str) -> Option<&'m mut Vec<Value>> {
    of.entry(key).or_insert_with(|| json!([])).as_array_mut()
}

#[cfg(test)]
mod tests;
