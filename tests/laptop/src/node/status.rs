//! A pod's status, as its kubelet writes it.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::view::{State, View, time};

/// The status of a pod with these containers; `old` is what the API server has.
pub fn of(
    pod: &Pod,
    old: &Value,
    views: &[View],
    (ip, began): (Option<Ipv4Addr>, Timestamp),
    is_overdue: bool,
) -> Value {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let phase = if is_overdue { "Failed" } else { phase(views) };
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
    let initialized = (is_over && phase == "Succeeded").then(|| ("PodCompleted", String::new()));
    let conditions = json!([
        condition(old, "PodReadyToStartContainers", ip.is_some() && !is_over, None),
        condition(old, "Initialized", true, initialized),
        ready("Ready"),
        ready("ContainersReady"),
        condition(old, "PodScheduled", true, None),
    ]);
    let mut status = json!({
        "phase": phase, "conditions": conditions, "hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}],
        "startTime": time(began), "containerStatuses": views.iter().map(|v| v.json(uid)).collect::<Vec<_>>(),
    });
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

fn phase(views: &[View]) -> &'static str {
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
