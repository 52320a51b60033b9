//! Asking one scheduler, again and again while somebody needs it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use dask_comm::{CommError, DistributedVersion, Identity, SchedulerClient, WorkerStatus};
use dask_operator_core::{
    action::SchedulerNeed,
    record::PodPhase,
    scheduler::{Offer, SchedulerState, Snapshot, WorkerView},
    template::COMM_PORT,
    time::Timestamp,
};
use tokio::time::Instant;

use super::{FAST, connect};
use crate::{
    run::Operator,
    subject::{Key, Subject},
    world::{Address, Wire},
};

/// From this version on, the scheduler keeps participants of a P2P shuffle to itself.
const KEEPS_SHUFFLES: DistributedVersion = DistributedVersion { year: 2024, month: 4, patch: 2 };
/// A scheduler whose pod runs this long and never answered is unreachable, not starting.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A scheduler pod that runs.
pub(super) struct Target {
    pub uid: String,
    pub address: Address,
    ready: bool,
}

/// The connection that is kept between two questions.
struct Kept {
    uid: String,
    client: SchedulerClient<Box<dyn Wire>>,
    version: Option<DistributedVersion>,
}

/// Asks until nobody needs anything any more.
pub(super) async fn run(operator: &Arc<Operator>, cluster: &Key) {
    let mut kept: Option<Kept> = None;
    // The pod that has answered, and since when the present one was tried.
    let mut answered = String::new();
    let mut tried: Option<(String, Instant)> = None;
    loop {
        let Some((need, wake)) = wanted(operator, cluster) else { return };
        let state = match target(operator, cluster) {
            None => absent(operator, cluster),
            Some(target) => {
                if tried.as_ref().is_none_or(|(uid, _)| *uid != target.uid) {
                    tried = Some((target.uid.clone(), Instant::now()));
                }
                match ask(operator, &target, need, &mut kept).await {
                    Ok(snapshot) => {
                        answered.clone_from(&target.uid);
                        SchedulerState::Known(Box::new(snapshot))
                    }
                    Err(why) => {
                        kept = None;
                        let young = tried.as_ref().is_some_and(|(_, t)| t.elapsed() < STARTS_WITHIN);
                        failed(&target, answered == target.uid, young, why)
                    }
                }
            }
        };
        store(operator, cluster, state);
        let pause = if need == SchedulerNeed::Target { operator.settings.poll } else { FAST };
        let _ = tokio::time::timeout(pause, wake.notified()).await;
        // Wishes come in bunches.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What is needed; `None` when nothing is, and the link is gone then.
fn wanted(operator: &Operator, cluster: &Key) -> Option<(SchedulerNeed, Arc<tokio::sync::Notify>)> {
    let mut links = operator.links.lock();
    let link = links.get(cluster)?;
    let need = link.need();
    if need == SchedulerNeed::None {
        links.remove(cluster);
        return None;
    }
    Some((need, link.wake.clone()))
}

/// No scheduler pod runs: either there is none, or it has not started.
fn absent(operator: &Operator, cluster: &Key) -> SchedulerState {
    let pods = operator.state.lock().cache.schedulers_of(cluster);
    if pods.iter().any(|p| p.is_live()) { SchedulerState::Starting } else { SchedulerState::Absent }
}

/// A scheduler that does not answer yet is not one that stopped answering.
fn failed(target: &Target, answered: bool, young: bool, why: String) -> SchedulerState {
    if !answered && (young || !target.ready) {
        return SchedulerState::Unknown;
    }
    SchedulerState::Unreachable { why }
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
        operator.touched(subject, Duration::ZERO);
    }
}

/// The scheduler pod that runs, if there is one.
pub(super) fn target(operator: &Operator, cluster: &Key) -> Option<Target> {
    let pods = operator.state.lock().cache.schedulers_of(cluster);
    let pod = pods.iter().find(|p| p.is_live() && p.phase == PodPhase::Running && p.ip.is_some())?;
    let address = Address {
        namespace: cluster.0.clone(),
        pod: pod.name.clone(),
        ip: pod.ip.clone()?,
        port: pod.comm_port.unwrap_or(COMM_PORT),
    };
    Some(Target { uid: pod.uid.clone(), address, ready: pod.is_ready() })
}

async fn ask(
    operator: &Operator,
    target: &Target,
    need: SchedulerNeed,
    kept: &mut Option<Kept>,
) -> Result<Snapshot, String> {
    if kept.as_ref().is_none_or(|k| k.uid != target.uid || !k.client.is_usable()) {
        let client = connect(operator, target.address.clone()).await?;
        *kept = Some(Kept { uid: target.uid.clone(), client, version: None });
    }
    let Some(kept) = kept else { return Err("not connected".into()) };
    questions(operator, kept, need).await.map_err(|e| e.to_string())
}

async fn questions(operator: &Operator, kept: &mut Kept, need: SchedulerNeed) -> Result<Snapshot, CommError> {
    let client = &mut kept.client;
    let at = operator.world.now();
    let identity = client.identity().await?;
    if let Some(refused) = identity.refused.first() {
        // A registry with holes must not make a worker look as if it held nothing.
        return Err(CommError::Malformed(format!("entry of a worker: {}", refused.reason)));
    }
    let target = match need {
        SchedulerNeed::Target | SchedulerNeed::Offer => Some(client.adaptive_target().await?),
        _ => None,
    };
    let offer = match need {
        SchedulerNeed::Offer => {
            if kept.version.is_none() {
                kept.version = client.versions().await?;
            }
            Some(offer(client, identity.workers.len(), kept.version).await?)
        }
        _ => None,
    };
    Ok(snapshot(identity, at, target, offer))
}

async fn offer(
    client: &mut SchedulerClient<Box<dyn Wire>>,
    workers: usize,
    version: Option<DistributedVersion>,
) -> Result<Offer, CommError> {
    let offered = client.workers_to_close(workers).await?;
    let processing = client.processing(&offered).await?;
    let keeps_shuffles = version.is_some_and(|v| v >= KEEPS_SHUFFLES);
    let shuffle_blocks = !keeps_shuffles && client.p2p_active().await?;
    Ok(Offer { addresses: offered.into_iter().collect(), processing, shuffle_blocks })
}

fn snapshot(identity: Identity, at: Timestamp, target: Option<u32>, offer: Option<Offer>) -> Snapshot {
    let workers = identity.workers.into_iter().map(|(address, w)| {
        let view = WorkerView {
            name: w.name,
            host: w.host,
            running: matches!(w.status, WorkerStatus::Running | WorkerStatus::Init),
            leaving: matches!(w.status, WorkerStatus::ClosingGracefully | WorkerStatus::Closing),
            memory_limit: w.memory_limit,
            bytes: w.managed_bytes,
            busy: w.executing.saturating_add(w.long_running),
            last_seen: w.last_seen,
        };
        (address, view)
    });
    #[allow(clippy::cast_possible_truncation)]
    let started = Timestamp((identity.started * 1000.0) as i64);
    Snapshot { id: identity.id, started, at, workers: workers.collect(), target, offer }
}
