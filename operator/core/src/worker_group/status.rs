//! What a group's status says.

mod crash;
mod disrupted;
mod nanny;
mod restarts;

use std::collections::BTreeMap;

pub(crate) use crash::is_crash;

use dask_crds::{DaskWorkerGroupStatus, WorkerCounts};

use crate::{
    model::{
        names::{CLUSTER, COMPONENT, GROUP, WORKER},
        pod::PodRecord,
        scheduler::SchedulerState,
        time::Timestamp,
        trouble::{OWN_LIMIT, Trouble},
    },
    plan::conditions::{self, Observed},
    validation::warnings,
    worker_group::{
        PodCounts,
        crash_backoff::Ended,
        findings::Findings,
        input::Input,
        scale_down::{blocked_reasons, shrinking_since},
        template_dry_run,
    },
};

/// What is known of trouble that the pods' own status does not show.
pub(crate) struct SilentTrouble<'a> {
    /// A pod, and what Kubernetes' events say of it.
    pub explained: Option<(&'a PodRecord, &'a Trouble)>,
    /// The last pod that ended by itself.
    pub last_end: Option<&'a Ended>,
}

pub(crate) fn build(
    input: &Input<'_>,
    counts: &PodCounts<'_>,
    silent: SilentTrouble<'_>,
    found: &mut Findings,
) -> DaskWorkerGroupStatus {
    let old = &input.group.status;
    let mut observed = std::mem::take(&mut found.conditions);
    for type_ in [conditions::SCALE_DOWN_BLOCKED, conditions::SCALE_DOWN_LIMITED] {
        if !observed.iter().any(|o| o.is(type_)) {
            observed.push(conditions::no(type_, "NotBlocked", "nothing keeps a shrink from going on"));
        }
    }
    if !observed.iter().any(|o| o.is(conditions::PODS_FAILING)) {
        observed.push(crash::explained(input, counts, failing(counts, silent, found)));
    }
    of_the_template(input, counts, found, &mut observed);
    if !observed.iter().any(|o| o.is(conditions::READY)) {
        observed.push(ready(counts));
    }
    observed.push(unreachable(input));
    observed.push(disrupted::condition(input, counts));
    // A template counts as known when it was tried: see `template_dry_run.rs`.
    let template = if found.untried { old.template_hash.clone() } else { found.failures.template.clone() };
    DaskWorkerGroupStatus {
        observed_generation: Some(input.group.meta.generation),
        replicas: Some(count(counts.live())),
        selector: Some(selector(input)),
        workers: Some(worker_counts(input, counts, template.as_deref())),
        reserved_pod_numbers: old.reserved_pod_numbers,
        shrinking_since: shrinking_since::read(input, counts, found).map(Timestamp::rfc3339),
        failures: Some(found.failures.rounds).filter(|n| *n > 0),
        last_failure_time: found.failures.last.map(|t| t.rfc3339()),
        scheduler_address: input.cluster.and_then(|c| c.status.scheduler_address.clone()),
        dashboard_address: input.cluster.and_then(|c| c.status.dashboard_address.clone()),
        template_hash: template,
        conditions: conditions::update(&old.conditions, observed, input.group.meta.generation, input.now),
    }
}

/// What is said of the template and its agent; unchanged while the API server's verdict on them is not known.
fn of_the_template(
    input: &Input<'_>,
    counts: &PodCounts<'_>,
    found: &mut Findings,
    observed: &mut Vec<Observed>,
) {
    let worker = &input.group.spec.worker;
    let Some(accepted) = template_dry_run::accepted(input, found) else {
        let types = [conditions::ACCEPTED, conditions::SPEC_WARNING, conditions::WORKER_AGENT];
        observed.extend(conditions::kept(&input.group.status.conditions, &types));
        return;
    };
    if !accepted.holds() {
        observed.retain(|o| !o.is(conditions::READY));
        observed.push(conditions::no(conditions::READY, accepted.reason(), accepted.message()));
    }
    observed.push(accepted);
    observed
        .push(warnings::condition(warnings::worker(worker, &input.group.spec.cluster), &found.tried.unknown));
    observed.extend(nanny::condition(input, counts, found));
}

