//! The generated definitions as JSON, and a walk over their schemas.
#![allow(dead_code, reason = "each test program uses a part")]
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::sync::LazyLock;

use serde_json::Value;

static DEFINITIONS: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let parse = |(name, text): (String, String)| (name, serde_saphyr::from_str(&text).unwrap());
    dask_crds::crd_documents().unwrap().into_iter().map(parse).collect()
});

/// Every definition, by file name.
pub fn definitions() -> &'static [(String, Value)] {
    &DEFINITIONS
}

/// The definition of the kind with this plural name.
pub fn definition(plural: &str) -> &'static Value {
    let name = format!("{plural}.yaml");
    definitions().iter().find(|(file, _)| *file == name).map(|(_, definition)| definition).unwrap()
}

/// The schema of a definition.
pub fn schema(definition: &Value) -> &Value {
    &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

/// The schema node at a dotted path of property names; `[]` are list items, `{}` map values.
pub fn at<'a>(schema: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(schema, |node, step| {
        let next = match step {
            "[]" => &node["items"],
            "{}" => &node["additionalProperties"],
            name => &node["properties"][name],
        };
        assert!(next.is_object(), "no {step} of {path}");
        next
    })
}

/// Calls `see` with the path of every schema node and the node.
pub fn walk(node: &Value, path: &str, see: &mut impl FnMut(&str, &Value)) {
    see(path, node);
    for (name, child) in node["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        walk(child, &path, see);
    }
    for (key, step) in [("items", "[]"), ("additionalProperties", "{}")] {
        if node.get(key).is_some() {
            walk(&node[key], &format!("{path}.{step}"), see);
        }
    }
}
