//! Asking a scheduler what waits: by an operation that it is given first.

use std::time::Duration;

use dask_comm::{CommError, SchedulerClient};
use dask_operator_core::model::{
    demand::{Demand, DemandReading, Shape, Work},
    worker_address::WorkerAddress,
};
use tokio::time::Instant;

use crate::env::SchedulerStream;

/// A scheduler that could not be given the operation is not asked again for so long: it says each time in its log that
/// it was asked.
const RETRY: Duration = Duration::from_secs(600);

/// Whether the scheduler at the other end of a connection has the operation.
#[derive(Debug, Default)]
pub(super) enum Offered {
    /// It was not given.
    #[default]
    No,
    /// It was given.
    Yes,
    /// It could not be given, and why.
    Refused(String, Instant),
}

impl Offered {
    /// Whether the scheduler tells what waits, as far as is known.
    pub fn is_given(&self) -> bool {
        matches!(self, Self::Yes)
    }
}

/// What waits on the scheduler.
///
/// # Errors
/// The connection is broken. What the scheduler refuses is an answer.
pub(super) async fn ask(
    client: &mut SchedulerClient<Box<dyn SchedulerStream>>,
    offered: &mut Offered,
) -> Result<DemandReading, CommError> {
    match offered {
        Offered::Yes => {}
        Offered::Refused(why, at) if at.elapsed() < RETRY => {
            return Ok(DemandReading::Unavailable { why: why.clone() });
        }
        _ => match client.offer_demand().await {
            Ok(()) => *offered = Offered::Yes,
            Err(error) => return refused(error, offered),
        },
    }
    match client.demand().await {
        Ok(demand) => Ok(DemandReading::Known(reading(demand))),
        Err(error) => refused(error, offered),
    }
}

fn refused(error: CommError, offered: &mut Offered) -> Result<DemandReading, CommError> {
    if matches!(error, CommError::Io(_) | CommError::Closed | CommError::Timeout { .. }) {
        return Err(error);
    }
    let why = error.to_string();
    *offered = Offered::Refused(why.clone(), Instant::now());
    Ok(DemandReading::Unavailable { why })
}

fn reading(demand: dask_comm::Demand) -> Demand {
    let shape = |asked: &dask_comm::Shape| Shape {
        is_pinned: !(asked.is_loose || asked.workers.is_empty() && asked.hosts.is_empty()),
        resources: asked.resources.clone(),
        served_by: asked.served_by.as_deref().map(WorkerAddress::from),
    };
    let work = demand.work.iter().map(|w| Work {
        prefix: w.prefix.clone(),
        shape: demand.shapes.get(w.shape).map(shape).unwrap_or_default(),
        ready: w.queued.saturating_add(w.unrunnable),
        assigned: w.assigned.saturating_add(w.running),
        seconds: w.seconds,
        longest: w.longest,
    });
    Demand { work: work.collect(), idle_workers: demand.idle_workers, threads: demand.threads }
}