fn worker_counts(input: &Input<'_>, counts: &PodCounts<'_>, template: Option<&str>) -> WorkerCounts {
    let is_old =
        |p: &&PodRecord| !p.is_deployment && template.is_some() && p.template_hash.as_deref() != template;
    let outdated = counts.all_live().filter(is_old);
    let disrupted = count(counts.all_live().filter(|p| input.is_threatened(p)).count());
    let (restarts, oom_kills) = restarts::count(input, counts, input.group.status.workers);
    WorkerCounts {
        desired: count(counts.desired),
        created: count(counts.live()),
        ready: count(counts.ready()),
        retiring: count(counts.marked.len() + counts.deleting),
        outdated: count(outdated.count()),
        disrupted: Some(disrupted).filter(|n| *n > 0),
        restarts,
        oom_kills,
    }
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn selector(input: &Input<'_>) -> String {
    let (cluster, group) = (&input.group.spec.cluster, &input.group.meta.name);
    format!("{CLUSTER}={cluster},{COMPONENT}={WORKER},{GROUP}={group}")
}

fn ready(counts: &PodCounts<'_>) -> Observed {
    let (ready, desired) = (counts.ready(), counts.desired);
    let message = format!("{ready} workers are ready, {desired} are wanted");
    if ready == desired && counts.live() == desired {
        conditions::yes(conditions::READY, "AsWanted", message)
    } else {
        conditions::no(conditions::READY, "Scaling", message)
    }
}

fn unreachable(input: &Input<'_>) -> Observed {
    match input.scheduler {
        SchedulerState::SpeaksTls => blocked_reasons::speaks_tls(),
        SchedulerState::Unreachable { why } => conditions::yes(
            conditions::SCHEDULER_UNREACHABLE,
            "NoAnswer",
            format!("the scheduler's pod runs and does not answer ({why}); look at its log"),
        ),
        _ => conditions::no(
            conditions::SCHEDULER_UNREACHABLE,
            "NotUnreachable",
            conditions::answering(input.scheduler),
        ),
    }
}

/// The trouble that most pods have.
fn failing(counts: &PodCounts<'_>, silent: SilentTrouble<'_>, found: &Findings) -> Observed {
    let troubled = |p: &&PodRecord| !p.is_ready();
    let mut reasons: BTreeMap<&str, (usize, &PodRecord, &str)> = BTreeMap::new();
    for pod in
        counts.all_live().filter(troubled).chain(counts.finished.iter().copied().filter(|p| !p.disrupted))
    {
        if let Some(t) = &pod.trouble {
            reasons.entry(&t.reason).or_insert((0, pod, &t.message)).0 += 1;
        }
    }
    if reasons.is_empty()
        && let Some((pod, t)) = silent.explained
    {
        reasons.insert(&t.reason, (1, pod, &t.message));
    }
    let worst = reasons.into_iter().max_by_key(|(_, (n, _, _))| *n);
    match worst {
        Some((reason, (n, pod, text))) => {
            let rounds = found.failures.rounds;
            let waiting =
                if rounds > 0 { format!(" ({rounds} rounds failed; the next waits)") } else { String::new() };
            let message = format!(
                "{n} of {} pods, {} among them: {text}{waiting}{}",
                counts.live() + counts.finished.len(),
                pod.name,
                if pod.agent.is_in_trouble { AGENT_REMEDY } else { remedy(reason) }
            );
            conditions::yes(conditions::PODS_FAILING, reason, message)
        }
        None if found.failures.rounds > 0 => ended(found.failures.rounds, silent.last_end),
        None => conditions::no(conditions::PODS_FAILING, "NoneFails", "no pod fails"),
    }
}

/// Pods ended, and were deleted: what is known of the last one.
fn ended(rounds: i32, last: Option<&Ended>) -> Observed {
    let (reason, last, remedy) = match last {
        Some(Ended { pod, trouble }) => (
            trouble.reason.as_str(),
            format!(", the last one {pod}: {}", trouble.message),
            remedy(&trouble.reason),
        ),
        None => ("PodsEnd", String::new(), "; look at the worker's command and log"),
    };
    let message = format!("pods ended by themselves in {rounds} rounds{last}; the next waits{remedy}");
    conditions::yes(conditions::PODS_FAILING, reason, message)
}

/// What to do where the agent's init container is what fails.
const AGENT_REMEDY: &str = " (init container dask-agent); check the chart's agent.image and agent.imagePullSecrets, or set \
     spec.worker.agent.mode: Disabled";

/// What to do about it.
pub(crate) fn remedy(reason: &str) -> &'static str {
    match reason {
        _ if reason.contains("OOMKilled") => "; raise the container's memory limit",
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" => {
            "; check the image's name and tag, and imagePullSecrets"
        }
        "Unschedulable" => {
            "; add nodes, make what it names, or lower the pod's requests, nodeSelector or affinity"
        }
        "CrashLoopBackOff" | "Error" => "; look at the container's log (kubectl logs --previous)",
        "FailedMount" | "FailedAttachVolume" | "CreateContainerConfigError" | "CreateContainerError" => {
            "; check the Secrets, ConfigMaps and volumes that the pod names"
        }
        "Unhealthy" => "; look at the container's log, and at its probes",
        OWN_LIMIT => {
            "; raise the container's limit of ephemeral-storage or the volume's sizeLimit, or let the worker spill \
             elsewhere (--local-directory)"
        }
        "Completed" => "; look at the worker's command: it should run until it is told to end",
        "Evicted" | "Preempting" | "NodeShutdown" | "TerminationByKubelet" => {
            "; lower its requests, or give it a PriorityClass"
        }
        _ => "",
    }
}
