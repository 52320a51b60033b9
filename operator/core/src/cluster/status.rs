//! What a cluster's status says.

use dask_crds::{DaskClusterStatus, Phase};

use crate::{
    cluster::{children, dry_run, input::Input},
    model::{
        names,
        pod::PodRecord,
        scheduler::{Idle, SchedulerState},
    },
    plan::conditions::{self, Observed},
    resources,
    validation::{api_rejection, dry_run::Tried, removed_commands, warnings},
    worker_group,
};

pub(crate) fn build(
    input: &Input<'_>,
    phase: Phase,
    waiting: Option<&Observed>,
    tried: &Tried,
) -> DaskClusterStatus {
    let meta = &input.cluster.meta;
    let group = input.default_group.map(|g| &g.status);
    let address = |name, port| resources::service_port(&input.cluster.spec.scheduler, name, port);
    let comm = address("tcp-comm", resources::COMM_PORT);
    let dashboard = address("http-dashboard", resources::DASHBOARD_PORT);
    let (scheduler, workers) = (scheduler_ready(input, waiting), workers_ready(input));
    let accepted = dry_run::accepted(tried);
    let mut observed = vec![ready(&accepted, &scheduler, &workers, phase), scheduler, workers, accepted];
    observed.push(warnings::condition(warnings::cluster(input.cluster), &tried.unknown));
    observed.push(update_pending(input));
    observed.push(unreachable(input));
    observed.push(api_rejection::condition(input.memory.rejections.lasting()));
    DaskClusterStatus {
        phase: Some(phase),
        observed_generation: Some(meta.generation),
        replicas: Some(group.and_then(|s| s.replicas).unwrap_or(0)),
        selector: Some(selector(&meta.name)),
        workers: Some(group.and_then(|s| s.workers).unwrap_or_default()),
        scheduler_address: Some(names::scheduler_address(&meta.name, &meta.namespace, input.domain, comm)),
        dashboard_address: Some(names::dashboard_address(
            &meta.name,
            &meta.namespace,
            input.domain,
            dashboard,
        )),
        conditions: conditions::update(
            &input.cluster.status.conditions,
            observed,
            meta.generation,
            input.now,
        ),
    }
}

/// Adds what is known of idleness.
pub(crate) fn add(input: &Input<'_>, status: &mut DaskClusterStatus, idle: Option<Observed>) {
    let idle = idle.unwrap_or_else(|| not_idle(input));
    let old = &input.cluster.status.conditions;
    let added = conditions::update(old, vec![idle], input.cluster.meta.generation, input.now);
    status.conditions.extend(added);
    status.conditions.sort_by(|a, b| a.type_.cmp(&b.type_));
}

/// Why the cluster does not count as idle.
fn not_idle(input: &Input<'_>) -> Observed {
    let (reason, text) = match input.scheduler.known().and_then(|s| s.idle) {
        _ if input.cluster.spec.idle_timeout <= 0 => {
            ("NotAsked", "spec.idleTimeout is 0, so the scheduler is not asked whether it is idle")
        }
        Some(Idle::Busy) => ("Busy", "the scheduler has something to do"),
        Some(Idle::Since(_)) => ("NotKnown", "what the scheduler last said of it is too old"),
        None => ("NotKnown", "the scheduler has not said whether it is idle"),
    };
    conditions::no(conditions::IDLE, reason, text)
}

pub(crate) fn invalid_name(input: &Input<'_>) -> DaskClusterStatus {
    let meta = &input.cluster.meta;
    let message = format!("{}; delete it and create it with another name", names::rule(&meta.name));
    let observed = vec![
        conditions::no(conditions::READY, "InvalidName", message.clone()),
        conditions::no(conditions::ACCEPTED, "InvalidName", message),
    ];
    DaskClusterStatus {
        phase: Some(Phase::Error),
        observed_generation: Some(meta.generation),
        conditions: conditions::update(
            &input.cluster.status.conditions,
            observed,
            meta.generation,
            input.now,
        ),
        ..DaskClusterStatus::default()
    }
}

fn selector(cluster: &str) -> String {
    let group = names::default_group(cluster);
    resources::worker_labels(cluster, &group)
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect::<Vec<_>>()
        .join(",")
}

