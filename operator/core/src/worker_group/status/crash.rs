//! What may be behind pods that crash, besides what their author would think of.

use super::PodCounts;
use crate::{
    model::pod::PodRecord,
    plan::conditions::{self, Observed},
    validation::removed_commands,
    worker_group::input::Input,
};

/// Reasons of a container that ends again and again, or whose program cannot be started.
const CRASHES: [&str; 5] =
    ["CrashLoopBackOff", "Error", "RunContainerError", "StartError", "ContainerCannotRun"];

/// Whether containers with this trouble crash.
pub(crate) fn is_crash(reason: &str) -> bool {
    CRASHES.contains(&reason)
}

/// The condition that tells what pods suffer from, with what else may be the cause.
pub(crate) fn explained(input: &Input<'_>, counts: &PodCounts<'_>, failing: Observed) -> Observed {
    if !failing.is(conditions::PODS_FAILING) || !failing.holds() || !is_crash(failing.reason()) {
        return failing;
    }
    let has_it = |p: &&PodRecord| p.trouble.as_ref().is_some_and(|t| t.reason == failing.reason());
    let mut all = counts.all_live().chain(counts.finished.iter().copied());
    let by_agent = all.find(has_it).is_some_and(|pod| may_be_the_agents(counts, pod));
    let agent = if by_agent { AGENT } else { "" };
    let renamed = removed_commands::remedy(&input.group.spec.worker.spec);
    let message = format!("{}{renamed}{agent}", failing.message());
    failing.with_message(&message)
}

const AGENT: &str = "; no agent of such a pod has reported, so it may be that the container cannot start with the agent \
     before its command or args: set spec.worker.agent.mode: Disabled to see whether it starts without";

/// Whether the agent may be why a pod crashes: it has one, and no agent like it was ever heard of.
fn may_be_the_agents(counts: &PodCounts<'_>, pod: &PodRecord) -> bool {
    let reported = |p: &PodRecord| {
        p.agent.hash == pod.agent.hash && (p.ready_since.is_some() || p.agent.last_words.is_some())
    };
    pod.agent.hash.is_some()
        && !pod.agent.is_in_trouble
        && !counts.all_live().any(reported)
        && !counts.finished.iter().any(|p| reported(p))
}
