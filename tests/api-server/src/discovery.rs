//! Discovery: which groups, versions and resources there are.

mod aggregated;

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    kinds::{Builtin, Kind},
    openapi, review,
    store::{State, written},
};

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
/// In the order in which they are told of custom resources.
const CUSTOM_VERBS: [&str; 8] =
    ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// An answer and its media type.
pub(crate) struct Found {
    pub body: Bytes,
    pub media: &'static str,
}

/// The answer to a path of discovery, in the form that the client accepts.
pub(crate) fn answer<'a>(state: &State, path: &str, accept: impl FnOnce() -> &'a str) -> Option<Found> {
    if matches!(path, "/healthz" | "/livez" | "/readyz") {
        return Some(Found { body: Bytes::from_static(b"ok"), media: "text/plain; charset=utf-8" });
    }
    if matches!(path, "/api" | "/apis") && aggregated::is_wanted(accept()) {
        let groups = if path == "/api" { [(String::new(), "v1".into())].into() } else { groups(state) };
        let all = groups.into_iter().filter_map(|(group, version)| {
            let list = resources(state, &group, &version)?;
            Some((group, version, list))
        });
        return Some(Found { body: written(&aggregated::of(all)), media: aggregated::MEDIA });
    }
    let found = document(state, path)?;
    Some(Found { body: written(&found), media: "application/json" })
}

fn document(state: &State, path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    match parts.as_slice() {
        ["version"] => Some(version()),
        ["api"] => Some(json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}],
        })),
        ["apis"] => {
            let groups: Vec<Value> = groups(state).into_iter().map(|(g, v)| group(&g, &v)).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        ["apis", name] => {
            let (name, version) = groups(state).into_iter().find(|(g, _)| g == name)?;
            let mut found = group(&name, &version);
            found["kind"] = json!("APIGroup");
            found["apiVersion"] = json!("v1");
            Some(found)
        }
        ["openapi", "v3", rest @ ..] => openapi::answer(state, rest),
        ["api", version] => resources(state, "", version),
        ["apis", group, version] => resources(state, group, version),
        _ => None,
    }
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "gitVersion": "v1.34.0", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64",
    })
}

fn groups(state: &State) -> BTreeSet<(String, String)> {
    let kinds = state.tables.iter().map(|t| &t.kind).filter(|k| !k.group.is_empty());
    let reviews = review::GROUPS.iter().map(|group| (group.to_string(), "v1".to_string()));
    kinds.map(|k| (k.group.clone(), k.version.clone())).chain(reviews).collect()
}

fn group(name: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn resources(state: &State, group: &str, version: &str) -> Option<Value> {
    let kinds: Vec<&Kind> =
        state.tables.iter().map(|t| &*t.kind).filter(|k| k.group == group && k.version == version).collect();
    let mut list: Vec<Value> = kinds.iter().flat_map(|kind| of_kind(kind)).collect();
    if version == "v1" {
        list.extend(review::resources(group));
    }
    if list.is_empty() {
        return None;
    }
    let name = if group.is_empty() { version.to_string() } else { format!("{group}/{version}") };
    Some(json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": list}))
}

fn of_kind(kind: &Kind) -> Vec<Value> {
    let mut main = json!({
        "name": &*kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
        "verbs": if kind.builtin().is_some() { VERBS } else { CUSTOM_VERBS },
    });
    for (key, list) in [("shortNames", &kind.short), ("categories", &kind.categories)] {
        if !list.is_empty() {
            main[key] = json!(list);
        }
    }
    let mut all = vec![main];
    let sub = |name: &str, of: &str, verbs: &[&str]| {
        json!({
            "name": format!("{}/{name}", kind.plural), "singularName": "", "namespaced": kind.namespaced,
            "kind": of, "verbs": verbs,
        })
    };
    if kind.status {
        all.push(sub("status", &kind.kind, &["get", "patch", "update"]));
    }
    if kind.scale.is_some() {
        let mut scale = sub("scale", "Scale", &["get", "patch", "update"]);
        (scale["group"], scale["version"]) = (json!("autoscaling"), json!("v1"));
        all.push(scale);
    }
    if kind.is(Builtin::Pod) {
        all.push(sub("binding", "Binding", &["create"]));
    }
    all
}
