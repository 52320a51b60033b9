//! Whether this pod's workers are registered. What the pod's own processes tell is looked at often, and the scheduler is asked
//! seldom, in the one conversation that there is, and only what costs it nothing.

mod ask_interval;

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use futures::FutureExt;
use rustix::process::Pid;
use tokio::time::{Instant, sleep, timeout};

use self::ask_interval::Pace;
pub use self::ask_interval::phase;
use crate::{
    metrics::Part,
    nanny::Now,
    pod_workers::{self, PodIdentity},
    proc_session,
    scheduler::{AskError, Scheduler},
};

/// Between two looks at the pod's own processes, until its worker is registered.
const STARTING: Duration = Duration::from_millis(250);
/// The same afterwards.
const REGISTERED: Duration = Duration::from_secs(5);
/// Among so many vain questions for addresses there is one for all workers, to find this pod's by name.
const BY_NAME: u32 = 4;

/// What is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// The scheduler, if it can be asked.
    pub scheduler: Option<&'a Scheduler>,
    /// The leader of the processes' session.
    pub leader: Pid,
    /// The name that the worker was given.
    pub name: Option<&'a str>,
}

/// Keeps `registered` up to date until the future is dropped. Without a scheduler that can be asked, a process
/// that listens counts as registered.
pub async fn watch(of: Watched<'_>, registered: &mut Part) {
    let begin = Instant::now();
    let (mut pace, mut by_name) = (Pace::new(phase()), Vec::new());
    loop {
        let listeners = proc_session::listeners(&[of.leader]);
        match of.scheduler {
            // A worker listens before it registers.
            _ if listeners.is_empty() => registered.set(0),
            None => registered.set(1),
            Some(scheduler) if pace.is_due(begin.elapsed(), &listeners, has_broken(scheduler)) => {
                let asked = count(&of, scheduler, &listeners, &pace, &mut by_name).await;
                take_note(asked, scheduler, &mut pace, begin.elapsed(), registered);
            }
            Some(_) => {}
        }
        sleep(if pace.was_registered() { REGISTERED } else { STARTING }).await;
    }
}

/// The same for a worker whose nanny the agent is: it says itself when it is registered. It is asked for first after a `phase`
/// of the usual time.
pub async fn of_nanny(
    scheduler: &Scheduler,
    now: &mut tokio::sync::watch::Receiver<Now>,
    registered: &mut Part,
    mut phase: f64,
) {
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
        while timeout(ask_interval::STEADY.mul_f64(phase), now.changed()).await.is_err() {
            phase = 1.0;
            match running(scheduler, vec![address.clone()]).await {
                Ok(count) => registered.set(count),
                Err(_) if has_broken(scheduler) => registered.set(0),
                Err(_) => {}
            }
        }
    }
}

fn take_note(
    asked: Result<i64, AskError>,
    scheduler: &Scheduler,
    pace: &mut Pace,
    now: Duration,
    registered: &mut Part,
) {
    match asked {
        Ok(count) => {
            pace.answered(now, count > 0);
            registered.set(count);
        }
        Err(error) => {
            tracing::debug!(%error, "cannot ask whether the worker is registered");
            pace.unanswered(now);
            // What its workers had is gone with it.
            if has_broken(scheduler) {
                registered.set(0);
            }
        }
    }
}

/// Whether the conversation ended by itself, and there is no other one yet.
fn has_broken(scheduler: &Scheduler) -> bool {
    let line = scheduler.line();
    let _ = line.is_open(0);
    line.facts().contact.broken
}

/// How many workers of this pod take tasks. One whose certificate is not believed cannot be asked.
async fn count(
    of: &Watched<'_>,
    scheduler: &Scheduler,
    listeners: &BTreeSet<SocketAddr>,
    pace: &Pace,
    by_name: &mut Vec<String>,
) -> Result<i64, AskError> {
    let asked = async {
        scheduler.conversation().await?;
        let own = pod_workers::own_addresses(scheduler.line().facts().own);
        let marks = PodIdentity::new(scheduler.scheme(), listeners, &own, of.name);
        let candidates: Vec<String> = marks.addresses.iter().chain(by_name.iter()).cloned().collect();
        let count = running(scheduler, candidates).await?;
        if count > 0 || of.name.is_none() || pace.was_registered() || pace.vain() % BY_NAME != BY_NAME - 1 {
            return Ok(count);
        }
        let identity = scheduler.ask(|c| c.identity().boxed()).await?;
        *by_name = pod_workers::addresses(&identity, &marks);
        running(scheduler, by_name.clone()).await
    };
    let count: Result<i64, AskError> = asked.await;
    count.or_else(|error| if error.is_distrust() { Ok(1) } else { Err(error) })
}

async fn running(scheduler: &Scheduler, candidates: Vec<String>) -> Result<i64, AskError> {
    let running = scheduler.ask(move |c| async move { c.running(&candidates).await }.boxed()).await?;
    Ok(i64::try_from(running.len()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
