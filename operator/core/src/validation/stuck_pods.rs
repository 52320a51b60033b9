//! Pods that do not get ready and whose status does not say why: their events do.

use std::time::Duration;

use crate::model::{
    pod::{PodPhase, PodRecord},
    time::Timestamp,
    trouble::Trouble,
    uid::Uid,
};

/// After this long without a word in its status, Kubernetes' events are asked what keeps a pod: a volume that
/// cannot be mounted, a probe that fails.
pub const AFTER: Duration = Duration::from_secs(10);
/// How long an explanation counts before it is asked for again.
const VALID: Duration = Duration::from_secs(30);
/// Where the events said nothing yet, they are asked again after half of the pod's age, and not sooner than this: a
/// kubelet that is busy tells late.
const SOONEST: Duration = Duration::from_secs(5);

/// What events said of one pod of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// UID of the pod.
    pub uid: Uid,
    /// What they said; `None` if nothing.
    pub trouble: Option<Trouble>,
    /// When they were asked.
    pub at: Timestamp,
}

/// Whether the pod has a node, does not get ready, and does not say why.
pub fn is_silent(pod: &PodRecord, now: Timestamp) -> bool {
    pod.is_live()
        && !pod.is_ready()
        && !pod.is_deployment
        && pod.scheduled
        && pod.trouble.is_none()
        && pod.mark.is_none()
        && now.since(pod.created) >= AFTER
}

/// What is known of the pod beyond its status, and whether to ask (again).
pub fn event_trouble<'a>(
    pod: &PodRecord,
    explained: Option<&'a Explanation>,
    now: Timestamp,
) -> (Option<&'a Trouble>, bool) {
    if !is_silent(pod, now) {
        return (None, false);
    }
    match explained.filter(|e| e.uid == pod.uid) {
        Some(Explanation { trouble: None, at, .. }) => (None, now.since(*at) >= asked_again_after(pod, *at)),
        Some(e) => (e.trouble.as_ref(), now.since(e.at) >= VALID),
        None => (None, true),
    }
}

/// When to look whether the pod has come up; `None` where its status tells.
pub fn recheck_after(pod: &PodRecord, now: Timestamp) -> Option<Duration> {
    let waits = pod.is_live() && !pod.is_ready() && pod.scheduled && pod.trouble.is_none();
    let is_new = matches!(pod.phase, PodPhase::Pending | PodPhase::Running);
    (waits && is_new).then(|| {
        let left = now.until(pod.created.plus(AFTER));
        if left.is_zero() { asked_again_after(pod, now) } else { left }
    })
}

/// How long after a question that said nothing the next one follows.
fn asked_again_after(pod: &PodRecord, at: Timestamp) -> Duration {
    (at.since(pod.created) / 2).clamp(SOONEST, VALID)
}