fn ready(accepted: &Observed, scheduler: &Observed, workers: &Observed, phase: Phase) -> Observed {
    if phase == Phase::Error {
        return conditions::no(conditions::READY, accepted.reason(), accepted.message());
    }
    match (scheduler.holds(), workers.holds()) {
        (true, true) => conditions::yes(conditions::READY, "Ready", "scheduler and workers are ready"),
        (false, _) => conditions::no(conditions::READY, scheduler.reason(), scheduler.message()),
        (true, false) => conditions::no(conditions::READY, workers.reason(), workers.message()),
    }
}

fn scheduler_ready(input: &Input<'_>, waiting: Option<&Observed>) -> Observed {
    let no = |reason: &str, message: String| conditions::no(conditions::SCHEDULER_READY, reason, message);
    if let Some(waiting) = waiting {
        return waiting.clone();
    }
    let live: Vec<&PodRecord> = input.scheduler_pods.iter().copied().filter(|p| p.is_live()).collect();
    if let Some(pod) = live.iter().find(|p| p.is_ready()) {
        let message = format!("pod {} is ready", pod.name);
        return conditions::yes(conditions::SCHEDULER_READY, "PodReady", message);
    }
    if let Some((pod, trouble)) = live.iter().find_map(|p| Some((p, p.trouble.as_ref()?))) {
        let remedy = worker_group::remedy(&trouble.reason);
        let crashes = worker_group::is_crash(&trouble.reason);
        let renamed = if crashes {
            removed_commands::remedy(&input.cluster.spec.scheduler.spec)
        } else {
            String::new()
        };
        return no(&trouble.reason, format!("pod {}: {}{remedy}{renamed}", pod.name, trouble.message));
    }
    let explained = |p: &&&PodRecord| input.event_trouble(p).0;
    if let Some((pod, trouble)) = live.iter().find_map(|p| Some((p, explained(&p)?))) {
        return no(
            &trouble.reason,
            format!("pod {}: {}{}", pod.name, trouble.message, worker_group::remedy(&trouble.reason)),
        );
    }
    if let Some(trouble) = input.deployment.and_then(|d| d.trouble.as_ref()) {
        return no(&trouble.reason, format!("the scheduler's pod cannot be made: {}", trouble.message));
    }
    if let Some(refused) = input.memory.rejections.lasting() {
        return no(&refused.reason, refused.message.clone());
    }
    no("Starting", "the scheduler's pod is not ready yet".into())
}

fn workers_ready(input: &Input<'_>) -> Observed {
    let Some(group) = input.default_group else {
        return conditions::no(
            conditions::WORKERS_READY,
            "NoWorkers",
            "the default group does not exist yet",
        );
    };
    let failing = group.status.conditions.iter().find(|c| c.type_ == conditions::PODS_FAILING);
    let counts = group.status.workers.unwrap_or_default();
    let message = format!("{} of {} workers are ready", counts.ready, group.spec.worker.replicas);
    if let Some(c) = failing.filter(|c| c.status == dask_crds::ConditionStatus::True) {
        return conditions::no(
            conditions::WORKERS_READY,
            c.reason.clone(),
            format!("{message}; {}", c.message),
        );
    }
    if counts.ready >= group.spec.worker.replicas {
        conditions::yes(conditions::WORKERS_READY, "AsWanted", message)
    } else {
        conditions::no(conditions::WORKERS_READY, "Scaling", message)
    }
}

fn update_pending(input: &Input<'_>) -> Observed {
    let pending = input.deployment.is_some_and(|d| children::scheduler_is_outdated(input, d));
    if pending {
        let message = format!(
            "spec.scheduler was changed, and the running scheduler is not restarted for it, because that would \
             lose all work; when nothing is lost, run: kubectl -n {} delete deployment {}",
            input.cluster.meta.namespace,
            names::scheduler(&input.cluster.meta.name)
        );
        conditions::yes(conditions::SCHEDULER_UPDATE_PENDING, "TemplateChanged", message)
    } else {
        conditions::no(
            conditions::SCHEDULER_UPDATE_PENDING,
            "UpToDate",
            "the scheduler runs what is asked for",
        )
    }
}

fn unreachable(input: &Input<'_>) -> Observed {
    match input.scheduler {
        SchedulerState::SpeaksTls => worker_group::speaks_tls(),
        SchedulerState::Unreachable { why } => conditions::yes(
            conditions::SCHEDULER_UNREACHABLE,
            "NoAnswer",
            format!(
                "the scheduler's pod runs and does not answer ({why}); no worker that may hold results is removed until \
                 it does"
            ),
        ),
        _ => conditions::no(
            conditions::SCHEDULER_UNREACHABLE,
            "NotUnreachable",
            conditions::answering(input.scheduler),
        ),
    }
}
