//! The paths of a kind: what may be asked of it, with which parameters.

use serde_json::{Map, Value, json};

use super::{
    prefix,
    schemas::{group_version_kind, reference},
};
use crate::kinds::Kind;

const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
const LIST: &[&str] = &[
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
];
const DELETE: &[&str] = &["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"];

/// The forms of patches. Strategic ones are left out, though they are taken: the schemas do not say how lists are
/// merged, and kubectl then uses what it knows of the built-in kinds.
const PATCHES: &[&str] =
    &["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];

/// All paths of a kind, whose schema has this name.
pub(super) fn of(kind: &Kind, schema: &str) -> Vec<(String, Value)> {
    let start = format!("/{}", prefix(kind));
    let place = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    let all = format!("{start}{place}/{}", kind.plural);
    let one = format!("{all}/{{name}}");
    let operations = Operations { kind, schema };
    let mut paths = vec![
        (all, operations.path(&[("get", "list"), ("post", "post"), ("delete", "deletecollection")], &[])),
        (
            one.clone(),
            operations
                .path(&[("get", "get"), ("put", "put"), ("patch", "patch"), ("delete", "delete")], &["name"]),
        ),
    ];
    if kind.namespaced {
        let everywhere = Operations { kind, schema }.everywhere();
        paths.push((format!("{start}/{}", kind.plural), everywhere));
    }
    let parts = [("get", "get"), ("put", "put"), ("patch", "patch")];
    if kind.status {
        paths.push((format!("{one}/status"), operations.path(&parts, &["name"])));
    }
    if kind.scale.is_some() {
        paths.push((format!("{one}/scale"), scale(operations.path(&parts, &["name"]))));
    }
    paths
}

/// What may be done with a scale is what may be done with its object.
fn scale(mut path: Value) -> Value {
    for method in ["get", "put", "patch"] {
        path[method]["x-kubernetes-group-version-kind"] =
            json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
    }
    path
}

struct Operations<'a> {
    kind: &'a Kind,
    schema: &'a str,
}

impl Operations<'_> {
    /// One path, with its methods and what each does.
    fn path(&self, methods: &[(&str, &str)], more: &[&str]) -> Value {
        let mut path: Map<String, Value> =
            methods.iter().map(|(method, action)| (method.to_string(), self.operation(action))).collect();
        let namespace = self.kind.namespaced.then_some("namespace");
        let places = more.iter().copied().chain(namespace).map(|name| {
            json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "uniqueItems": true}})
        });
        path.insert("parameters".into(), places.collect());
        Value::Object(path)
    }

    fn everywhere(&self) -> Value {
        json!({"get": self.operation("list")})
    }

    fn operation(&self, action: &str) -> Value {
        let parameters = match action {
            "list" => LIST.iter().map(parameter).collect(),
            "post" | "put" => WRITE.iter().map(parameter).collect(),
            "patch" => WRITE.iter().chain(&["force"]).map(parameter).collect(),
            "delete" => DELETE.iter().map(parameter).collect(),
            "deletecollection" => LIST.iter().chain(DELETE).map(parameter).collect(),
            _ => Vec::new(),
        };
        let answer = match action {
            "list" => reference(&format!("{}List", self.schema)),
            _ => reference(self.schema),
        };
        let mut operation = json!({
            "description": format!("{action} objects of kind {}", self.kind.kind),
            "parameters": parameters,
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": answer}}}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": group_version_kind(self.kind),
        });
        if let Some(body) = self.body(action) {
            operation["requestBody"] = body;
        }
        operation
    }

    fn body(&self, action: &str) -> Option<Value> {
        let content: Map<String, Value> = match action {
            "post" | "put" => {
                [("*/*".to_string(), json!({"schema": reference(self.schema)}))].into_iter().collect()
            }
            "patch" => {
                PATCHES.iter().map(|form| (form.to_string(), json!({"schema": {"type": "object"}}))).collect()
            }
            _ => return None,
        };
        Some(json!({"content": content, "required": true}))
    }
}

/// A parameter of a query.
fn parameter(name: &&str) -> Value {
    let (kind, description) = match *name {
        "limit" | "timeoutSeconds" | "gracePeriodSeconds" => ("integer", ""),
        "watch" | "force" | "orphanDependents" | "allowWatchBookmarks" | "sendInitialEvents" => {
            ("boolean", "")
        }
        "dryRun" => ("string", "All: nothing is stored."),
        "fieldManager" => ("string", "Who the fields that are written belong to."),
        "fieldValidation" => ("string", "What becomes of unknown fields: Ignore, Warn or Strict."),
        _ => ("string", ""),
    };
    let mut parameter = json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}});
    if !description.is_empty() {
        parameter["description"] = json!(description);
    }
    parameter
}
