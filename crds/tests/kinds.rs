//! Names, subresources and bounds of the four kinds.

mod common;

use common::{at, definition, definitions, schema, walk};
use serde_json::{Value, json};

#[test]
fn names_are_those_of_dask_kubernetes() {
    for (plural, kind, short) in [
        ("daskclusters", "DaskCluster", json!(["daskcluster", "dsk"])),
        ("daskworkergroups", "DaskWorkerGroup", json!(["daskworkers"])),
        ("daskjobs", "DaskJob", json!(["djb"])),
        ("daskautoscalers", "DaskAutoscaler", Value::Null),
    ] {
        let definition = definition(plural);
        let names = &definition["spec"]["names"];
        assert_eq!(definition["metadata"]["name"], format!("{plural}.{}", dask_crds::GROUP));
        assert_eq!(names["kind"], kind);
        assert_eq!(names["plural"], plural);
        assert_eq!(names["singular"], kind.to_lowercase());
        assert_eq!(names.get("shortNames").unwrap_or(&Value::Null), &short);
        assert_eq!(definition["spec"]["scope"], "Namespaced");
        let version = &definition["spec"]["versions"][0];
        assert_eq!(version["name"], dask_crds::VERSION);
        assert_eq!(version["subresources"]["status"], json!({}));
        assert_eq!(schema(definition)["required"], json!(["spec"]));
    }
}

#[test]
fn sized_kinds_can_be_scaled() {
    for (plural, scalable) in
        [("daskclusters", true), ("daskworkergroups", true), ("daskjobs", false), ("daskautoscalers", false)]
    {
        let definition = definition(plural);
        let scale = &definition["spec"]["versions"][0]["subresources"]["scale"];
        assert_eq!(scale.is_object(), scalable, "{plural}");
        if scalable {
            assert_eq!(scale["specReplicasPath"], ".spec.worker.replicas");
            assert_eq!(scale["statusReplicasPath"], ".status.replicas");
            assert_eq!(scale["labelSelectorPath"], ".status.selector");
            for path in ["spec.worker.replicas", "status.replicas"] {
                assert_eq!(at(schema(definition), path)["format"], "int32", "{plural}: {path}");
            }
            assert_eq!(at(schema(definition), "status.selector")["type"], "string");
        }
    }
}

#[test]
fn our_numbers_are_sized_and_not_negative() {
    let mut seen = 0;
    for (name, definition) in definitions() {
        walk(schema(definition), "", &mut |path, node| {
            let ours = node.get("description").is_some();
            if ours && node["type"] == "integer" {
                seen += 1;
                assert!(node["minimum"].as_f64().is_some_and(|m| m >= 0.0), "{name}: {path}");
                assert!(node["format"] == "int32" || node["format"] == "int64", "{name}: {path}");
            }
        });
    }
    assert!(seen > 20, "only {seen} numbers seen");
}

#[test]
fn timestamps_are_checked() {
    for (plural, paths) in [
        ("daskclusters", &["conditions.[].lastTransitionTime"][..]),
        ("daskworkergroups", &["shrinkingSince", "lastFailureTime", "conditions.[].lastTransitionTime"]),
        ("daskautoscalers", &["lastScaleTime", "changes.[].time", "conditions.[].lastTransitionTime"]),
        ("daskjobs", &["startTime", "endTime"]),
    ] {
        let definition = definition(plural);
        for path in paths {
            let node = at(at(schema(definition), "status"), path);
            assert_eq!((&node["type"], &node["format"]), (&json!("string"), &json!("date-time")), "{path}");
        }
    }
}

#[test]
fn conditions_are_a_map_by_type() {
    for plural in ["daskclusters", "daskworkergroups", "daskautoscalers"] {
        let definition = definition(plural);
        let conditions = at(schema(definition), "status.conditions");
        assert_eq!(conditions["x-kubernetes-list-type"], "map");
        assert_eq!(conditions["x-kubernetes-list-map-keys"], json!(["type"]));
        assert!(conditions["items"]["required"].as_array().unwrap().contains(&json!("type")));
    }
}

#[test]
fn template_metadata_are_string_maps() {
    for (plural, path) in [
        ("daskclusters", "spec.worker.metadata"),
        ("daskclusters", "spec.scheduler.metadata"),
        ("daskworkergroups", "spec.worker.metadata"),
        ("daskjobs", "spec.job.metadata"),
    ] {
        let definition = definition(plural);
        let metadata = at(schema(definition), path);
        assert_eq!(at(metadata, "labels.{}")["type"], "string", "{plural}: {path}");
        assert_eq!(at(metadata, "annotations.{}"), &json!({"type": "string"}), "{plural}: {path}");
    }
}
