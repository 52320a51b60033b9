//! What is applied, merged into what is there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value};

use super::{
    elements,
    lists::{Form, Place},
};

/// Merges: where both have a field, it is what is applied.
pub(super) fn merge(place: Place<'_>, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let of = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(|value| place.form(value));
    let form = match (of(live), of(config)) {
        (Some(live), Some(config)) if live != config => Form::Leaf,
        (Some(form), _) | (None, Some(form)) => form,
        (None, None) => Form::Leaf,
    };
    let is_empty = |value: Option<&Value>| match value {
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        value => value.is_none_or(Value::is_null),
    };
    if form == Form::Leaf || is_empty(live) && is_empty(config) {
        return config.or(live).cloned();
    }
    if form == Form::Map {
        return map(place, live, config);
    }
    match (elements::elements(place, form, live), elements::elements(place, form, config)) {
        (Some(live), Some(config)) => list(place, live, config),
        _ => config.or(live).cloned(),
    }
}

fn map(place: Place<'_>, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let (live, config) = (live.and_then(Value::as_object), config.and_then(Value::as_object));
    let mut merged: Map<String, Value> = Map::new();
    for (name, live) in live.into_iter().flatten() {
        let child = match config.and_then(|config| config.get(name)) {
            Some(config) => merge(place.field(name), Some(live), Some(config)),
            None => Some(live.clone()),
        };
        child.into_iter().for_each(|child| drop(merged.insert(name.clone(), child)));
    }
    for (name, child) in config.into_iter().flatten() {
        if live.is_none_or(|live| !live.contains_key(name)) {
            merged.insert(name.clone(), child.clone());
        }
    }
    (!merged.is_empty()).then_some(Value::Object(merged))
}

/// The order is that of what is there, until an element comes that what is applied has elsewhere.
fn list(place: Place<'_>, live: Vec<(String, &Value)>, config: Vec<(String, &Value)>) -> Option<Value> {
    let mut there: BTreeMap<&str, Option<&Value>> = BTreeMap::new();
    for (key, value) in &live {
        // An element that is there twice merges with nothing.
        there.entry(key).and_modify(|known| *known = Some(&Value::Null)).or_insert(Some(*value));
    }
    let applied: BTreeSet<&str> = config.iter().map(|(key, _)| key.as_str()).collect();
    let mut shared: VecDeque<&str> =
        config.iter().map(|(key, _)| key.as_str()).filter(|key| there.contains_key(key)).collect();
    let both =
        |key: &str, value: &Value| merge(place.element(), there.get(key).copied().flatten(), Some(value));
    let mut merged = BTreeSet::new();
    let mut out = Vec::new();
    let (mut live, mut config) = (live.iter().peekable(), config.iter().peekable());
    loop {
        if let (Some((live_key, _)), Some((key, value))) = (live.peek(), config.peek()) {
            if live_key == key {
                merged.insert(key.as_str());
                out.extend(both(key, value));
                live.next();
                config.next();
                shared.pop_front();
                continue;
            }
            if applied.contains(live_key.as_str()) && shared.front().is_some_and(|next| next != live_key) {
                live.next();
                continue;
            }
        }
        if let Some((key, value)) = live.peek() {
            if !applied.contains(key.as_str()) {
                out.push((*value).clone());
                live.next();
                continue;
            }
            if merged.contains(key.as_str()) {
                live.next();
            }
        }
        let Some((key, value)) = config.next() else { if live.peek().is_none() { break } else { continue } };
        merged.insert(key.as_str());
        out.extend(both(key, value));
        if shared.front() == Some(&key.as_str()) {
            shared.pop_front();
        }
    }
    (!out.is_empty()).then_some(Value::Array(out))
}
