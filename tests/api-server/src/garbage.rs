//! The garbage collector: what goes with its owners.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    call::{DeleteOptions, Propagation},
    delete::{self, FOREGROUND, ORPHAN},
    journal::{Act, Verb},
    meta,
    request::Target,
    server::Shared,
    store::{Object, State},
    update::{Edit, Way, update},
};

/// Who it is in the journal.
const USER: &str = "system:serviceaccount:kube-system:generic-garbage-collector";

/// What one pass has seen of all objects, by UID.
struct Seen {
    owners: BTreeMap<String, Owner>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Stays,
    /// Goes after what it owns.
    WaitsForDependents,
}

/// An object that is stored, and the target that names it.
struct Found {
    target: Target,
    object: Arc<Object>,
}

impl Found {
    /// Those of a table that are looked for.
    fn all(state: &State, index: usize, is_wanted: impl Fn(&Object) -> bool) -> Vec<Self> {
        let Some(table) = state.tables.get(index) else { return Vec::new() };
        let wanted = table.objects.iter().filter(|(_, o)| is_wanted(o));
        wanted.map(|(k, o)| Self { target: Target::of(index, &table.kind, k), object: o.clone() }).collect()
    }
}

/// One pass; answers how many objects it changed.
pub(crate) fn collect(shared: &Shared) -> usize {
    let mut state = shared.lock();
    let state = &mut *state;
    let seen = Seen::of(state);
    let mut changed = 0;
    for table in 0..state.tables.len() {
        let found = Found::all(state, table, |o| is_interesting(&o.value));
        for found in &found {
            let is_changed = visit(shared, state, found, &seen);
            changed += usize::from(is_changed);
        }
    }
    changed + crate::rules::empty_namespaces(shared, state, USER)
}

fn is_interesting(object: &Value) -> bool {
    !meta::list(object, "/metadata/ownerReferences").is_empty() || meta::is_going(object)
}

impl Seen {
    fn of(state: &State) -> Self {
        let objects = state.tables.iter().flat_map(|t| t.objects.values());
        let owners = objects.map(|o| {
            let waits = meta::is_going(&o.value) && meta::finalizers(&o.value).any(|f| f == FOREGROUND);
            let owner = if waits { Owner::WaitsForDependents } else { Owner::Stays };
            (meta::text(&o.value, "uid").to_string(), owner)
        });
        Self { owners: owners.collect() }
    }

    fn owner(&self, reference: &Value) -> Option<Owner> {
        self.owners.get(reference["uid"].as_str().unwrap_or_default()).copied()
    }
}

fn visit(shared: &Shared, state: &mut State, found: &Found, seen: &Seen) -> bool {
    let value = &found.object.value;
    if meta::is_going(value) {
        return finalize(shared, state, found);
    }
    let references = meta::list(value, "/metadata/ownerReferences");
    let (there, gone): (Vec<&Value>, Vec<&Value>) =
        references.iter().partition(|r| seen.owner(r) == Some(Owner::Stays));
    if gone.is_empty() {
        return false;
    }
    if !there.is_empty() {
        let kept: Vec<Value> = there.into_iter().cloned().collect();
        let kept_only = |new: &mut Value| {
            meta::of(new).insert("ownerReferences".into(), json!(kept));
        };
        return change(shared, state, found, kept_only);
    }
    let is_foreground = gone.iter().any(|r| seen.owner(r) == Some(Owner::WaitsForDependents));
    let has_dependents = is_foreground && !dependents(state, meta::text(value, "uid")).is_empty();
    let propagation = if has_dependents { Propagation::Foreground } else { Propagation::Background };
    let options = DeleteOptions {
        uid: Some(meta::text(value, "uid").to_string()),
        propagation: Some(propagation),
        ..DeleteOptions::default()
    };
    remove(shared, state, &found.target, &options)
}

/// Deletes as the collector does.
pub(crate) fn remove(shared: &Shared, state: &mut State, target: &Target, options: &DeleteOptions) -> bool {
    let was = state.version;
    let mut asked = Asked::plain(shared, target, Act::new(USER, Verb::Remove, None));
    let done = delete::delete(state, &mut asked, options);
    done.is_ok() && state.version > was
}

/// What waits for the collector itself: dependents to be deleted first, or to be let go.
fn finalize(shared: &Shared, state: &mut State, found: &Found) -> bool {
    let uid = meta::text(&found.object.value, "uid");
    let mut has = meta::finalizers(&found.object.value).filter(|f| [FOREGROUND, ORPHAN].contains(f));
    let Some(finalizer) = has.next() else { return false };
    let dependents = dependents(state, uid);
    if finalizer == ORPHAN {
        for dependent in &dependents {
            change(shared, state, dependent, |new| {
                if let Some(list) = meta::of(new).get_mut("ownerReferences").and_then(Value::as_array_mut) {
                    list.retain(|r| r["uid"] != *uid);
                }
            });
        }
    } else if dependents.iter().any(|d| blocks(&d.object.value, uid)) {
        return false;
    }
    change(shared, state, found, |new| {
        if let Some(list) = meta::of(new).get_mut("finalizers").and_then(Value::as_array_mut) {
            list.retain(|f| f != finalizer);
        }
    })
}

fn blocks(dependent: &Value, uid: &str) -> bool {
    let mut references = meta::list(dependent, "/metadata/ownerReferences").iter();
    references.any(|r| r["uid"] == uid && r["blockOwnerDeletion"] == true)
}

fn dependents(state: &State, uid: &str) -> Vec<Found> {
    let is_owned =
        |o: &Object| meta::list(&o.value, "/metadata/ownerReferences").iter().any(|r| r["uid"] == uid);
    (0..state.tables.len()).flat_map(|table| Found::all(state, table, is_owned)).collect()
}

fn change(shared: &Shared, state: &mut State, found: &Found, edit: impl FnOnce(&mut Value)) -> bool {
    let Found { target, object } = found;
    let mut new = (*object.value).clone();
    edit(&mut new);
    let was = state.version;
    let mut asked = Asked::plain(shared, target, Act::new(USER, Verb::Update, None));
    let done = update(state, &mut asked, Edit { live: object, new, way: Way::Patch });
    done.is_ok() && state.version > was
}
