//! Whether this pod's workers are registered. The agent looks at the pod's own processes often. It asks the scheduler seldom,
//! by the connection that it has anyway, and only what costs the scheduler nothing.

mod ask_interval;

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use futures::FutureExt;
use rustix::process::Pid;
use tokio::time::{Instant, sleep};

use self::ask_interval::Pace;
pub use self::ask_interval::{STEADY, phase};
use crate::{
    metrics::Part,
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
    let mut registration = of.scheduler.map(|scheduler| Registration::new(scheduler, of.name));
    loop {
        let listeners = proc_session::listeners(&[of.leader]);
        match &mut registration {
            // A worker listens before it registers.
            _ if listeners.is_empty() => registered.set(0),
            None => registered.set(1),
            Some(registration) => {
                if let Some(count) = registration.look(begin, &listeners).await {
                    registered.set(count);
                }
            }
        }
        let was_registered = registration.as_ref().is_some_and(|r| r.pace.was_registered());
        sleep(if was_registered { REGISTERED } else { STARTING }).await;
    }
}

/// What the scheduler is asked about the workers of a plain command, and when.
struct Registration<'a> {
    scheduler: &'a Scheduler,
    /// The name that the worker was given.
    name: Option<&'a str>,
    pace: Pace,
    /// Addresses of workers that were found by their name.
    by_name: Vec<String>,
}

impl<'a> Registration<'a> {
    fn new(scheduler: &'a Scheduler, name: Option<&'a str>) -> Self {
        Self { scheduler, name, pace: Pace::new(phase()), by_name: Vec::new() }
    }

    /// How many workers of this pod take tasks, if that is known anew: it was time to ask, and the scheduler answered or is
    /// gone. `begin` is when the pod was first looked at.
    async fn look(&mut self, begin: Instant, listeners: &BTreeSet<SocketAddr>) -> Option<i64> {
        if !self.pace.is_due(begin.elapsed(), listeners, has_broken(self.scheduler)) {
            return None;
        }
        match self.count(listeners).await {
            Ok(count) => {
                self.pace.answered(begin.elapsed(), count > 0);
                Some(count)
            }
            Err(error) => {
                tracing::debug!(%error, "cannot ask whether the worker is registered");
                self.pace.unanswered(begin.elapsed());
                // What its workers had is gone with it.
                has_broken(self.scheduler).then_some(0)
            }
        }
    }

    /// How many workers of this pod take tasks. One whose certificate is not believed cannot be asked.
    async fn count(&mut self, listeners: &BTreeSet<SocketAddr>) -> Result<i64, AskError> {
        let count = self.ask(listeners).await;
        count.or_else(|error| if error.is_distrust() { Ok(1) } else { Err(error) })
    }

    async fn ask(&mut self, listeners: &BTreeSet<SocketAddr>) -> Result<i64, AskError> {
        let scheduler = self.scheduler;
        scheduler.conversation().await?;
        let own = pod_workers::own_addresses(scheduler.connection().facts().own);
        let marks = PodIdentity::new(scheduler.scheme(), listeners, &own, self.name);
        let candidates = marks.addresses.iter().chain(self.by_name.iter()).cloned().collect();
        let count = running(scheduler, candidates).await?;
        let is_time_for_names = self.pace.vain() % BY_NAME == BY_NAME - 1;
        if count > 0 || self.name.is_none() || self.pace.was_registered() || !is_time_for_names {
            return Ok(count);
        }
        let identity = scheduler.ask(|c| c.identity().boxed()).await?;
        self.by_name = pod_workers::addresses(&identity, &marks);
        running(scheduler, self.by_name.clone()).await
    }
}

/// Whether the conversation ended by itself, and there is no other one yet.
pub fn has_broken(scheduler: &Scheduler) -> bool {
    let connection = scheduler.connection();
    let _ = connection.is_open(0);
    connection.facts().contact.broken
}

/// How many of these workers take tasks, as the scheduler knows them.
///
/// # Errors
/// See [`AskError`].
pub async fn running(scheduler: &Scheduler, candidates: Vec<String>) -> Result<i64, AskError> {
    let running = scheduler.ask(move |c| async move { c.running(&candidates).await }.boxed()).await?;
    Ok(i64::try_from(running.len()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
