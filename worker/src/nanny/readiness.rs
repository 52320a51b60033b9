//! Whether the worker that the agent is the nanny of is registered: it says so itself, and the scheduler is asked seldom.

use tokio::{sync::watch::Receiver, time::timeout};

use super::Now;
use crate::{
    metrics::Part,
    pod_workers,
    readiness::{STEADY, has_broken, running},
    scheduler::Scheduler,
};

/// Keeps `registered` up to date until the future is dropped. The scheduler is first asked after the part `phase` of the usual
/// time.
pub async fn watch(scheduler: &Scheduler, now: &mut Receiver<Now>, registered: &mut Part, mut phase: f64) {
    loop {
        let worker = now.borrow_and_update().worker.clone();
        registered.set(i64::from(worker.is_some()));
        let address = worker.map(|w| w.address);
        // The scheduler knows one that gave a name as its host by another address.
        let Some(address) = address.filter(|a| pod_workers::ip(a).is_some()) else {
            // The sender lives as long as the agent.
            let _ = now.changed().await;
            continue;
        };
        while timeout(STEADY.mul_f64(phase), now.changed()).await.is_err() {
            phase = 1.0;
            match running(scheduler, vec![address.clone()]).await {
                Ok(count) => registered.set(count),
                Err(_) if has_broken(scheduler) => registered.set(0),
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
