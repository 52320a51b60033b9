//! Ends the worker's process, so that another one can be started: by asking it, by signals, by force.

use std::time::Duration;

use dask_comm::{CommError, Connection, Limits, Timeouts, Value};
use rustix::process::Signal;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Shared, Worker, scheduler_rpc::Registered};
use crate::{child::Child, stream, tls::Tls};

/// Part of the time to end in which the worker is asked, before it is ended (`distributed/nanny.py`).
const ASKED: f64 = 0.8;

/// Ends the worker's process within this time; its exit code. It is asked to, and not to tell its nanny: a signal
/// would make it say that it wants no successor.
pub async fn end(shared: &Shared, child: &mut Child, within: Duration, reason: &str) -> i32 {
    tracing::info!(reason, "ending the worker's process");
    let patience = within.mul_f64(ASKED);
    // Of a worker that is frozen, neither an answer nor an end comes: one deadline for both.
    let deadline = Instant::now() + patience;
    let worker = shared.now.borrow().worker.clone();
    let asked = match worker {
        Some(worker) => {
            // A worker that does not take the request in half of the time gets a signal while there is time for it.
            let asked = terminate(&worker, shared.tls.as_ref(), patience, reason);
            timeout(patience / 2, asked).await.is_ok_and(|r| r.is_ok())
        }
        None => false,
    };
    if !asked {
        child.signal(Signal::TERM);
    }
    if let Ok(code) = timeout_at(deadline, child.ended()).await {
        return code;
    }
    child.kill();
    child.ended().await
}

/// Ends a worker that uses too much memory, and tells everybody, as a Nanny does. It has until the next look.
pub async fn too_big(shared: &Shared, registered: &mut Registered, child: &mut Child, resident: u64) -> i32 {
    let worker = shared.now.borrow().worker.clone().unwrap_or_default();
    tracing::warn!(resident, limit = worker.terminate, "the worker uses too much memory: restarting it");
    shared.pod.metrics.memory_restarts.inc();
    child.signal(Signal::TERM);
    if timeout(worker.interval, child.ended()).await.is_err() {
        child.kill();
    }
    let code = child.ended().await;
    // Ignore the reason it reported; the nanny ended it.
    shared.now.send_modify(|now| now.told = None);
    let event: [(&str, Value); 3] =
        [("worker", worker.address.into()), ("pid", worker.pid.into()), ("rss", resident.into())];
    let event = event.map(|(k, v)| (k.into(), v)).to_vec();
    registered.log_event("worker-restart-memory", Value::Map(event)).await;
    code
}

async fn terminate(
    worker: &Worker,
    tls: Option<&Tls>,
    within: Duration,
    reason: &str,
) -> Result<(), CommError> {
    let host = worker.address.split_once("://").map_or(worker.address.as_str(), |(_, host)| host);
    let stream = stream::secure(stream::reach(host).await?, tls, host).await?;
    let mut connection = Connection::handshake(stream, Limits::default(), Timeouts::default()).await?;
    let message = [
        ("op", Value::from("terminate")),
        ("nanny", false.into()),
        ("timeout", within.as_secs_f64().into()),
        ("reason", reason.into()),
        ("reply", false.into()),
    ];
    let message = message.map(|(k, v)| (k.into(), v)).to_vec();
    connection.write_message(&Value::Map(message)).await
}
