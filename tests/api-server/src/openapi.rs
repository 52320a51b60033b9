//! OpenAPI v3: a document for each group and version, and the list of them.

mod paths;
mod schemas;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::{Value, json};

pub(crate) use schemas::Described;

use crate::{kinds::Kind, store::State};

/// The answer to a path below `/openapi/v3`.
pub(crate) fn answer(state: &State, parts: &[&str]) -> Option<Value> {
    match parts {
        [] => Some(index(state)),
        ["api", version] => document(state, "", version),
        ["apis", group, version] => document(state, group, version),
        _ => None,
    }
}

/// Where the paths of a kind begin, without the slash before.
fn prefix(kind: &Kind) -> String {
    if kind.group.is_empty() { format!("api/{}", kind.version) } else { format!("apis/{}", kind.api_version) }
}

fn index(state: &State) -> Value {
    let mut hashes: BTreeMap<String, DefaultHasher> = BTreeMap::new();
    for kind in state.tables.iter().map(|t| &t.kind) {
        let hash = hashes.entry(prefix(kind)).or_default();
        kind.plural.hash(hash);
        if let Described::Custom(schema) = &kind.described {
            schema.to_string().hash(hash);
        }
    }
    let paths: BTreeMap<String, Value> = hashes
        .into_iter()
        .map(|(path, hash)| {
            let url = format!("/openapi/v3/{path}?hash={:016X}", hash.finish());
            (path, json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

fn document(state: &State, group: &str, version: &str) -> Option<Value> {
    let kinds = state.tables.iter().map(|t| &*t.kind);
    let kinds: Vec<&Kind> = kinds.filter(|k| k.group == group && k.version == version).collect();
    if kinds.is_empty() {
        return None;
    }
    let (schemas, names) = schemas::of(&kinds);
    let paths = kinds.iter().zip(&names).flat_map(|(kind, name)| paths::of(kind, name));
    Some(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.34.0"},
        "paths": paths.collect::<serde_json::Map<_, _>>(),
        "components": {"schemas": schemas},
    }))
}
