//! What a worker pod gets to run its worker under the agent. Nothing of it is part of the template's hash.

mod install;
mod port;
mod stop;

use std::collections::BTreeMap;

use dask_crds::AgentMode;
use serde_json::{Map, Value, json};

use super::pod_defaults;
use crate::{
    model::names,
    resources::agent_plan::{PATH, Plan, Settings, worker_container::elements},
};

/// Seconds a pod has to end where its author says nothing; Kubernetes' default is 30. Results must be copied to
/// other workers meanwhile. A node that is reclaimed gives less, 30 to 120 s, and then that counts.
const GRACE: i64 = 120;
/// Annotation: the Cluster Autoscaler may evict the pod, although its owner is of a kind that it does not know.
const SAFE_TO_EVICT: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
/// Annotation: volumes that keep the Cluster Autoscaler from nothing, separated by commas.
const SAFE_VOLUMES: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";

/// Says of a pod with the agent that its node can be emptied: nothing of the pod's is in the agent's volume, and what
/// its worker holds moves to others first. What the author says of that stays.
pub(crate) fn annotate(annotations: &mut BTreeMap<String, String>, plan: &Plan<'_>) {
    if !matches!(plan, Plan::Run { .. }) {
        return;
    }
    annotations.entry(SAFE_TO_EVICT.into()).or_insert_with(|| "true".into());
    let volumes = annotations.entry(SAFE_VOLUMES.into()).or_default();
    // The autoscaler does not trim the names.
    if !volumes.split(',').any(|volume| volume == names::AGENT) {
        let more = if volumes.is_empty() { "" } else { "," };
        volumes.push_str(more);
        volumes.push_str(names::AGENT);
    }
}

/// Puts the agent into a pod, as planned.
pub(crate) fn inject(spec: &mut Map<String, Value>, plan: &Plan<'_>, settings: &Settings) {
    let Plan::Run { mode, image, container, dashboard, .. } = plan else { return };
    let grace = spec.entry("terminationGracePeriodSeconds").or_insert(json!(GRACE)).to_string();
    // Pods on their node's network would fight for a port.
    let port = if spec.get("hostNetwork") == Some(&json!(true)) { 0 } else { port::choose_port(spec) };
    let containers = spec.get_mut("containers").and_then(Value::as_array_mut);
    let worker = containers.and_then(|c| c.get_mut(*container)).and_then(Value::as_object_mut);
    let Some(worker) = worker else { return };

    let install = install::container(worker, image, settings);
    run_under_the_agent(worker);
    pod_defaults::append_env_of(
        worker,
        &[("DASK_AGENT_PORT", &port.to_string()), ("DASK_AGENT_GRACE_SECONDS", &grace)],
    );
    if *mode == AgentMode::Full {
        pod_defaults::append_env_of(worker, &[("DASK_AGENT_MODE", "full")]);
    }
    if !dashboard {
        pod_defaults::append_env_of(worker, &[("DASK_AGENT_DASHBOARD", "false")]);
    }
    stop::tell(worker);
    push(worker, "volumeMounts", json!({"name": names::AGENT, "mountPath": PATH, "readOnly": true}));
    if port != 0
        && let Some(port) = port::explicit_port(worker)
    {
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

/// The agent comes before the author's own words. Where there are only args, the image's entry point stays first:
/// it may prepare what the worker needs. It may also keep SIGTERM to itself, so the pod's end is told by a hook.
fn run_under_the_agent(worker: &mut Map<String, Value>) {
    let has_command = worker.get("command").is_some_and(|command| !elements(command).is_empty());
    if !has_command {
        stop::hook(worker);
    }
    let key = if has_command { "command" } else { "args" };
    if let Some(words) = worker.get_mut(key).and_then(Value::as_array_mut).filter(|w| !w.is_empty()) {
        let agent = [format!("{PATH}/{}", names::AGENT), "run".into(), "--".into()];
        words.splice(0..0, agent.map(Value::from));
    }
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
