//! Whether a worker's pod is over: its worker's container is, whatever runs beside it.

use dask_operator_core::model::{names, pod::PodPhase};

use crate::kubernetes::partial_types::{Container, PodSpec, PodStatus};

/// How the worker's container ended, if it did and is not started again. Side cars may run on.
pub(crate) fn ended(spec: &PodSpec, status: &PodStatus) -> Option<PodPhase> {
    let container = container(spec)?;
    let state = status.container_statuses.iter().find(|c| c.name == container.name)?;
    let end = state.state.terminated.as_ref()?;
    let policy = container.restart_policy.as_deref().or(spec.restart_policy.as_deref());
    let is_started_again = match policy {
        // Rules by exit code are the kubelet's to read.
        _ if !container.restart_policy_rules.is_empty() => true,
        Some("Never") => false,
        Some("OnFailure") => end.exit_code != 0,
        _ => true,
    };
    let phase = if end.exit_code == 0 { PodPhase::Succeeded } else { PodPhase::Failed };
    (!is_started_again).then_some(phase)
}

/// The container that runs the worker: the one that is called so, else the one that has the agent, else the only one.
/// Where that is in doubt (an earlier release of ours gave the agent to the first container, whatever it ran), the pod's
/// phase alone counts: what is over may be a helper, and the worker beside it holds results.
fn container(spec: &PodSpec) -> Option<&Container> {
    let has_agent = |c: &&Container| c.volume_mounts.iter().any(|m| m.name == names::AGENT);
    let is_named = |c: &&Container| names::WORKER_CONTAINERS.contains(&c.name.as_str());
    let all = || spec.containers.iter();
    let only = || all().next().filter(|_| spec.containers.len() == 1);
    match (all().find(is_named), all().find(has_agent)) {
        (Some(named), Some(agent)) => (named.name == agent.name).then_some(named),
        (named, agent) => named.or(agent).or_else(only),
    }
}

/// Whether the kubelet evicted the pod because it used more than its own limits allow: not because its node ran short.
pub(crate) fn exceeded_its_limits(status: &PodStatus) -> bool {
    // The kubelet's sentences (`pkg/kubelet/eviction`): the first three are the pod's own fault. Where the node is low,
    // it may add that a container's use exceeds what it requested.
    const OWN: [&str; 3] = [
        "exceeds the limit",
        "exceeds the total limit of containers",
        "exceeded its local ephemeral storage limit",
    ];
    const OF_NODE: [&str; 2] = ["The node was low on resource", "The node had condition"];
    let text = status.message.as_deref().unwrap_or_default();
    let says = |parts: &[&str]| parts.iter().any(|p| text.contains(p));
    status.reason.as_deref() == Some("Evicted") && says(&OWN) && !says(&OF_NODE)
}
