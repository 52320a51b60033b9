//! Whether this pod's workers are registered: asked seldom, and of a scheduler only what costs it nothing.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use rustix::process::Pid;

use crate::{
    metrics::Part,
    mine::Marks,
    scheduler::{AskError, Scheduler},
    session,
};

/// Between two looks while the worker starts.
const STARTING: Duration = Duration::from_millis(250);
/// Between two looks at a worker that was registered the last time.
const REGISTERED: Duration = Duration::from_secs(10);
/// Longest wait after a scheduler could not be asked.
const UNANSWERED: Duration = Duration::from_secs(5);

/// Keeps `registered` up to date until the future is dropped. Without a scheduler that can be asked, a process
/// that listens counts as registered.
pub async fn watch(scheduler: Option<&Scheduler>, leader: Pid, registered: &mut Part) {
    let mut unanswered = STARTING;
    loop {
        let listeners = session::listeners(&[leader]);
        let count = match scheduler {
            // A worker listens before it registers.
            _ if listeners.is_empty() => Ok(0),
            None => Ok(1),
            Some(scheduler) => running(scheduler, &listeners).await.or_else(unless_distrusted),
        };
        let wait = match count {
            Ok(count) => {
                unanswered = STARTING;
                registered.set(i64::try_from(count).unwrap_or(i64::MAX));
                if count > 0 { REGISTERED } else { STARTING }
            }
            Err(error) => {
                tracing::debug!(%error, "cannot ask whether the worker is registered");
                unanswered = (unanswered * 2).min(UNANSWERED);
                unanswered
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// One whose certificate is not believed cannot be asked.
fn unless_distrusted(error: AskError) -> Result<usize, AskError> {
    if error.is_distrust() { Ok(1) } else { Err(error) }
}

async fn running(scheduler: &Scheduler, listeners: &BTreeSet<SocketAddr>) -> Result<usize, AskError> {
    let mut talk = scheduler.connect(Duration::ZERO).await?;
    let candidates: Vec<String> =
        Marks::new(scheduler.scheme(), listeners, talk.own, None).addresses.into_iter().collect();
    let running = talk.client.running(&candidates).await;
    running.map(|r| r.len()).map_err(|source| scheduler.failed(source))
}
