//! Asking one scheduler, again and again while somebody needs it.

mod idle;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dask_operator_core::{
    action::SchedulerNeed,
    record::{PodPhase, PodRecord},
    scheduler::SchedulerState,
    template::COMM_PORT,
};
use tokio::{sync::Notify, time::Instant};

use super::{
    FAST,
    questions::{Kept, ask},
};
use crate::{
    run::Operator,
    subject::{Key, Subject},
    world::Address,
};
use idle::IdleWatch;

/// A scheduler that started this short a time ago and has not answered yet starts.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// How often a scheduler is asked while only its idleness matters; as dask-kubernetes does.
const IDLE: Duration = Duration::from_secs(5);

/// The same while only its workers' agents matter.
const SELDOM: Duration = Duration::from_secs(30);

/// A scheduler pod that runs.
pub(super) struct Target {
    pub uid: String,
    pub address: Address,
    pod: Arc<PodRecord>,
}

/// Asks until nobody needs anything any more.
pub(super) async fn run(operator: &Arc<Operator>, cluster: &Key) {
    let mut kept: Option<Kept> = None;
    let mut answered = String::new();
    let mut seen_starting: Option<Instant> = None;
    let mut pause = FAST;
    let mut watch = IdleWatch::default();
    let mut silent_since: Option<Instant> = None;
    while let Some((Wanted { need, idle }, wake)) = wanted(operator, cluster) {
        let state = match target(operator, cluster) {
            None => {
                seen_starting = Some(Instant::now());
                absent(operator, cluster)
            }
            Some(target) => match ask(operator, &target, (need, idle), &mut kept).await {
                Ok(mut snapshot) => {
                    answered.clone_from(&target.uid);
                    silent_since = None;
                    watch.look(&mut snapshot);
                    SchedulerState::Known(Arc::new(snapshot))
                }
                Err(why) => {
                    kept = None;
                    let age = operator.world.now().since(target.pod.created);
                    let young = age.min(seen_starting.map_or(age, |t| t.elapsed())) < STARTS_WITHIN;
                    // One that is being deleted ends, which its pod does not say yet.
                    let silent = silent_since.get_or_insert_with(Instant::now).elapsed();
                    let ends = target.pod.deleting && silent < STARTS_WITHIN;
                    failed(ends || (young && answered != target.uid), why)
                }
            },
        };
        // Who does not need it is not told that it does not answer.
        let is_told = need > SchedulerNeed::Agents || matches!(state, SchedulerState::Known(_));
        store(operator, cluster, if is_told { state } else { SchedulerState::default() });
        let limit = operator.settings.poll.max(FAST);
        pause = match need {
            SchedulerNeed::Agents => limit.max(SELDOM),
            SchedulerNeed::Target => limit,
            SchedulerNeed::Idle => limit.max(IDLE),
            _ => pause.min(limit),
        };
        match tokio::time::timeout(pause, wake.notified()).await {
            Ok(()) => pause = FAST,
            Err(_) => pause = pause.saturating_mul(2),
        }
        // Wishes come in bunches.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What is wanted to know of a scheduler.
struct Wanted {
    need: SchedulerNeed,
    idle: bool,
}

/// What is needed; `None` when nothing is, and the link is gone then.
fn wanted(operator: &Operator, cluster: &Key) -> Option<(Wanted, Arc<Notify>)> {
    let mut links = operator.links.lock();
    let link = links.get_mut(cluster)?;
    let need = link.need();
    let wanted = Wanted { need, idle: link.wants_idle() };
    let (wake, is_silent) = (link.wake.clone(), matches!(link.state, SchedulerState::Unreachable { .. }));
    if need > SchedulerNeed::Agents {
        return Some((wanted, wake));
    }
    if need == SchedulerNeed::None {
        links.remove(cluster);
    } else if is_silent {
        link.state = SchedulerState::default();
    }
    drop(links);
    // What was said about it is said no more.
    if is_silent {
        let groups: Vec<_> =
            operator.state.lock().cache.groups_of(cluster).map(|g| g.meta.name.clone()).collect();
        operator.heard(Subject::Cluster(cluster.clone()));
        for group in groups {
            operator.heard(Subject::Group((cluster.0.clone(), group)));
        }
    }
    (need != SchedulerNeed::None).then_some((wanted, wake))
}

/// No scheduler pod runs: either there is none, or it has not started. While pods are not seen as they are, neither
/// is known.
fn absent(operator: &Operator, cluster: &Key) -> SchedulerState {
    let state = operator.state.lock();
    if state.views.in_sync_for("pods", &cluster.0).is_none() {
        return SchedulerState::Unknown;
    }
    let pods = state.cache.schedulers_of(cluster);
    if pods.iter().any(|p| p.is_live()) { SchedulerState::Starting } else { SchedulerState::Absent }
}

/// A scheduler that does not answer yet, or ends, is not one that stopped answering.
fn failed(is_expected: bool, why: String) -> SchedulerState {
    if is_expected { SchedulerState::Unknown } else { SchedulerState::Unreachable { why } }
}

fn store(operator: &Operator, cluster: &Key, state: SchedulerState) {
    operator.metrics.scheduler_asked(match &state {
        SchedulerState::Known(_) => "answered",
        SchedulerState::Unreachable { .. } => "unreachable",
        _ => "not_there",
    });
    let subjects: BTreeSet<Subject> = {
        let mut links = operator.links.lock();
        let Some(link) = links.get_mut(cluster) else { return };
        let turned = std::mem::discriminant(&link.state) != std::mem::discriminant(&state);
        link.state = state;
        let mut subjects: BTreeSet<Subject> = link.needs.keys().cloned().collect();
        if turned {
            subjects.insert(Subject::Cluster(cluster.clone()));
        }
        subjects
    };
    for subject in subjects {
        operator.heard(subject);
    }
}

/// The scheduler pod that runs, if there is one.
pub(super) fn target(operator: &Operator, cluster: &Key) -> Option<Target> {
    let pods = operator.state.lock().cache.schedulers_of(cluster);
    let pod = serving(&pods)?.clone();
    let address = Address {
        namespace: cluster.0.clone(),
        pod: pod.name.clone(),
        ip: pod.ip.clone()?,
        port: pod.comm_port.unwrap_or(COMM_PORT),
    };
    Some(Target { uid: pod.uid.clone(), address, pod })
}

/// The pod whose scheduler serves. One that is being deleted does until its containers have ended; another one comes
/// before it.
fn serving(pods: &[Arc<PodRecord>]) -> Option<&Arc<PodRecord>> {
    let runs = |p: &&Arc<PodRecord>| p.phase == PodPhase::Running && p.ip.is_some();
    pods.iter().filter(runs).min_by_key(|p| p.deleting)
}

#[cfg(test)]
mod tests;
