//! `idleTimeout`: a cluster that has nothing to do for that long is deleted.

use std::time::Duration;

use dask_crds::Phase;

use super::Input;
use crate::{
    action::{Action, Decision, EventRecord, Kind, SchedulerNeed},
    conditions::{self, Observed},
    scheduler::{Idle, Snapshot},
    time::Timestamp,
};

/// A reading that is older than this says nothing about now.
const STALE: Duration = Duration::from_secs(30);

/// Asks whether the scheduler is idle, where somebody wants to know; deletes the cluster when it was for long
/// enough. Only an answer counts: silence is no idleness.
pub(crate) fn plan<S>(input: &Input<'_>, phase: Phase, decision: &mut Decision<S>) -> Option<Observed> {
    let timeout = u64::try_from(input.cluster.spec.idle_timeout).ok().filter(|s| *s > 0)?;
    if phase != Phase::Running {
        return None;
    }
    decision.need = SchedulerNeed::Idle;
    let snapshot = input.scheduler.known().filter(|s| input.now.since(s.read) <= STALE)?;
    let since = since(snapshot)?;
    let over = since.plus(Duration::from_secs(timeout));
    if input.now < over {
        let left = input.now.until(over).max(Duration::from_millis(100));
        decision.requeue = Some(decision.requeue.map_or(left, |d| d.min(left)));
        let text = format!(
            "nothing to do since {}; the cluster is deleted at {} if that lasts (spec.idleTimeout: {timeout})",
            since.rfc3339(),
            over.rfc3339()
        );
        return Some(conditions::yes(conditions::IDLE, "NoWork", text));
    }
    let text = format!(
        "deleted: nothing to do since {}, which is longer than spec.idleTimeout ({timeout} s)",
        since.rfc3339()
    );
    decision.actions.push(Action::Event(EventRecord::normal("IdleTimeout", &text)));
    decision.actions.push(Action::Delete {
        kind: Kind::Cluster,
        name: input.cluster.meta.name.clone(),
        uid: input.cluster.meta.uid.clone(),
        why: "it had nothing to do for spec.idleTimeout",
    });
    None
}

/// Since when the scheduler has had nothing to do. Its clock may be behind ours: never longer than we have
/// not seen it busy.
fn since(snapshot: &Snapshot) -> Option<Timestamp> {
    match snapshot.idle? {
        Idle::Busy => None,
        Idle::Since(t) => Some(snapshot.last_busy.map_or(t, |busy| busy.max(t))),
    }
}
