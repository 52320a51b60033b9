//! What keeps a pod from running, or ended it.

use dask_operator_core::{
    model::{
        names,
        pod::PodPhase,
        trouble::{OWN_LIMIT, Trouble},
    },
    plan::conditions::shorten,
};

use super::TEXT;
use crate::kubernetes::partial_types::{ContainerStatus, PodStatus, Waiting};

/// Longest text kept of what a container said at its end (its termination message).
const SAID: usize = 200;

/// Whether something outside ended the pod.
pub(crate) fn is_from_outside(status: &PodStatus) -> bool {
    const REASONS: [&str; 6] =
        ["Evicted", "Preempting", "NodeLost", "NodeShutdown", "Shutdown", "Terminated"];
    if super::worker::exceeded_its_limits(status) {
        return false;
    }
    status.reason.as_deref().is_some_and(|r| REASONS.contains(&r))
        || status.conditions.iter().any(|c| c.type_ == "DisruptionTarget" && c.status == "True")
}

/// What keeps a pod from running, in Kubernetes' own words.
pub(crate) fn trouble_of_pod(status: &PodStatus, phase: PodPhase) -> Option<Trouble> {
    if phase == PodPhase::Failed {
        return Some(of_failed(status));
    }
    for container in all(status) {
        let Some(waiting) = container.state.waiting.as_ref().filter(|w| is_ill(w)) else { continue };
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let mut words = waiting.message.clone().unwrap_or_default();
        if let Some(end) = ended(container) {
            words = format!("{words} ({end})");
        }
        return Some(text(reason, &words));
    }
    let unscheduled = status.conditions.iter().find(|c| {
        c.type_ == "PodScheduled" && c.status == "False" && c.reason.as_deref() == Some("Unschedulable")
    });
    if let Some(c) = unscheduled {
        return Some(text("Unschedulable", c.message.as_deref().unwrap_or_default()));
    }
    None
}

/// Why a pod failed. Its init containers, and others, may have ended well.
fn of_failed(status: &PodStatus) -> Trouble {
    let is_bad = |c: &&ContainerStatus| c.state.terminated.as_ref().is_some_and(|t| t.exit_code != 0);
    let end = || all(status).find(is_bad).or_else(|| all(status).next()).and_then(ended);
    let words = status.message.clone().or_else(end).unwrap_or_default();
    let oom = all(status)
        .filter_map(|c| c.state.terminated.as_ref())
        .any(|t| t.reason.as_deref() == Some("OOMKilled"));
    let reason = match status.reason.as_deref() {
        _ if super::worker::exceeded_its_limits(status) => OWN_LIMIT,
        _ if oom => "OOMKilled",
        reason => reason.unwrap_or("Error"),
    };
    text(reason, words.trim())
}

fn all(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    status.init_container_statuses.iter().chain(&status.container_statuses)
}

/// How a container ended, and what it said at its end.
fn ended(c: &ContainerStatus) -> Option<String> {
    let end = c.state.terminated.as_ref().or(c.last_state.terminated.as_ref())?;
    let why = end.reason.as_deref().filter(|r| !r.is_empty()).map(|r| format!(" ({r})")).unwrap_or_default();
    let said = end.message.as_deref().map(str::trim).filter(|m| !m.is_empty());
    let said = said.map(|m| format!(": {}", last_characters(m, SAID))).unwrap_or_default();
    Some(format!("last ended with exit code {}{why}{said}", end.exit_code))
}

/// The end of a text: there a log tells why it ends.
fn last_characters(text: &str, most: usize) -> &str {
    let skip = text.chars().count().saturating_sub(most);
    text.char_indices().nth(skip).map_or(text, |(at, _)| &text[at..])
}

/// Whether a container waits for something else than its turn.
fn is_ill(waiting: &Waiting) -> bool {
    let reason = waiting.reason.as_deref().unwrap_or_default();
    !matches!(reason, "" | "ContainerCreating" | "PodInitializing")
}

/// Whether the agent's init container cannot start, or failed. It is the first of all.
pub(crate) fn is_of_the_agent(status: &PodStatus) -> bool {
    let agent = status.init_container_statuses.iter().find(|c| c.name == names::AGENT);
    agent.is_some_and(|c| {
        let failed = c.state.terminated.as_ref().is_some_and(|t| t.exit_code != 0);
        failed || c.state.waiting.as_ref().is_some_and(is_ill)
    })
}

/// Trouble in Kubernetes' own words, as far as there is room for them.
pub(crate) fn text(reason: &str, message: &str) -> Trouble {
    Trouble { reason: shorten(reason, 64), message: shorten(message, TEXT) }
}
