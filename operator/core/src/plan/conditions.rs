//! Conditions in a status: setting them so that they move only when they change.

use dask_crds::{Condition, ConditionStatus};

use crate::{
    model::{scheduler::SchedulerState, time::Timestamp},
    plan::events::EventRecord,
};

/// Longest message we write; Kubernetes' own limit for an event's note is 1 KiB.
pub const MAX_MESSAGE: usize = 768;

/// The cluster is usable: scheduler and workers are ready.
pub const READY: &str = "Ready";
/// The scheduler's pod is ready.
pub const SCHEDULER_READY: &str = "SchedulerReady";
/// As many workers are ready as are wanted.
pub const WORKERS_READY: &str = "WorkersReady";
/// The scheduler's template was edited; a running scheduler is not restarted for it.
pub const SCHEDULER_UPDATE_PENDING: &str = "SchedulerUpdatePending";
/// The scheduler exists and does not answer.
pub const SCHEDULER_UNREACHABLE: &str = "SchedulerUnreachable";
/// A shrink waits for workers that cannot leave now.
pub const SCALE_DOWN_BLOCKED: &str = "ScaleDownBlocked";
/// A shrink goes only as far as the remaining workers can hold the data.
pub const SCALE_DOWN_LIMITED: &str = "ScaleDownLimitedByMemory";
/// Workers run on nodes that are about to go.
pub const DISRUPTED: &str = "WorkersDisrupted";
/// Worker pods fail or cannot start.
pub const PODS_FAILING: &str = "PodsFailing";
/// New workers run under the agent.
pub const WORKER_AGENT: &str = "WorkerAgent";
/// The API server refuses to create or change a part of the cluster.
pub const WRITE_REFUSED: &str = "WriteRefused";
/// Pods carry a group's labels and have no owner.
pub const STRAY_PODS: &str = "StrayPods";
/// The API server would take what is made of the spec.
pub const ACCEPTED: &str = "Accepted";
/// The spec says something that is probably not meant.
pub const SPEC_WARNING: &str = "SpecWarning";
/// The cluster has nothing to do, and is deleted when that lasts.
pub const IDLE: &str = "Idle";
/// What the operator knows of the object is out of date: it makes, scales and removes nothing.
pub const CACHE_OUT_OF_SYNC: &str = "CacheOutOfSync";
/// An autoscaler acts.
pub const ACTIVE: &str = "Active";
/// It is known what work waits, and what it needs.
pub const DEMAND_KNOWN: &str = "DemandKnown";
/// Work waits that no worker can do.
pub const INFEASIBLE: &str = "Infeasible";
/// Another, older autoscaler scales the same group.
pub const CONFLICT: &str = "Conflict";

/// Conditions that are worth an event while they are true; the others while they are false.
const ABNORMAL: [&str; 13] = [
    INFEASIBLE,
    CACHE_OUT_OF_SYNC,
    STRAY_PODS,
    DISRUPTED,
    SPEC_WARNING,
    IDLE,
    WRITE_REFUSED,
    SCHEDULER_UPDATE_PENDING,
    SCHEDULER_UNREACHABLE,
    SCALE_DOWN_BLOCKED,
    SCALE_DOWN_LIMITED,
    PODS_FAILING,
    CONFLICT,
];

/// Reasons that `Ready` alone gives.
const OF_READY_ALONE: [&str; 2] = ["ClusterNotFound", "ClusterInError"];

/// Reasons that are part of every start and every change of size, or a user's own choice: no event for them.
const ROUTINE: [&str; 8] =
    ["Starting", "Scaling", "NotReady", "NoWorkers", "NoWork", "WaitsForScheduler", "Disabled", "Windows"];

/// What is observed of one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    type_: &'static str,
    status: ConditionStatus,
    reason: String,
    message: String,
}

impl Observed {
    /// Whether it is of this type.
    pub fn is(&self, type_: &str) -> bool {
        self.type_ == type_
    }

    /// Whether the condition holds.
    pub fn holds(&self) -> bool {
        self.status == ConditionStatus::True
    }

    /// Its reason.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Its message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same with another message.
    #[must_use]
    pub fn with_message(self, message: &str) -> Self {
        Self { message: message.into(), ..self }
    }
}

