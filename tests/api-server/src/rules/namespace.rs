//! Namespaces: their finalizer, and how they are emptied.

use serde_json::{Value, json};

use crate::{
    asked::Asked,
    call::{DeleteOptions, Propagation},
    journal::{Act, Verb},
    meta,
    request::Target,
    server::Shared,
    store::{Key, State},
    update::{Way, update},
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
    let going: Vec<(Key, _)> = state
        .tables
        .get(table)
        .into_iter()
        .flat_map(|t| t.objects.iter())
        .filter(|(_, o)| meta::is_going(&o.value))
        .map(|(key, o)| (key.clone(), o.clone()))
        .collect();
    let mut changed = 0;
    for (key, object) in going {
        let inside: Vec<(usize, Key)> = state
            .tables
            .iter()
            .enumerate()
            .flat_map(|(i, t)| t.objects.keys().map(move |k| (i, k)))
            .filter(|(_, (namespace, _))| *namespace == key.1)
            .map(|(i, k)| (i, k.clone()))
            .collect();
        let options =
            DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
        for (index, inner) in &inside {
            changed += usize::from(crate::garbage::remove(shared, state, (*index, inner), &options));
        }
        if inside.is_empty() && release(shared, state, (table, &key, &object), user) {
            changed += 1;
        }
    }
    changed
}

fn release(
    shared: &Shared,
    state: &mut State,
    (table, key, object): (usize, &Key, &std::sync::Arc<crate::store::Object>),
    user: &str,
) -> bool {
    let Some(kind) = state.tables.get(table).map(|t| t.kind.clone()) else { return false };
    let name = Some(key.1.clone());
    let target = Target { table, kind, namespace: String::new(), name, subresource: None };
    let mut asked = Asked::plain(shared, &target, Act::new(user, Verb::Update, None));
    let mut new = (*object.value).clone();
    meta::map(&mut new, "spec").insert("finalizers".into(), json!([]));
    update(state, &mut asked, object, new, Way::Patch).is_ok()
}
