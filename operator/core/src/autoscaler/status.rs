//! What an autoscaler's status says.

use dask_crds::DaskAutoscalerStatus;

use crate::{
    autoscaler::{Part, eligibility, group_name, input::Input, limit::Limit, wanted::Wanted},
    model::{
        object::Autoscaler,
        scheduler::{SPEAKS_TLS, SchedulerState},
        time::Timestamp,
    },
    plan::conditions::{self, Observed},
};

/// How long a scheduler's silence counts; see [`crate::autoscaler::INERT`].
const UNTIL: &str = "the size stays until it does, and after 10 minutes without an answer a change of size counts as a person's";

/// The status before anything is decided.
pub(crate) fn base(input: &Input<'_>, autoscaler: &Autoscaler) -> DaskAutoscalerStatus {
    let name = group_name(autoscaler);
    let group = input.groups.iter().map(|w| w.group).find(|g| g.meta.name == name);
    let workers = group.and_then(|g| g.status.workers).unwrap_or_default();
    let cluster = input.cluster.map(|c| &c.status);
    DaskAutoscalerStatus {
        observed_generation: Some(autoscaler.meta.generation),
        desired: group.map(|g| g.spec.worker.replicas),
        created: Some(workers.created),
        ready: Some(workers.ready),
        retiring: Some(workers.retiring),
        scheduler_address: cluster.and_then(|s| s.scheduler_address.clone()),
        dashboard_address: cluster.and_then(|s| s.dashboard_address.clone()),
        ..autoscaler.status.clone()
    }
}

/// The number of tasks that wait, as it is written down: as before, where it differs by a tenth at most. It changes with
/// every task that is done.
pub(crate) fn steady(before: Option<i64>, tasks: u64) -> i64 {
    let tasks = i64::try_from(tasks).unwrap_or(i64::MAX);
    let is_near = |n: &i64| (tasks == 0) == (*n == 0) && tasks.abs_diff(*n) <= n.unsigned_abs() / 10;
    before.filter(is_near).unwrap_or(tasks)
}

/// What was decided.
pub(crate) fn of_part(status: &mut DaskAutoscalerStatus, part: &Part<'_>, wanted: Option<&Wanted<'_>>) {
    if let Some(wanted) = wanted {
        status.target = i32::try_from(wanted.workers).ok();
        status.waiting_tasks = wanted.waiting.map(|n| steady(status.waiting_tasks, n));
    }
    status.desired = Some(part.size);
    status.limited_by = part.limit.map(|l| l.as_str().into());
    if let Some(startup) = part.startup {
        status.startup_seconds = Some(steady(status.startup_seconds, startup.as_secs().max(1)));
    }
}

/// Whether the autoscaler acts, for one that may; `is_told`: the scheduler tells how many workers are wanted.
pub(crate) fn active(
    input: &Input<'_>,
    autoscaler: &Autoscaler,
    part: Option<&Part<'_>>,
    is_told: bool,
) -> Observed {
    let is_at_default = part.is_some_and(|p| p.limit == Some(Limit::DefaultMaximum));
    if let Some(part) = part.filter(|_| eligibility::is_dry_run(autoscaler)) {
        let (size, current) = (part.size, part.group.spec.worker.replicas);
        let message = format!(
            "spec.mode is DryRun: the size stays {current}, and would be {size}; set Active to let it act"
        );
        return conditions::no(conditions::ACTIVE, "DryRun", message);
    }
    let (reason, message) = match input.scheduler {
        SchedulerState::Known(snapshot) if !is_told && snapshot.unanswered.is_some() => {
            let why = snapshot.unanswered.as_deref().unwrap_or_default();
            ("NoTarget", format!("the scheduler does not tell what it would like ({why}); {UNTIL}"))
        }
        SchedulerState::Known(_) if is_at_default => {
            let message = format!(
                "spec.maximum is not set, and the scheduler would like more than the operator's default maximum \
                 of {} (--autoscaler-default-maximum); set spec.maximum to allow more",
                input.default_maximum
            );
            return conditions::yes(conditions::ACTIVE, "AtDefaultMaximum", message);
        }
        SchedulerState::Known(_) => {
            return conditions::yes(conditions::ACTIVE, "Scaling", "it follows the scheduler's demand");
        }
        SchedulerState::Unknown => ("Starting", "the scheduler has not been asked yet".to_string()),
        SchedulerState::Absent => ("Starting", "there is no scheduler pod; the size stays".to_string()),
        SchedulerState::Starting => ("Starting", "the scheduler starts; the size stays".to_string()),
        SchedulerState::SpeaksTls => (
            SPEAKS_TLS,
            "the scheduler speaks TLS and the operator does not, so that its demand is not known; the size stays: \
             set replicas by hand, or let the scheduler listen without TLS"
                .to_string(),
        ),
        SchedulerState::Unreachable { why } => (
            "SchedulerUnreachable",
            format!("the scheduler's pod runs and does not answer ({why}); {UNTIL}"),
        ),
    };
    conditions::no(conditions::ACTIVE, reason, message)
}

/// Adds the conditions.
pub(crate) fn finish(
    status: &mut DaskAutoscalerStatus,
    mut observed: Vec<Observed>,
    autoscaler: &Autoscaler,
    now: Timestamp,
) {
    if !observed.iter().any(|o| o.is(conditions::CONFLICT)) {
        observed.push(conditions::no(
            conditions::CONFLICT,
            "NoConflict",
            "no other autoscaler scales this group",
        ));
    }
    let old = &autoscaler.status.conditions;
    status.conditions = conditions::update(old, observed, autoscaler.meta.generation, now);
}
