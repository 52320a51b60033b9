//! Deleting an object: at once, after a grace period, or when its finalizers are gone.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    asked::Asked,
    call::{DeleteOptions, Propagation},
    journal::{Act, Verb},
    kinds::{Builtin, Kind},
    meta,
    status::Status,
    store::{Object, State, key_of},
};

pub(crate) const FOREGROUND: &str = "foregroundDeletion";
pub(crate) const ORPHAN: &str = "orphan";

/// What became of it.
pub(crate) struct Deleted {
    pub object: Arc<Object>,
    pub is_gone: bool,
}

/// Deletes an object, or begins to.
pub(crate) fn delete(
    state: &mut State,
    asked: &mut Asked<'_>,
    options: &DeleteOptions,
) -> Result<Deleted, Status> {
    let live = asked.live(state)?;
    let kind = asked.target.kind.clone();
    check(&kind, &live.value, options)?;
    let name = meta::text(&live.value, "name");
    if kind.is(Builtin::Namespace) && matches!(name, "default" | "kube-system") {
        return Err(Status::forbidden(&kind, name, "this namespace may not be deleted"));
    }
    if options.uid.is_some() || options.resource_version.is_some() {
        asked.act.preconditions = Some((options.uid.clone(), options.resource_version.clone()));
    }
    let mut new = (*live.value).clone();
    let finalizers = finalizers(&live.value, options.propagation);
    let changes_finalizers = !meta::finalizers(&live.value).eq(finalizers.iter().map(String::as_str));
    let mut grace = if kind.is(Builtin::Pod) { Some(period(&live.value, options.grace)) } else { None };
    if meta::is_going(&live.value) {
        let own = live.value.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64);
        let own = own.unwrap_or(0);
        let is_hurried = options.grace.is_some() && grace.is_some_and(|g| g < own);
        if own > 0 && !is_hurried {
            return Ok(Deleted { object: live, is_gone: false });
        }
        grace = grace.map(|g| g.min(own));
    }
    if changes_finalizers {
        meta::of(&mut new).insert("finalizers".into(), json!(finalizers));
    }
    let waits = !finalizers.is_empty() || kind.is(Builtin::Namespace);
    if grace.is_some() || waits {
        mark(&mut new, grace.unwrap_or(0), asked.now);
    }
    if kind.is(Builtin::Namespace) {
        meta::map(&mut new, "status").insert("phase".into(), json!("Terminating"));
    }
    let is_gone = !waits && grace.unwrap_or(0) == 0;
    if asked.dry_run {
        return Ok(Deleted { object: Object::new(new, live.version), is_gone });
    }
    if !is_gone && meta::same(&live.value, &new) {
        return Ok(Deleted { object: live, is_gone });
    }
    let object = if is_gone {
        take_out(state, asked, &live, grace.map(|_| new))
    } else {
        state.put(asked.target.table, new, &asked.act, asked.now)
    };
    Ok(Deleted { object, is_gone })
}

/// Takes an object out; one with a grace period is first stored as it is `marked`.
fn take_out(state: &mut State, asked: &Asked<'_>, live: &Arc<Object>, marked: Option<Value>) -> Arc<Object> {
    let table = asked.target.table;
    // A real server writes the mark of a pod before it takes the pod out.
    if let Some(marked) = marked {
        state.put(table, marked, &Act { is_step: true, ..asked.act.clone() }, asked.now);
    }
    let verb = if asked.act.verb == Verb::Remove { Verb::Remove } else { Verb::Delete };
    let act = Act { verb, ..asked.act.clone() };
    state.take(table, &key_of(&live.value), &act, asked.now).unwrap_or_else(|| live.clone())
}

fn check(kind: &Kind, live: &Value, options: &DeleteOptions) -> Result<(), Status> {
    let refuse = |why: String| {
        let what =
            if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) };
        let name = meta::text(live, "name");
        let mut status = Status::conflict(kind, name, &why);
        status.message = format!("Operation cannot be fulfilled on {what} \"{name}\": {why}");
        if let Some(details) = &mut status.details {
            details.kind.clone_from(&kind.kind);
        }
        status
    };
    let (uid, version) = (meta::text(live, "uid"), meta::text(live, "resourceVersion"));
    if let Some(wanted) = options.uid.as_deref().filter(|w| *w != uid) {
        return Err(refuse(format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have \
             been deleted and then recreated"
        )));
    }
    if let Some(wanted) = options.resource_version.as_deref().filter(|w| *w != version) {
        return Err(refuse(format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({version}). The object might have been modified"
        )));
    }
    Ok(())
}

/// The finalizers that the propagation asks for.
fn finalizers(live: &Value, propagation: Option<Propagation>) -> Vec<String> {
    let Some(propagation) = propagation else { return meta::finalizers(live).map(String::from).collect() };
    let mut list: Vec<String> =
        meta::finalizers(live).filter(|f| ![ORPHAN, FOREGROUND].contains(f)).map(String::from).collect();
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => list.push(FOREGROUND.into()),
        Propagation::Orphan => list.push(ORPHAN.into()),
    }
    list
}

/// The grace period of a pod: none if no node runs it, or if it ran to its end.
fn period(pod: &Value, asked: Option<i64>) -> i64 {
    let text = |at: &str| pod.pointer(at).and_then(Value::as_str).unwrap_or_default();
    if text("/spec/nodeName").is_empty() || matches!(text("/status/phase"), "Succeeded" | "Failed") {
        return 0;
    }
    let own = pod.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(30);
    let seconds = asked.unwrap_or(own);
    if seconds < 0 { 1 } else { seconds }
}

/// Marks it as being deleted; what is marked keeps the moment that its deletion began.
fn mark(object: &mut Value, grace: i64, now: Timestamp) {
    let since: Option<Timestamp> = meta::text(object, "deletionTimestamp").parse().ok();
    let metadata = meta::of(object);
    let own = metadata.get("deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0);
    let seconds = |s| SignedDuration::from_secs(s);
    let (at, is_new) = match since {
        Some(at) => (at.checked_sub(seconds(own)).unwrap_or(at), false),
        None => (now, true),
    };
    let until = at.checked_add(seconds(grace)).unwrap_or(at);
    metadata.insert("deletionTimestamp".into(), json!(meta::time(until)));
    metadata.insert("deletionGracePeriodSeconds".into(), json!(grace));
    if let Some(generation) = metadata.get("generation").and_then(Value::as_i64).filter(|_| is_new) {
        metadata.insert("generation".into(), json!(generation + 1));
    }
}
