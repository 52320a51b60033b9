//! Lists, whole and page by page.

mod page;

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    partial::View,
    request::{Query, Target},
    selector::Selector,
    status::Status,
    store::{Key, Object, State, written},
    table,
    watch::too_large,
};

const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can \
                       start a new list without the continue parameter, or use the continue token in this \
                       response to retrieve the remainder of the results. Continuing with the provided token \
                       results in an inconsistent list - objects that were created, modified, or deleted between \
                       the time the first chunk was returned and now may show up in the list.";

/// The objects that a list selects now.
pub(crate) fn selected(state: &State, target: &Target, selector: &Selector) -> Vec<Arc<Object>> {
    let Some(table) = state.tables.get(target.table) else { return Vec::new() };
    if let (Some(name), false) = (selector.name(), target.namespace.is_empty()) {
        let found = state.get(target.table, &target.namespace, name);
        return found.into_iter().filter(|o| selector.matches(&o.value)).collect();
    }
    here(&table.objects, &target.namespace, None)
        .filter(|(_, o)| selector.matches(&o.value))
        .map(|(_, o)| o.clone())
        .collect()
}

/// The objects of a namespace, or of all, after a key.
fn here<'a>(
    objects: &'a BTreeMap<Key, Arc<Object>>,
    namespace: &'a str,
    after: Option<Key>,
) -> impl Iterator<Item = (&'a Key, &'a Arc<Object>)> {
    let from = match after {
        Some(key) => Bound::Excluded(key),
        None => Bound::Included((namespace.to_string(), String::new())),
    };
    objects
        .range((from, Bound::Unbounded))
        .take_while(move |((n, _), _)| namespace.is_empty() || n == namespace)
}

/// The answer to a list.
pub(crate) fn list(state: &State, target: &Target, query: &Query, view: View) -> Result<Bytes, Status> {
    let selector = Selector::parse(&target.kind, &query.labels, &query.fields)?;
    if query.limit == 0 && query.next.is_empty() && query.version_match != "Exact" {
        fresh_enough(state, &query.version)?;
        let objects = selected(state, target, &selector);
        return Ok(body(target, view, &objects, &page_meta(target, state.version, None, 0)));
    }
    let (version, after) = start(state, query)?;
    let table = state.tables.get(target.table).ok_or_else(Status::no_resource)?;
    let then;
    let objects = if version == state.version {
        &table.objects
    } else {
        let expired = || {
            let Some((namespace, name)) = &after else {
                return Status::expired("The resourceVersion for the provided list is too old.");
            };
            Status { next: Some(page::token(None, namespace, name)), ..Status::expired(TOO_OLD) }
        };
        then = table.at(version).ok_or_else(expired)?;
        &then
    };
    let mut found = here(objects, &target.namespace, after).filter(|(_, o)| selector.matches(&o.value));
    let limit = if query.limit == 0 { usize::MAX } else { query.limit };
    let mut page = Vec::new();
    let mut last = None;
    for (key, object) in found.by_ref().take(limit) {
        page.push(object.clone());
        last = Some(key);
    }
    let is_more = found.next().is_some();
    let next = last.filter(|_| is_more).map(|(namespace, name)| page::token(Some(version), namespace, name));
    // How many there are is only told where that needs no looking at them.
    let remaining = if selector.is_everything() { usize::from(is_more) + found.count() } else { 0 };
    Ok(body(target, view, &page, &page_meta(target, version, next, remaining)))
}

fn page_meta(target: &Target, version: u64, next: Option<String>, remaining: usize) -> Value {
    let mut meta = json!({"resourceVersion": version.to_string()});
    if target.kind.builtin().is_none() {
        meta["continue"] = json!("");
    }
    if let Some(next) = next {
        meta["continue"] = json!(next);
        if remaining > 0 {
            meta["remainingItemCount"] = json!(remaining);
        }
    }
    meta
}

/// A list may ask for a version that is not older than another one.
fn fresh_enough(state: &State, version: &str) -> Result<(), Status> {
    let asked = number(version)?;
    if asked > state.version { Err(too_large(asked, state.version)) } else { Ok(()) }
}

/// Reads a version.
pub(crate) fn number(version: &str) -> Result<u64, Status> {
    if version.is_empty() {
        return Ok(0);
    }
    version
        .parse()
        .map_err(|_| Status::bad_request(format!("invalid resource version: {}", no_number(version))))
}

/// What is wrong with a version that is none.
pub(crate) fn no_number(version: &str) -> String {
    format!(
        "resourceVersion: Invalid value: {version:?}: strconv.ParseUint: parsing {version:?}: invalid syntax"
    )
}

/// Version and place where a page begins.
fn start(state: &State, query: &Query) -> Result<(u64, Option<Key>), Status> {
    if query.next.is_empty() {
        fresh_enough(state, &query.version)?;
        let is_exact = query.version_match == "Exact";
        return Ok((if is_exact { number(&query.version)? } else { state.version }, None));
    }
    let (version, after) = page::read(&query.next)?;
    Ok((version.unwrap_or(state.version), Some(after)))
}

/// One item; items of built-in kinds do not tell their kind.
fn item(body: &mut Vec<u8>, target: &Target, object: &Object) {
    if target.kind.builtin().is_none() {
        return body.extend_from_slice(object.json());
    }
    let names =
        format!("{{\"apiVersion\":\"{}\",\"kind\":\"{}\",", target.kind.api_version, target.kind.kind);
    if let Some(rest) = object.json().strip_prefix(names.as_bytes()) {
        body.push(b'{');
        return body.extend_from_slice(rest);
    }
    let mut value = (*object.value).clone();
    for key in ["apiVersion", "kind"] {
        crate::meta::as_map(&mut value).remove(key);
    }
    body.extend_from_slice(value.to_string().as_bytes());
}

/// The JSON of a list, of the JSON that the objects have already.
fn body(target: &Target, view: View, objects: &[Arc<Object>], meta: &Value) -> Bytes {
    if let View::Table(options) = view {
        let values = objects.iter().map(|o| &*o.value);
        return written(&table::of(&target.kind, values, meta.clone(), options));
    }
    let (api_version, kind) = view.names(&target.kind);
    let length: usize = objects.iter().map(|o| o.json().len() + 1).sum();
    let mut body = Vec::with_capacity(length + 200);
    let head =
        format!("{{\"kind\":\"{kind}List\",\"apiVersion\":\"{api_version}\",\"metadata\":{meta},\"items\":[");
    body.extend_from_slice(head.as_bytes());
    for (i, object) in objects.iter().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        match view {
            View::Whole => item(&mut body, target, object),
            _ => body.extend_from_slice(&written(&view.of(&target.kind, &object.value))),
        }
    }
    body.extend_from_slice(b"]}\n");
    body.into()
}
