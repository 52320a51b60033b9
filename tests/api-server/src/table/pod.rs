//! The row of a pod.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NONE, age, number, or_none, text};
use crate::meta;

/// What the containers of a pod make of it.
#[derive(Default)]
struct Sum<'a> {
    reason: String,
    ready: usize,
    restarts: i64,
    /// The time of the last restart; empty if there was none.
    last: &'a str,
}

impl<'a> Sum<'a> {
    fn restarted(&mut self, container: &'a Value) {
        self.restarts += number(container, "/restartCount");
        // Times are all of one form, so that their texts are in their order.
        self.last = self.last.max(text(container, "/lastState/terminated/finishedAt"));
    }
}

/// The cells of a pod.
pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let init = meta::list(pod, "/spec/initContainers");
    let total = meta::list(pod, "/spec/containers").len() + init.iter().filter(|c| is_sidecar(c)).count();
    let mut sum = Sum { reason: phase(pod), ..Sum::default() };
    let mut sidecars = Sum::default();
    let is_initializing = initialize(pod, init, &mut sum, &mut sidecars);
    if !is_initializing || is_true(pod, "Initialized") {
        (sum.restarts, sum.last) = (sidecars.restarts, sidecars.last);
        run(pod, &mut sum);
    }
    if meta::is_going(pod) {
        if text(pod, "/status/reason") == "NodeLost" {
            sum.reason = "Unknown".into();
        } else if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            sum.reason = "Terminating".into();
        }
    }
    let mut restarts = sum.restarts.to_string();
    if sum.restarts != 0 && !sum.last.is_empty() {
        restarts.push_str(&format!(" ({} ago)", age::since(sum.last, now)));
    }
    let ip = match text(pod, "/status/podIPs/0/ip") {
        "" => text(pod, "/status/podIP"),
        ip => ip,
    };
    vec![
        json!(meta::text(pod, "name")),
        json!(format!("{}/{total}", sum.ready + sidecars.ready)),
        json!(sum.reason),
        json!(restarts),
        age::of(pod, now),
        json!(or_none(ip.into())),
        json!(or_none(text(pod, "/spec/nodeName").into())),
        json!(or_none(text(pod, "/status/nominatedNodeName").into())),
        json!(gates(pod)),
    ]
}

/// What tables say of pods that are over.
pub(super) fn conditions(pod: &Value) -> Option<Value> {
    let (reason, message) = match text(pod, "/status/phase") {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

fn phase(pod: &Value) -> String {
    const GATED: &str = "SchedulingGated";
    let mut conditions = meta::list(pod, "/status/conditions").iter();
    if conditions.any(|c| c["type"] == "PodScheduled" && c["reason"] == GATED) {
        return GATED.into();
    }
    match text(pod, "/status/reason") {
        "" => text(pod, "/status/phase").into(),
        reason => reason.into(),
    }
}

/// An init container that goes on running beside the others.
fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

fn is_true(pod: &Value, condition: &str) -> bool {
    meta::list(pod, "/status/conditions").iter().any(|c| c["type"] == condition && c["status"] == "True")
}

/// Looks at the init containers up to the first that is not done; whether there is one.
fn initialize<'a>(pod: &'a Value, init: &[Value], sum: &mut Sum<'a>, sidecars: &mut Sum<'a>) -> bool {
    for (i, container) in meta::list(pod, "/status/initContainerStatuses").iter().enumerate() {
        sum.restarted(container);
        let is_sidecar = init.iter().any(|c| c["name"] == container["name"] && is_sidecar(c));
        if is_sidecar {
            sidecars.restarted(container);
        }
        let terminated = container.pointer("/state/terminated");
        if terminated.is_some_and(|t| number(t, "/exitCode") == 0) {
            continue;
        }
        if is_sidecar && container["started"] == true {
            sidecars.ready += usize::from(container["ready"] == true);
            continue;
        }
        sum.reason = match (terminated, text(container, "/state/waiting/reason")) {
            (Some(ended), _) => format!("Init:{}", end(ended)),
            (None, "" | "PodInitializing") => format!("Init:{i}/{}", init.len()),
            (None, reason) => format!("Init:{reason}"),
        };
        return true;
    }
    false
}

/// Why a container is no more.
fn end(terminated: &Value) -> String {
    match (text(terminated, "/reason"), number(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.into(),
    }
}

fn run<'a>(pod: &'a Value, sum: &mut Sum<'a>) {
    let mut is_running = false;
    // The first container has the last word.
    for container in meta::list(pod, "/status/containerStatuses").iter().rev() {
        sum.restarted(container);
        let terminated = container.pointer("/state/terminated");
        match (text(container, "/state/waiting/reason"), terminated) {
            ("", Some(terminated)) => sum.reason = end(terminated),
            ("", None) if container["ready"] == true && container["state"]["running"].is_object() => {
                is_running = true;
                sum.ready += 1;
            }
            ("", None) => {}
            (reason, _) => sum.reason = reason.into(),
        }
    }
    if sum.reason == "Completed" && is_running {
        sum.reason = if is_true(pod, "Ready") { "Running" } else { "NotReady" }.into();
    }
}

/// How many of the conditions that the pod waits for are there.
fn gates(pod: &Value) -> String {
    let gates = meta::list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return NONE.into();
    }
    let open = gates.iter().filter(|gate| is_true(pod, text(gate, "/conditionType"))).count();
    format!("{open}/{}", gates.len())
}
