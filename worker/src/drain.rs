//! Lets this pod's workers leave, by asking the scheduler step by step.

use std::{collections::BTreeSet, time::Duration};

use dask_comm::CommError;
use rustix::process::Pid;
use tokio::time::Instant;

use crate::{
    leave::{Ending, Leaving, Seen, Step},
    mine::{self, Marks},
    scheduler::{AskError, Conversation, Scheduler},
    session,
};

/// Between two looks.
const POLL: Duration = Duration::from_millis(300);
/// A look takes at most this part of the time: one at many workers costs the scheduler milliseconds.
const SHARE: u32 = 10;
/// Longest time between two looks.
const LONGEST: Duration = Duration::from_secs(5);

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
    let mut leaving = Leaving::within(limit);
    tokio::select! {
        ending = steps(subject, &mut leaving, begin) => return ending,
        () = subject.scheduler.lost() => return Ending::SchedulerLost,
        () = tokio::time::sleep(limit) => {}
    }
    leaving.out_of_time()
}

async fn steps(subject: &Subject, leaving: &mut Leaving, begin: Instant) -> Ending {
    let mut conversation = None;
    loop {
        let mut wait = POLL;
        match step(subject, leaving, begin, &mut conversation, &mut wait).await {
            Ok(Some(ending)) => return ending,
            Ok(None) => {}
            Err(error) if error.is_distrust() => {
                tracing::warn!(%error, "it is not believed");
                return Ending::CannotAsk;
            }
            Err(error) => {
                tracing::warn!(%error, "asking again");
                conversation = None;
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
    conversation: &mut Option<Conversation>,
    wait: &mut Duration,
) -> Result<Option<Ending>, AskError> {
    let left = leaving.deadline().saturating_sub(begin.elapsed());
    let talk = match conversation {
        Some(talk) if talk.client.is_usable() => talk,
        _ => conversation.insert(subject.scheduler.connect(left).await?),
    };
    let failed = |source| subject.scheduler.failed(source);
    let asked = Instant::now();
    let seen = look(subject, talk).await.map_err(failed)?;
    *wait = pause(asked.elapsed());
    let step = leaving.next(begin.elapsed(), seen);
    match &step {
        Step::Prepare(list) => {
            let accepted = talk.client.retire_workers(list, false, false).await.map_err(failed)?;
            told("asked to let workers finish and hand over", list, &accepted);
            leaving.prepared(begin.elapsed(), list, &accepted);
        }
        Step::Close(list) => {
            let accepted = talk.client.retire_workers(list, true, true).await.map_err(failed)?;
            told("asked to let workers go", list, &accepted);
            leaving.closed(begin.elapsed(), list, &accepted);
        }
        Step::End(ending) => return Ok(Some(*ending)),
        Step::Wait => {}
    }
    Ok(None)
}

async fn look(subject: &Subject, talk: &mut Conversation) -> Result<Seen, CommError> {
    let listeners = session::listeners(&subject.leaders);
    let marks = Marks::new(subject.scheduler.scheme(), &listeners, talk.own, subject.name.as_deref());
    let identity = talk.client.identity().await?;
    let p2p = talk.client.p2p_active().await?;
    Ok(mine::seen(&identity, &marks, p2p))
}

fn told(what: &str, asked: &[String], accepted: &BTreeSet<String>) {
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
