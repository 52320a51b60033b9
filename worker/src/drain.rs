//! Lets this pod's workers leave, by asking the scheduler step by step.

use std::{collections::BTreeSet, time::Duration};

use dask_comm::{CommError, DistributedVersion, Identity};
use futures::FutureExt;
use rustix::process::Pid;
use tokio::time::Instant;

use crate::{
    drain_plan::{Ending, Leaving, PodWorker, Seen, Step},
    pod_workers::{self, PodIdentity},
    proc_session,
    scheduler::{AskError, Client, Scheduler},
};

/// Between two looks.
const POLL: Duration = Duration::from_millis(300);
/// A look takes at most this part of the time: one at many workers costs the scheduler milliseconds.
const SHARE: u32 = 10;
/// Longest time between two looks.
const LONGEST: Duration = Duration::from_secs(5);
/// The first release whose `workers_to_close` leaves out workers that are part of a P2P operation
/// (`valid_workers_downscaling`).
const OFFERS: DistributedVersion = DistributedVersion { year: 2024, month: 4, patch: 2 };

/// What is to leave.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its scheduler.
    pub scheduler: Scheduler,
    /// The leaders of the sessions of its processes.
    pub leaders: Vec<Pid>,
    /// The name that its worker was given.
    pub name: Option<String>,
}

/// Lets the workers leave within `limit`.
pub async fn drain(subject: &Subject, limit: Duration) -> Ending {
    let begin = Instant::now();
    let mut leaving = Leaving::within(limit, subject.scheduler.connection().facts().contact);
    tokio::select! {
        ending = steps(subject, &mut leaving, begin) => return ending,
        () = tokio::time::sleep(limit) => {}
    }
    leaving.out_of_time()
}

async fn steps(subject: &Subject, leaving: &mut Leaving, begin: Instant) -> Ending {
    loop {
        let mut wait = POLL;
        match step(subject, leaving, begin, &mut wait).await {
            Ok(Some(ending)) => return ending,
            Ok(None) => {}
            Err(error) if error.is_distrust() => {
                tracing::warn!(%error, "the scheduler's certificate is not trusted; on SIGTERM the worker ends as without the agent");
                return Ending::CannotAsk;
            }
            Err(error) => {
                tracing::warn!(%error, "the scheduler did not answer; the agent tries again");
                let contact = subject.scheduler.connection().facts().contact;
                if let Step::End(ending) = leaving.unanswered(begin.elapsed(), contact) {
                    return ending;
                }
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// How long to wait after a look that took so long. What is asked then may move data for minutes, and does not count.
fn pause(look: Duration) -> Duration {
    (look * SHARE).clamp(POLL, LONGEST)
}

/// One look, and what is to be done then; answers how it ended, if it did.
async fn step(
    subject: &Subject,
    leaving: &mut Leaving,
    begin: Instant,
    wait: &mut Duration,
) -> Result<Option<Ending>, AskError> {
    let asked = Instant::now();
    let seen = look(subject, leaving.may_be_held_up(begin.elapsed())).await?;
    *wait = pause(asked.elapsed());
    let step = leaving.next(begin.elapsed(), seen);
    match &step {
        Step::Drain(list) => {
            let accepted = retire(subject, list, false).await?;
            log_retired("asked to let workers finish and hand over", list, &accepted);
            leaving.drained(begin.elapsed(), list, &accepted);
        }
        Step::Close(list) => {
            let accepted = retire(subject, list, true).await?;
            log_retired("asked to let workers go", list, &accepted);
            leaving.closed(begin.elapsed(), list, &accepted);
        }
        Step::End(ending) => return Ok(Some(*ending)),
        Step::Wait => {}
    }
    Ok(None)
}

async fn retire(subject: &Subject, list: &[String], close: bool) -> Result<BTreeSet<String>, AskError> {
    let list = list.to_vec();
    subject.scheduler.ask(move |c| async move { c.retire_workers(&list, close, close).await }.boxed()).await
}

/// Looks at the workers; `asks_for_p2p`: also whether they are part of a P2P operation.
async fn look(subject: &Subject, asks_for_p2p: bool) -> Result<Seen, AskError> {
    let scheduler = &subject.scheduler;
    let identity = scheduler.ask(|c| c.identity().boxed()).await?;
    let listeners = proc_session::listeners(&subject.leaders);
    let own = pod_workers::own_addresses(scheduler.connection().facts().own);
    let marks = PodIdentity::new(scheduler.scheme(), &listeners, &own, subject.name.as_deref());
    let mut seen = pod_workers::seen(&identity, &marks);
    if asks_for_p2p {
        let mine = seen.mine.clone();
        seen.takes_part =
            scheduler.ask(move |c| async move { takes_part(c, &identity, &mine).await }.boxed()).await?;
    }
    Ok(seen)
}

/// Whether a P2P operation restarts when one of these goes. Releases that do not tell: whether there is one at all.
async fn takes_part(client: &mut Client, identity: &Identity, mine: &[PodWorker]) -> Result<bool, CommError> {
    if !client.p2p_active().await? {
        return Ok(false);
    }
    if client.versions().await?.is_none_or(|version| version < OFFERS) {
        return Ok(true);
    }
    let offered = client.workers_to_close(identity.workers.len()).await?;
    Ok(mine.iter().any(|m| !offered.contains(&m.address)))
}

fn log_retired(what: &str, asked: &[String], accepted: &BTreeSet<String>) {
    tracing::info!(asked = asked.len(), accepted = accepted.len(), what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_look_makes_the_next_one_later_and_never_late() {
        let pauses = [1, 100, 60_000].map(|ms| pause(Duration::from_millis(ms)).as_millis());
        assert_eq!(pauses, [300, 1000, 5000]);
    }
}
