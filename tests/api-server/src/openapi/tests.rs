//! What kubectl looks for in the documents.

use serde_json::{Value, json};

use super::answer;
use crate::{ApiServer, Definitions, Settings};

fn document(parts: &[&str]) -> Value {
    let kinds = Definitions::new(&dask_crds::definitions()).unwrap();
    let server = ApiServer::with_definitions(&kinds, || jiff::Timestamp::UNIX_EPOCH, Settings::default());
    let state = server.shared.lock();
    answer(&state, parts).unwrap()
}

#[test]
fn the_index_names_every_group() {
    let index = document(&[]);
    for path in ["api/v1", "apis/apps/v1", "apis/kubernetes.dask.org/v1"] {
        let url = index["paths"][path]["serverRelativeURL"].as_str().unwrap();
        assert!(url.starts_with(&format!("/openapi/v3/{path}?hash=")), "{url}");
    }
}

#[test]
fn patches_have_the_parameters_that_kubectl_looks_for() {
    for (parts, path) in [
        (vec!["api", "v1"], "/api/v1/namespaces/{namespace}/pods/{name}"),
        (vec!["api", "v1"], "/api/v1/nodes/{name}/status"),
        (
            vec!["apis", "kubernetes.dask.org", "v1"],
            "/apis/kubernetes.dask.org/v1/namespaces/{namespace}/daskclusters/{name}",
        ),
    ] {
        let patch = &document(&parts)["paths"][path]["patch"];
        let names: Vec<&Value> = patch["parameters"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
        assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"], "{path}");
        assert!(patch["x-kubernetes-group-version-kind"]["kind"].is_string(), "{patch}");
    }
}

#[test]
fn every_reference_leads_to_a_schema() {
    for parts in [vec!["api", "v1"], vec!["apis", "apps", "v1"], vec!["apis", "kubernetes.dask.org", "v1"]] {
        let document = document(&parts);
        follow(&document, &document);
    }
}

fn follow(document: &Value, value: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            map.values().for_each(|value| follow(document, value));
        }
        Value::Array(list) => list.iter().for_each(|value| follow(document, value)),
        _ => {}
    }
}

#[test]
fn custom_schemas_have_what_all_objects_have() {
    let document = document(&["apis", "kubernetes.dask.org", "v1"]);
    let schema = &document["components"]["schemas"]["org.dask.kubernetes.v1.DaskCluster"];
    let name = json!([{"group": "kubernetes.dask.org", "version": "v1", "kind": "DaskCluster"}]);
    assert_eq!(schema["x-kubernetes-group-version-kind"], name);
    for field in ["apiVersion", "kind", "metadata", "spec", "status"] {
        assert!(schema["properties"][field].is_object(), "{field}");
    }
}
