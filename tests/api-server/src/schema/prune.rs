//! Fields that a schema does not know, and nulls that it does not allow.

use serde_json::Value;

use super::{
    node::{Additional, Node},
    path::Path,
};

/// What every object has beside its schema.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Drops what the schema does not know; the paths are sorted.
pub(super) fn unknown(root: &Node, object: &mut Value) -> Vec<String> {
    let mut found = Vec::new();
    let place = Place { node: Some(root), keep: root.preserve_unknown };
    walk(object, place, &Path::ROOT, &mut found);
    found.sort();
    found
}

/// What the schema says of a place in an object.
#[derive(Clone, Copy)]
struct Place<'a> {
    node: Option<&'a Node>,
    /// What is unknown stays, and only what is known is looked into.
    keep: bool,
}

fn walk(value: &mut Value, place: Place<'_>, path: &Path<'_>, found: &mut Vec<String>) {
    let Place { node, keep } = place;
    match value {
        Value::Object(fields) => {
            fields.retain(|name, child| {
                if path.is_root() && META.contains(&name.as_str()) {
                    return true;
                }
                let schema = node.map(|node| (node.properties.get(name), &node.additional));
                let below = match schema {
                    Some((Some(property), _)) => Some(property),
                    Some((None, Additional::Schema(property))) => Some(&**property),
                    Some((None, Additional::Any)) => None,
                    Some((None, Additional::None)) | None => {
                        if !keep {
                            found.push(path.field(name).text());
                        }
                        return keep;
                    }
                };
                let keep = below.is_some_and(|node| node.preserve_unknown);
                walk(child, Place { node: below, keep }, &path.field(name), found);
                true
            });
        }
        Value::Array(elements) => {
            let items = node.and_then(|node| node.items.as_deref());
            // Lists of no schema below what keeps all are not looked into.
            if keep && items.is_none() {
                return;
            }
            let keep = keep || items.is_some_and(|node| node.preserve_unknown);
            for (index, element) in elements.iter_mut().enumerate() {
                walk(element, Place { node: items, keep }, &path.index(index), found);
            }
        }
        _ => {}
    }
}

/// Drops nulls where the schema neither allows null nor has a default.
pub(super) fn nulls(value: &mut Value, node: Option<&Node>) {
    let Some(node) = node else { return };
    match value {
        Value::Object(fields) => fields.retain(|name, child| {
            let schema = node.field(name);
            if child.is_null() && schema.is_some_and(|schema| !schema.nullable && schema.default.is_none()) {
                return false;
            }
            nulls(child, schema);
            true
        }),
        Value::Array(elements) => {
            elements.iter_mut().for_each(|element| nulls(element, node.items.as_deref()))
        }
        _ => {}
    }
}
