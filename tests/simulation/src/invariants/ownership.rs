//! Whose objects the operator touches, and how many it makes.

use std::time::Duration;

use kube_memory_api_server::{Change, Verb};
use serde_json::Value;

use super::{
    Violation,
    history::{Books, Owner},
};
use crate::world::owner;

/// Resources whose objects belong to one of ours.
const CHILDREN: [&str; 3] = ["pods", "deployments", "services"];
/// Labels that something selects by.
const SELECTED: [&str; 3] = ["dask.org/cluster-name", "dask.org/component", "dask.org/workergroup-name"];

pub fn check(books: &Books, change: &Change, now: Duration, found: &mut Vec<Violation>) {
    let mut say = |rule, what| found.push(Violation { rule, what });
    let object = change.before.as_ref().or(change.after.as_ref());
    let was = books.pods.get(&change.uid).and_then(|p| p.owner.as_deref());
    let owner = object.and_then(|o| owner(o)).or(was).and_then(|uid| books.owners.get(uid));
    let name = format!("{} {}", change.resource, change.name);
    let is_child = CHILDREN.contains(&change.resource.as_ref());
    if is_child && owner.is_none_or(|o| o.namespace != change.namespace) {
        say(
            "only-ours",
            format!(
                "{name} belongs to nothing of ours in its namespace, and was changed ({:?})",
                change.verb
            ),
        );
    }
    let has_uid = change.preconditions.as_ref().is_some_and(|(uid, _)| uid.is_some());
    if change.verb == Verb::Delete && !has_uid {
        say("only-ours", format!("{name} was deleted without its UID"));
    }
    if let (Verb::Create, Some(owner)) = (change.verb, owner)
        && books.is_gone(owner, now)
    {
        say("owner-exists", format!("{name} was made for {} {}, which is gone", owner.resource, owner.name));
    }
    if (change.verb, change.resource.as_ref()) == (Verb::Create, "pods")
        && books.pod_names.contains(&change.name)
    {
        say("new-names", format!("{name} has the name of a pod that was there before"));
    }
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        for label in SELECTED {
            let of = |o: &Value| o["metadata"]["labels"][label].clone();
            if is_child && of(before) != of(after) {
                say("stable-selectors", format!("{name}: label {label} was changed"));
            }
        }
    }
    if let Some(after) = &change.after {
        let observed = after["status"]["observedGeneration"].as_i64();
        if after["status"]["jobStatus"] == "Successful" && !books.had_pods.contains(&change.uid) {
            say("truthful-status", format!("{name} is told to be Successful, and its program never ran"));
        }
        if observed > after["metadata"]["generation"].as_i64().or(Some(i64::MAX)) {
            say("truthful-status", format!("{name}: observedGeneration is ahead of the generation"));
        }
    }
}

/// No pod is made where as many are there as anybody may still want.
pub fn surplus(books: &Books, change: &Change, now: Duration, found: &mut Vec<Violation>) {
    if change.verb != Verb::Create || change.resource.as_ref() != "pods" {
        return;
    }
    let Some(uid) = change.after.as_deref().and_then(owner) else { return };
    let Some(group) = books.owners.get(uid).filter(|o| o.resource == "daskworkergroups") else { return };
    let there = staying(books, uid, now);
    let wanted = books.largest(group, now);
    if i64::try_from(there).unwrap_or(i64::MAX) >= wanted {
        let what = format!("pod {} was made where {there} of {wanted} were there", change.name);
        found.push(Violation { rule: "no-surplus", what });
    }
}

fn staying(books: &Books, group: &str, now: Duration) -> usize {
    let mine = books.pods.values().filter(|p| p.owner.as_deref() == Some(group));
    mine.filter(|p| p.live && !p.marked && !books.is_threatened(p, now)).count()
}

/// The autoscaler of this group.
pub fn scaler<'a>(books: &'a Books, group: &Owner) -> Option<&'a Owner> {
    let mut all = books.owners.values().filter(|o| o.resource == "daskautoscalers" && o.leaves.is_none());
    all.find(|o| o.scales == group.name)
}
