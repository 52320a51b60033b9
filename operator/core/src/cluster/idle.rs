//! `idleTimeout`: a cluster that has nothing to do for that long is deleted.

use std::time::Duration;

use dask_crds::Phase;

use super::input::Input;
use crate::{
    model::{
        scheduler::{Idle, Snapshot},
        time::Timestamp,
    },
    plan::{
        action::{Action, Decision},
        conditions::{self, Observed},
        events::EventRecord,
        kind::Kind,
        scheduler_need::SchedulerNeed,
    },
};

/// A reading that is older than this says nothing about now.
const STALE: Duration = Duration::from_secs(30);

/// Asks whether the scheduler is idle, where the spec has an `idleTimeout`; deletes the cluster when it was for long
/// enough. Only an answer counts: silence is no idleness.
pub(crate) fn delete_when_idle<S>(
    input: &Input<'_>,
    phase: Phase,
    decision: &mut Decision<S>,
) -> Option<Observed> {
    let timeout = u64::try_from(input.cluster.spec.idle_timeout).ok().filter(|s| *s > 0)?;
    // A job's cluster lives as long as its program, which may have other things to do.
    let is_a_jobs = input.cluster.meta.owners.iter().any(|o| o.kind == "DaskJob");
    if phase != Phase::Running || is_a_jobs {
        return None;
    }
    decision.need = SchedulerNeed::IDLE;
    let snapshot = input.scheduler.known().filter(|s| input.now.since(s.read) <= STALE)?;
    let since = since(input, snapshot)?;
    let over = since.plus(Duration::from_secs(timeout));
    let text = format!(
        "nothing to do since {}; the cluster is deleted at {} if that lasts (spec.idleTimeout: {timeout})",
        since.rfc3339(),
        over.rfc3339()
    );
    let idle = conditions::yes(conditions::IDLE, "NoWork", text);
    // What was read before the time was over says nothing about its end.
    if snapshot.at < over {
        // Each new reading wakes us; between the end of the time and the next one there is nothing to look at.
        let left = Some(input.now.until(over)).filter(|d| !d.is_zero());
        decision.requeue = decision.requeue.into_iter().chain(left).min();
        return Some(idle);
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
        // The timeout may have been removed a moment ago.
        resource_version: Some(input.cluster.meta.resource_version.clone()),
        why: "it had nothing to do for spec.idleTimeout",
    });
    // As it was: the status is not written, and the version stays.
    Some(idle)
}

/// Since when the scheduler has had nothing to do. Its clock, or ours, may be wrong: never longer than this process has
/// watched it and not seen it busy, and by as much later as it says that it is older than its pod.
fn since(input: &Input<'_>, snapshot: &Snapshot) -> Option<Timestamp> {
    match snapshot.idle? {
        Idle::Busy => None,
        Idle::Since(t) => {
            let pods = input.scheduler_pods.iter().filter(|p| p.is_live());
            let behind = pods.map(|p| p.created.since(snapshot.started)).min().unwrap_or_default();
            let t = t.plus(behind);
            Some(snapshot.last_busy.unwrap_or(snapshot.at).max(t))
        }
    }
}
