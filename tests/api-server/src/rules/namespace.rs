//! Namespaces: their finalizer, and how they are emptied.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    call::{DeleteOptions, Propagation},
    journal::{Act, Verb},
    meta,
    request::Target,
    server::Shared,
    store::{Object, State},
    update::{Edit, Way, update},
};

/// Sets the defaults.
pub(super) fn default(object: &mut Value) {
    let name = meta::text(object, "name").to_string();
    let is_new = object.get("status").is_none();
    let spec = meta::map(object, "spec");
    if is_new {
        meta::or_put(spec, "finalizers", json!(["kubernetes"]));
    }
    let labels = meta::as_map(meta::of(object).entry("labels").or_insert(Value::Null));
    if !name.is_empty() {
        labels.insert("kubernetes.io/metadata.name".into(), json!(name));
    }
}

/// What the controller of namespaces does: deletes what is in those that are being deleted, and takes them out when
/// they are empty. Answers how many objects it changed.
pub(crate) fn empty(shared: &Shared, state: &mut State, user: &str) -> usize {
    let Some(table) = state.table("namespaces") else { return 0 };
    let going: Vec<Arc<Object>> = state
        .tables
        .get(table)
        .into_iter()
        .flat_map(|t| t.objects.values())
        .filter(|o| meta::is_going(&o.value))
        .cloned()
        .collect();
    let mut changed = 0;
    for object in going {
        let name = meta::text(&object.value, "name");
        let inside: Vec<Target> = state
            .tables
            .iter()
            .enumerate()
            .flat_map(|(i, t)| t.objects.keys().map(move |k| (i, t, k)))
            .filter(|(_, _, (namespace, _))| namespace == name)
            .map(|(i, t, k)| Target::of(i, &t.kind, k))
            .collect();
        let options =
            DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
        for inner in &inside {
            changed += usize::from(crate::garbage::remove(shared, state, inner, &options));
        }
        if inside.is_empty() && release(shared, state, &object, user) {
            changed += 1;
        }
    }
    changed
}

fn release(shared: &Shared, state: &mut State, object: &Arc<Object>, user: &str) -> bool {
    let Some(table) = state.table("namespaces") else { return false };
    let Some(kind) = state.tables.get(table).map(|t| t.kind.clone()) else { return false };
    let name = Some(meta::text(&object.value, "name").to_string());
    let target = Target { table, kind, namespace: String::new(), name, subresource: None };
    let mut asked = Asked::plain(shared, &target, Act::new(user, Verb::Update, None));
    let mut new = (*object.value).clone();
    meta::map(&mut new, "spec").insert("finalizers".into(), json!([]));
    update(state, &mut asked, Edit { live: object, new, way: Way::Patch }).is_ok()
}
