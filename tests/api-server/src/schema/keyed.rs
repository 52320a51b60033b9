//! Lists that are sets or maps: no element may be there twice.

use serde_json::{Map, Value};

use super::{
    Cause, fault,
    node::{Additional, ListType, Node},
    path::Path,
    text,
};

/// Finds what is there twice, in a value and below it.
pub(super) fn check(node: &Node, value: &Value, path: &Path<'_>, out: &mut Vec<Cause>) {
    if !node.below.keyed_lists {
        return;
    }
    match value {
        Value::Array(elements) => {
            match &node.list_type {
                ListType::Atomic => {}
                ListType::Set => twice(elements.iter().map(Some).collect(), Value::clone, path, out),
                ListType::Map(keys) => map(keys, elements, path, out),
            }
            for (index, element) in elements.iter().enumerate() {
                node.items.iter().for_each(|items| check(items, element, &path.index(index), out));
            }
        }
        Value::Object(fields) => {
            for (name, child) in fields {
                match (node.properties.get(name), &node.additional) {
                    (Some(property), _) => check(property, child, &path.field(name), out),
                    (None, Additional::Schema(property)) => check(property, child, &path.key(name), out),
                    (None, _) => {}
                }
            }
        }
        _ => {}
    }
}

fn map(keys: &[String], elements: &[Value], path: &Path<'_>, out: &mut Vec<Cause>) {
    let odd = elements.iter().position(|element| !(element.is_null() || element.is_object()));
    if let Some(index) = odd {
        let value = elements.get(index).map(text::value).unwrap_or_default();
        let detail = "must be an object for an array of list-type map";
        out.push(fault::invalid(path.index(index).text(), &value, detail));
        return;
    }
    if let [key] = keys {
        let told = |value: &Value| Value::Object(Map::from_iter([(key.clone(), value.clone())]));
        twice(elements.iter().map(|element| element.get(key)).collect(), told, path, out);
        return;
    }
    let found: Vec<Value> = elements.iter().map(|element| keys_of(keys, element)).collect();
    twice(found.iter().map(Some).collect(), Value::clone, path, out);
}

/// The keys that an element of a list has.
pub(super) fn keys_of(keys: &[String], element: &Value) -> Value {
    keys.iter().filter_map(|key| Some((key.clone(), element.get(key)?.clone()))).collect::<Map<_, _>>().into()
}

/// Tells each value once that is there more than once; lists are short, so they are compared pair by pair.
fn twice(values: Vec<Option<&Value>>, told: impl Fn(&Value) -> Value, path: &Path<'_>, out: &mut Vec<Cause>) {
    for (index, value) in values.iter().enumerate() {
        let before = values.iter().take(index).filter(|earlier| *earlier == value).count();
        if before == 1 {
            let value = value.map_or_else(|| Value::Object(Map::new()), &told);
            out.push(fault::duplicate(path.index(index).text(), &text::value(&value)));
        }
    }
}