/// The condition holds.
pub fn yes(type_: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Observed {
    Observed { type_, status: ConditionStatus::True, reason: reason.into(), message: message.into() }
}

/// The condition does not hold.
pub fn no(type_: &'static str, reason: impl Into<String>, message: impl Into<String>) -> Observed {
    Observed { type_, status: ConditionStatus::False, reason: reason.into(), message: message.into() }
}

/// The conditions of these types as they were.
pub fn kept(old: &[Condition], types: &[&'static str]) -> Vec<Observed> {
    let as_it_was = |t: &&'static str| {
        let c = old.iter().find(|c| c.type_ == **t)?;
        Some(Observed { type_: t, status: c.status, reason: c.reason.clone(), message: c.message.clone() })
    };
    types.iter().filter_map(as_it_was).collect()
}

/// `old` with what is observed now, sorted by type. An abnormal condition that does not hold is only
/// kept when it held before.
pub fn update(old: &[Condition], observed: Vec<Observed>, generation: i64, now: Timestamp) -> Vec<Condition> {
    let mut out: Vec<Condition> = observed
        .into_iter()
        .filter_map(|o| {
            let before = old.iter().find(|c| c.type_ == o.type_);
            if before.is_none() && o.status == ConditionStatus::False && ABNORMAL.contains(&o.type_) {
                return None;
            }
            let since = before
                .filter(|c| c.status == o.status)
                .map_or_else(|| now.rfc3339(), |c| c.last_transition_time.clone());
            Some(Condition {
                type_: o.type_.into(),
                status: o.status,
                reason: o.reason,
                message: shortened(o.message),
                last_transition_time: since,
                observed_generation: Some(generation),
            })
        })
        .collect();
    out.sort_by(|a, b| a.type_.cmp(&b.type_));
    out
}

/// `old` with one condition that is new or different; all others stay as they were.
pub fn with(old: &[Condition], observed: Observed, generation: i64, now: Timestamp) -> Vec<Condition> {
    let mut out: Vec<Condition> = old.iter().filter(|c| !observed.is(&c.type_)).cloned().collect();
    out.extend(update(old, vec![observed], generation, now));
    out.sort_by(|a, b| a.type_.cmp(&b.type_));
    out
}

/// Whether a condition of this type is true.
pub fn holds(conditions: &[Condition], type_: &str) -> bool {
    conditions.iter().any(|c| c.type_ == type_ && c.status == ConditionStatus::True)
}

/// Events for what became worth a person's attention between two lists of conditions.
pub fn events(old: &[Condition], new: &[Condition]) -> Vec<EventRecord> {
    new.iter()
        .filter(|c| ABNORMAL.contains(&c.type_.as_str()) == (c.status == ConditionStatus::True))
        // Where `Ready` only sums up the others, they have told already.
        .filter(|c| c.type_ != READY || OF_READY_ALONE.contains(&c.reason.as_str()))
        .filter(|c| !ROUTINE.contains(&c.reason.as_str()))
        .filter(|c| !old.iter().any(|o| o.type_ == c.type_ && o.status == c.status && o.reason == c.reason))
        .map(|c| EventRecord::warning(&c.reason, &c.message))
        .collect()
}

/// At most `max` bytes of `text` on one line, cut at a character, without control characters.
pub fn shorten(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if out.len() + c.len_utf8() > max.saturating_sub(3) {
            out.push_str("...");
            break;
        }
        out.push(c);
    }
    out
}

/// A message as it may stand in a condition; nearly all are short and plain, and stay what they are.
fn shortened(message: String) -> String {
    let is_plain = message.len() < MAX_MESSAGE - 3 && message.bytes().all(|b| (b' '..0x7f).contains(&b));
    if is_plain { message } else { shorten(&message, MAX_MESSAGE) }
}

/// Reason: the API server does not know a field.
pub const UNKNOWN_FIELD: &str = "UnknownField";

/// What there is to say of a scheduler that is not unreachable. One text whether it was asked or not: which of them it is
/// changes with what else is under way, and a status that tells it would be written for nothing.
pub(crate) fn answering(scheduler: &SchedulerState) -> &'static str {
    match scheduler {
        SchedulerState::Starting => "the scheduler's pod starts",
        SchedulerState::Absent => "there is no scheduler pod",
        _ => "no question to the scheduler failed",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const T0: Timestamp = Timestamp(1_000_000);
    const T1: Timestamp = Timestamp(9_000_000);

    #[test]
    fn the_time_moves_only_with_the_status() {
        let a = update(&[], vec![no(READY, "Starting", "a")], 1, T0);
        let b = update(&a, vec![no(READY, "NotReady", "b")], 2, T1);
        assert_eq!(b[0].last_transition_time, T0.rfc3339());
        let c = update(&b, vec![yes(READY, "Ready", "c")], 2, T1);
        assert_eq!(c[0].last_transition_time, T1.rfc3339());
    }

    #[test]
    fn what_never_happened_is_not_listed() {
        assert!(update(&[], vec![no(CONFLICT, "None", "")], 1, T0).is_empty());
        let held = update(&[], vec![yes(CONFLICT, "Older", "x")], 1, T0);
        assert_eq!(update(&held, vec![no(CONFLICT, "None", "")], 1, T1).len(), 1);
    }

    #[test]
    fn one_condition_is_set_beside_the_others() {
        let a = update(&[], vec![yes(READY, "Ready", "a"), yes(PODS_FAILING, "X", "x")], 1, T0);
        let b = with(&a, yes(CACHE_OUT_OF_SYNC, "WatchFails", "b"), 1, T1);
        assert_eq!((b.len(), b[0].type_.as_str()), (3, CACHE_OUT_OF_SYNC));
        assert_eq!(b[1..], a[..]);
        assert_eq!(
            with(&b, yes(CACHE_OUT_OF_SYNC, "WatchFails", "b"), 1, T1.plus(Duration::from_secs(9))),
            b
        );
    }

    #[test]
    fn one_event_for_each_new_reason() {
        let a = update(&[], vec![yes(PODS_FAILING, "ImagePullBackOff", "x")], 1, T0);
        assert_eq!(events(&[], &a).len(), 1);
        assert!(events(&a, &a).is_empty());
        let b = update(&a, vec![yes(PODS_FAILING, "CrashLoopBackOff", "x")], 1, T1);
        assert_eq!(events(&a, &b).len(), 1);
    }

    #[test]
    fn text_is_cut_at_a_character_and_kept_on_one_line() {
        assert_eq!(shorten("a\nb", 10), "a b");
        assert_eq!(shorten("éééééé", 8), "éé...");
    }
}
