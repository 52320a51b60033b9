//! What a value was before, as far as the API server can tell.

use serde_json::Value;

use super::node::{ListType, Node};

/// A value that has an old one, and the schema of both.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub node: &'a Node,
    pub new: &'a Value,
    pub old: &'a Value,
}

impl<'a> Pair<'a> {
    /// The field of this name, if both have it and the schema knows it.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        Some(Pair { node: self.node.field(name)?, new: self.new.get(name)?, old: self.old.get(name)? })
    }

    /// The element at this place of the new list: only lists with keys tell which one it was.
    pub(super) fn element(self, index: usize) -> Option<Self> {
        let new = self.new.get(index)?;
        let old = same_key(self.node, self.old.as_array()?, new)?;
        Some(Pair { node: self.node.items.as_deref()?, new, old })
    }

    /// Whether nothing changed. What the schema does not know counts as changed, as in the API server.
    pub(super) fn unchanged(self) -> bool {
        match (self.new, self.old) {
            (Value::Array(new), Value::Array(old)) => {
                let keyed = matches!(self.node.list_type, ListType::Map(_));
                new.len() == old.len()
                    && if keyed {
                        (0..new.len()).all(|index| self.element(index).is_some_and(Pair::unchanged))
                    } else {
                        new == old
                    }
            }
            (Value::Object(new), Value::Object(old)) => {
                new.len() == old.len() && new.keys().all(|name| self.field(name).is_some_and(Pair::unchanged))
            }
            (new, old) => new == old,
        }
    }
}

/// The element of a list with keys that has the keys of `new`.
pub(super) fn same_key<'a>(list: &Node, old: &'a [Value], new: &Value) -> Option<&'a Value> {
    let ListType::Map(keys) = &list.list_type else { return None };
    let scalar = |value: &Value| !(value.is_null() || value.is_object() || value.is_array());
    if keys.is_empty() || !keys.iter().all(|key| new.get(key).is_some_and(scalar)) {
        return None;
    }
    old.iter().find(|old| keys.iter().all(|key| old.get(key) == new.get(key)))
}
