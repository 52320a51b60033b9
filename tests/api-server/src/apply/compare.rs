//! What a write adds, changes and removes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    elements,
    fields::{self, Fields},
    lists::{Form, Place},
};

/// The differences between two objects.
#[derive(Default)]
pub(super) struct Changes {
    pub added: Fields,
    pub changed: Fields,
    pub removed: Fields,
}

/// What happened to a field itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Nothing,
    Added,
    Changed,
    Removed,
}

impl Changes {
    /// Leaves out fields of the object itself.
    pub(super) fn without(&mut self, names: &[&str]) {
        for name in names {
            let key = elements::field(name);
            for set in [&mut self.added, &mut self.changed, &mut self.removed] {
                set.remove(&key);
            }
        }
    }

    fn put(&mut self, key: &str, own: Own, below: Changes) {
        for (set, below, is_own) in [
            (&mut self.added, below.added, Own::Added),
            (&mut self.changed, below.changed, Own::Changed),
            (&mut self.removed, below.removed, Own::Removed),
        ] {
            if own == is_own || !below.is_empty() {
                fields::put(set, key.to_owned(), own == is_own, below);
            }
        }
    }
}

/// Compares two objects of a kind.
pub(super) fn compare(place: Place<'_>, old: &Value, new: &Value) -> Changes {
    let mut changes = Changes::default();
    walk(place, Some(old), Some(new), &mut changes);
    changes
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(_) => false,
    }
}

fn walk(place: Place<'_>, old: Option<&Value>, new: Option<&Value>, changes: &mut Changes) -> Own {
    let own = match (old, new) {
        (None, None) => return Own::Nothing,
        (None, Some(_)) => Own::Added,
        (Some(_), None) => Own::Removed,
        // Most of an object is as it was, and that is seen faster than walked.
        (Some(old), Some(new)) if old == new => return Own::Nothing,
        (Some(_), Some(_)) => Own::Nothing,
    };
    let of = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(|value| place.form(value));
    let form = match (of(old), of(new)) {
        (Some(old_form), Some(new_form)) if old_form != new_form => {
            // Of another type: what was below goes, and what is below comes.
            walk(place, old.filter(|_| old_form != Form::Leaf), None, changes);
            walk(place, None, new.filter(|_| new_form != Form::Leaf), changes);
            return if [old_form, new_form].contains(&Form::Leaf) { Own::Changed } else { Own::Nothing };
        }
        (Some(form), _) | (None, Some(form)) => form,
        (None, None) => place.form(&Value::Null),
    };
    if form == Form::Leaf || is_empty(old) && is_empty(new) {
        let both = old.is_some() && new.is_some();
        return if both && old != new { Own::Changed } else { own };
    }
    if form == Form::Map {
        map(place, old, new, changes);
        return own;
    }
    match (elements::elements(place, form, old), elements::elements(place, form, new)) {
        (Some(old), Some(new)) => list(place, old, new, changes),
        _ if own == Own::Nothing => return Own::Changed,
        _ => {}
    }
    own
}

fn map(place: Place<'_>, old: Option<&Value>, new: Option<&Value>, changes: &mut Changes) {
    let mut visit = |name: &str, old: Option<&Value>, new: Option<&Value>| {
        let mut below = Changes::default();
        let own = walk(place.field(name), old, new, &mut below);
        if own != Own::Nothing
            || !(below.added.is_empty() && below.changed.is_empty() && below.removed.is_empty())
        {
            changes.put(&elements::field(name), own, below);
        }
    };
    for (name, child) in fields_in(old) {
        visit(name, Some(child), new.and_then(|new| new.get(name)));
    }
    for (name, child) in fields_in(new) {
        if old.and_then(|old| old.get(name)).is_none() {
            visit(name, None, Some(child));
        }
    }
}

fn fields_in(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn list(place: Place<'_>, old: Vec<(String, &Value)>, new: Vec<(String, &Value)>, changes: &mut Changes) {
    let mut all: BTreeMap<String, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    old.into_iter().for_each(|(key, value)| all.entry(key).or_default().0.push(value));
    new.into_iter().for_each(|(key, value)| all.entry(key).or_default().1.push(value));
    for (key, (old, new)) in all {
        let mut below = Changes::default();
        let one = |list: &[&'_ Value]| list.len() <= 1;
        let own = match (one(&old), one(&new)) {
            (true, true) => walk(place.element(), old.first().copied(), new.first().copied(), &mut below),
            // What is there twice is one field.
            (false, false) => {
                if old == new {
                    Own::Nothing
                } else {
                    Own::Changed
                }
            }
            (false, true) => {
                walk(place.element(), None, new.first().copied(), &mut below);
                Own::Removed
            }
            (true, false) => {
                walk(place.element(), old.first().copied(), None, &mut below);
                Own::Added
            }
        };
        changes.put(&key, own, below);
    }
}
