//! Defaults of a schema.

use serde_json::Value;

use super::node::{Additional, Node};

/// Sets what is missing, or null where the schema does not allow null.
pub(super) fn set(value: &mut Value, node: &Node) {
    if !node.below.defaults {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, property) in &node.properties {
                let Some(default) = &property.default else { continue };
                let missing = fields.get(name).is_none_or(|value| value.is_null() && !property.nullable);
                if missing {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, child) in fields.iter_mut() {
                match (node.properties.get(name), &node.additional) {
                    (Some(property), _) => set(child, property),
                    (None, Additional::Schema(property)) => null_or_below(child, property),
                    (None, _) => {}
                }
            }
        }
        Value::Array(elements) => {
            for (element, items) in
                elements.iter_mut().filter_map(|element| Some((element, node.items.as_ref()?)))
            {
                null_or_below(element, items);
            }
        }
        _ => {}
    }
}

fn null_or_below(value: &mut Value, node: &Node) {
    if value.is_null()
        && !node.nullable
        && let Some(default) = &node.default
    {
        *value = default.clone();
    }
    set(value, node);
}
