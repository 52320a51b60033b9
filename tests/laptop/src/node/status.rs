//! A pod's status, as its kubelet writes it.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::view::{State, View, time};

/// What a node knows of a pod.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Containers that come before the others, one after the other.
    pub first: &'a [View],
    /// The others.
    pub views: &'a [View],
    /// Its address, as soon as it has one.
    pub ip: Option<Ipv4Addr>,
    /// When it began.
    pub began: Timestamp,
    /// It ran for longer than it may.
    pub is_overdue: bool,
}

/// The status of a pod; `old` is what the API server has.
pub fn of(pod: &Pod, old: &Value, seen: &Seen<'_>) -> Value {
    let Seen { first, views, ip, began, is_overdue } = *seen;
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let phase = if is_overdue { "Failed" } else { phase(first, views) };
    let is_over = matches!(phase, "Succeeded" | "Failed");
    let is_ready = !views.is_empty() && views.iter().all(|v| v.ready && v.runs());
    let unready: Vec<&str> =
        views.iter().filter(|v| !(v.ready && v.runs())).map(|v| v.name.as_str()).collect();
    let why = match (is_ready, phase) {
        (true, _) => None,
        (_, "Succeeded") => Some(("PodCompleted", String::new())),
        (_, "Failed") => Some(("PodFailed", String::new())),
        _ => Some(("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" ")))),
    };
    let ready = |kind: &str| condition(old, kind, is_ready, why.clone());
    let is_initialized = first.iter().all(View::succeeded);
    let initialized = initialized(first, is_over && phase == "Succeeded");
    let conditions = json!([
        condition(old, "PodReadyToStartContainers", ip.is_some() && !is_over, None),
        condition(old, "Initialized", is_initialized, initialized),
        ready("Ready"),
        ready("ContainersReady"),
        condition(old, "PodScheduled", true, None),
    ]);
    let mut status = json!({
        "phase": phase, "conditions": conditions, "hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}],
        "startTime": time(began), "containerStatuses": views.iter().map(|v| v.json(uid)).collect::<Vec<_>>(),
    });
    if !first.is_empty() {
        let entry = |v: &View| {
            let mut entry = v.json(uid);
            entry["ready"] = json!(v.succeeded());
            entry
        };
        status["initContainerStatuses"] = first.iter().map(entry).collect();
    }
    if is_overdue {
        status["reason"] = json!("DeadlineExceeded");
        status["message"] = json!("Pod was active on the node longer than the specified deadline");
    }
    if let Some(ip) = ip {
        status["podIP"] = json!(ip);
        status["podIPs"] = json!([{"ip": ip}]);
    }
    status
}

/// Why the condition Initialized is as it is.
fn initialized(first: &[View], is_completed: bool) -> Option<(&'static str, String)> {
    let left: Vec<&str> = first.iter().filter(|v| !v.succeeded()).map(|v| v.name.as_str()).collect();
    if left.is_empty() {
        return is_completed.then(|| ("PodCompleted", String::new()));
    }
    Some(("ContainersNotInitialized", format!("containers with incomplete status: [{}]", left.join(" "))))
}

fn phase(first: &[View], views: &[View]) -> &'static str {
    if first.iter().any(|v| v.over && !v.succeeded()) {
        return "Failed";
    }
    if views.iter().all(|v| v.over) {
        let is_good = |v: &View| matches!(&v.state, State::Terminated(e) if e.code == 0);
        return if views.iter().all(is_good) { "Succeeded" } else { "Failed" };
    }
    let was_started = |v: &View| !matches!(v.state, State::Waiting { .. }) || v.last.is_some();
    if views.iter().any(was_started) { "Running" } else { "Pending" }
}

/// A condition whose time moves only with its status.
fn condition(old: &Value, kind: &str, holds: bool, why: Option<(&str, String)>) -> Value {
    let status = if holds { "True" } else { "False" };
    let known = old["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == kind);
    let since = known.filter(|c| c["status"] == status).and_then(|c| c["lastTransitionTime"].as_str());
    let since = since.map_or_else(|| time(Timestamp::now()), String::from);
    let mut out = json!({"type": kind, "status": status, "lastTransitionTime": since, "lastProbeTime": null});
    if let Some((reason, message)) = why {
        out["reason"] = json!(reason);
        if !message.is_empty() {
            out["message"] = json!(message);
        }
    }
    out
}
