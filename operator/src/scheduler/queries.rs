//! What a scheduler is asked, and what its answers come to.

use std::collections::BTreeMap;

use dask_comm::{CommError, DistributedVersion, Identity, SchedulerClient, WorkerStatus};
use dask_operator_core::{
    model::{
        restarts::Restarts,
        scheduler::{Idle, Nanny, Offer, Snapshot, WorkerView},
        time::Timestamp,
        uid::Uid,
        worker_address::WorkerAddress,
    },
    plan::scheduler_need::{SchedulerNeed, WorkersNeed},
};

use super::{
    demand::{self, Offered},
    open::{self, Failure},
    reply_limits::Allowance,
    target::Target,
};
use crate::{context::Context, env::SchedulerStream};

/// From this version on, the scheduler keeps participants of a P2P shuffle to itself.
const KEEPS_SHUFFLES: DistributedVersion = DistributedVersion { year: 2024, month: 4, patch: 2 };

/// The connection that is kept between two questions.
pub(crate) struct Session {
    uid: Uid,
    client: SchedulerClient<Box<dyn SchedulerStream>>,
    version: Option<DistributedVersion>,
    demand: Offered,
}

/// What a reading is to contain, and how much of an answer is read.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    pub need: SchedulerNeed,
    pub allowance: Allowance,
}

/// One complete reading. A kept connection that turns out to be broken is no sign of a scheduler that is:
/// it is asked again over a new one.
pub(crate) async fn ask(
    context: &Context,
    target: &Target,
    question: Question,
    kept: &mut Option<Session>,
) -> Result<Snapshot, Failure> {
    let allowance = question.allowance;
    let told = |e: CommError| Failure::Other(allowance.explain(&e));
    if let Some(old) = kept.take().filter(|k| k.uid == target.uid && k.client.is_usable()) {
        let old = kept.insert(old);
        allowance.set(&mut old.client, &context.schedulers.budget);
        match questions(context, old, question).await {
            Err(CommError::Io(_) | CommError::Closed) => {}
            other => return other.map_err(told),
        }
    }
    let client = open::connect(context, &target.address).await?;
    let fresh =
        kept.insert(Session { uid: target.uid.clone(), client, version: None, demand: Offered::default() });
    allowance.set(&mut fresh.client, &context.schedulers.budget);
    questions(context, fresh, question).await.map_err(told)
}

/// Who is registered must be answered; the rest may fail, and then its absence says why.
async fn questions(context: &Context, kept: &mut Session, question: Question) -> Result<Snapshot, CommError> {
    let need = question.need;
    let at = context.now();
    let identity = kept.client.identity().await?;
    if let Some(refused) = identity.refused.first() {
        // A registry with holes must not make a worker look as if it held nothing.
        return Err(CommError::Malformed(format!("entry of a worker: {}", refused.reason)));
    }
    // Dask ships the keys of all tasks with their number; heartbeats count them.
    let tasks = |(address, w): (&String, &dask_comm::WorkerInfo)| {
        (address.as_str().into(), usize::try_from(w.assigned).unwrap_or(usize::MAX))
    };
    let processing: BTreeMap<WorkerAddress, usize> =
        identity.workers.iter().filter(|(_, w)| w.assigned > 0).map(tasks).collect();
    let workers = identity.workers.len();
    let mut snapshot = snapshot(identity, at);
    // Its own target counts only where it does not tell what waits.
    if need.reads_target() && !(need.demand && kept.demand.is_given()) {
        match kept.client.adaptive_target().await {
            Ok(target) => snapshot.target = Some(target),
            Err(e) => snapshot.unanswered = Some(e.to_string()),
        }
    }
    if need.workers == WorkersNeed::Offer {
        match offer(kept, workers).await {
            Ok(offer) => snapshot.offer = Some(Offer { processing, ..offer }),
            Err(e) => snapshot.unanswered = Some(e.to_string()),
        }
    }
    if need.idle {
        match kept.client.check_idle().await {
            Ok(since) => snapshot.idle = Some(since.map_or(Idle::Busy, |s| Idle::Since(timestamp(s)))),
            Err(e) => snapshot.unanswered = Some(e.to_string()),
        }
    }
    if need.demand {
        match demand::ask(&mut kept.client, &mut kept.demand).await {
            Ok(demand) => snapshot.demand = demand,
            Err(e) => snapshot.unanswered = Some(e.to_string()),
        }
    }
    snapshot.read = context.now();
    Ok(snapshot)
}

async fn offer(kept: &mut Session, workers: usize) -> Result<Offer, CommError> {
    let client = &mut kept.client;
    if kept.version.is_none() {
        kept.version = client.versions().await?;
    }
    let offered = client.workers_to_close(workers).await?;
    let keeps_shuffles = kept.version.is_some_and(|v| v >= KEEPS_SHUFFLES);
    // Where all are offered, none has a part in one.
    let may_have = !keeps_shuffles || offered.len() < workers;
    let p2p = may_have
        && match client.p2p_active().await {
            Err(e) if !keeps_shuffles || matches!(e, CommError::Io(_) | CommError::Closed) => return Err(e),
            // A scheduler that does not tell may have one: workers whose nodes go wait for it, for a while.
            answer => answer.unwrap_or(true),
        };
    let shuffle_blocks = !keeps_shuffles && p2p;
    Ok(Offer {
        addresses: offered.into_iter().map(WorkerAddress::from).collect(),
        shuffle_blocks,
        p2p,
        ..Offer::default()
    })
}

fn snapshot(identity: Identity, at: Timestamp) -> Snapshot {
    let workers = identity.workers.into_iter().map(|(address, w)| {
        let view = WorkerView {
            name: w.name,
            host: w.host,
            running: matches!(w.status, WorkerStatus::Running | WorkerStatus::Init),
            leaving: is_leaving(w.status),
            memory_limit: w.memory_limit,
            bytes: w.managed_bytes,
            busy: w.executing.saturating_add(w.long_running),
            last_seen: w.last_seen,
            nanny: match w.agent {
                Some(counts) => {
                    Nanny::Agent(Restarts { restarts: counts.restarts, oom_kills: counts.oom_kills })
                }
                // Its first heartbeat tells its memory, and that it has an agent.
                None if w.rss_bytes > 0 => Nanny::Own,
                None => Nanny::Unknown,
            },
        };
        (WorkerAddress::from(address), view)
    });
    let started = timestamp(identity.started);
    Snapshot { id: identity.id, started, at, workers: workers.collect(), ..Snapshot::default() }
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds since the epoch fit for ages")]
fn timestamp(seconds: f64) -> Timestamp {
    Timestamp((seconds * 1000.0) as i64)
}

/// Whether a worker in this state is on its way out, and takes no task any more.
pub(super) fn is_leaving(status: WorkerStatus) -> bool {
    matches!(status, WorkerStatus::ClosingGracefully | WorkerStatus::Closing)
}
