//! The schemas keep the rules of structural schemas, and ours: lenient templates, no nulls.

mod common;

use common::{at, definition, definitions, schema, walk};
use serde_json::{Value, json};

/// Where pod and service templates start, per kind.
const TEMPLATES: [(&str, &str); 7] = [
    ("daskclusters", "spec.worker.spec"),
    ("daskclusters", "spec.scheduler.spec"),
    ("daskclusters", "spec.scheduler.service"),
    ("daskworkergroups", "spec.worker.spec"),
    ("daskjobs", "spec.job.spec"),
    ("daskjobs", "spec.cluster.spec.worker.spec"),
    ("daskjobs", "spec.cluster.spec.scheduler.service"),
];

/// The keywords our schemas are made of; all are allowed by apiextensions v1.
const KEYWORDS: [&str; 23] = [
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";

fn every_node(mut see: impl FnMut(&str, &Value)) {
    for (name, definition) in definitions() {
        walk(schema(definition), "", &mut |path, node| see(&format!("{name}: {path}"), node));
    }
}

fn every_template_node(mut see: impl FnMut(&str, &str, &Value)) {
    for (kind, root) in TEMPLATES {
        let definition = definition(kind);
        walk(at(schema(definition), root), root, &mut |path, node| see(root, path, node));
    }
}

#[test]
fn schemas_are_structural() {
    every_node(|path, node| {
        let node = node.as_object().unwrap();
        for key in node.keys() {
            assert!(KEYWORDS.contains(&key.as_str()), "{path}: {key}");
        }
        assert_ne!(
            node.contains_key("type"),
            node.contains_key("x-kubernetes-int-or-string"),
            "{path}: a type or int-or-string"
        );
        assert!(!(node.contains_key("properties") && node.contains_key("additionalProperties")), "{path}");
        assert_eq!(node.get("type") == Some(&json!("array")), node.contains_key("items"), "{path}");
        for name in node.get("required").and_then(Value::as_array).into_iter().flatten() {
            assert!(node["properties"].get(name.as_str().unwrap()).is_some(), "{path}: {name} is required");
        }
    });
}

#[test]
fn null_is_a_value_only_in_the_status_of_a_job() {
    let mut nullable = Vec::new();
    every_node(|path, node| {
        if node.get("nullable").is_some() {
            assert!(node.get("enum").is_none(), "{path}: the API server refuses null against a list");
            nullable.push(path.to_owned());
        }
    });
    let wanted = ["endTime", "jobRunnerPodName", "jobStatus", "startTime"];
    assert_eq!(nullable, wanted.map(|key| format!("daskjobs.yaml: status.{key}")));
    let jobs = definition("daskjobs");
    assert_eq!(at(schema(jobs), "status")["required"], json!(["jobStatus"]));
}

#[test]
fn templates_keep_what_they_do_not_know() {
    let mut objects = 0;
    every_template_node(|_, path, node| {
        if node["type"] == "object" && node.get("additionalProperties").is_none() {
            assert_eq!(node[PRESERVE], true, "{path}");
            objects += 1;
        }
    });
    assert!(objects > 500, "only {objects} objects seen");
    let jobs = definition("daskjobs");
    assert_eq!(at(schema(jobs), "spec.cluster")[PRESERVE], true);
}

#[test]
fn texts_are_on_our_fields_and_not_in_templates() {
    every_template_node(|root, path, node| {
        assert_eq!(node.get("description").is_some(), path == root, "{path}");
    });
    for (name, definition) in definitions() {
        for part in ["spec", "status"] {
            for (key, node) in at(schema(definition), part)["properties"].as_object().unwrap() {
                let text = node["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty() && !text.contains('\n'), "{name}: {part}.{key}: {text:?}");
            }
        }
        let text = schema(definition)["description"].as_str().unwrap();
        assert!(!text.contains("Auto-generated"), "{name}: {text}");
    }
}

#[test]
fn quantities_and_ports_are_integers_or_strings() {
    let clusters = definition("daskclusters");
    let scheduler = at(schema(clusters), "spec.scheduler");
    for path in [
        "spec.containers.[].resources.limits.{}",
        "spec.containers.[].resources.requests.{}",
        "spec.initContainers.[].resources.limits.{}",
        "spec.resources.limits.{}",
        "spec.overhead.{}",
        "spec.volumes.[].emptyDir.sizeLimit",
        "spec.volumes.[].ephemeral.volumeClaimTemplate.spec.resources.requests.{}",
        "spec.volumes.[].downwardAPI.items.[].resourceFieldRef.divisor",
        "spec.containers.[].env.[].valueFrom.resourceFieldRef.divisor",
        "spec.containers.[].livenessProbe.httpGet.port",
        "spec.containers.[].readinessProbe.tcpSocket.port",
        "spec.containers.[].startupProbe.httpGet.port",
        "spec.containers.[].lifecycle.preStop.httpGet.port",
        "service.ports.[].targetPort",
    ] {
        let node = at(scheduler, path);
        assert_eq!(node["x-kubernetes-int-or-string"], true, "{path}");
        // What a container or pod needs has a rule, see rules.rs.
        let ruled = path.contains("esources.") && !path.contains("volumes");
        assert_eq!(node.as_object().unwrap().len() == 1, !ruled, "{path}: {node}");
    }
}

#[test]
fn fields_of_current_kubernetes_are_known() {
    let groups = definition("daskworkergroups");
    let pod = at(schema(groups), "spec.worker.spec");
    for (path, kind) in [
        ("resourceClaims.[].resourceClaimTemplateName", "string"),
        ("schedulingGates.[].name", "string"),
        ("hostUsers", "boolean"),
        ("initContainers.[].restartPolicy", "string"),
        ("containers.[].lifecycle.preStop.sleep.seconds", "integer"),
        ("containers.[].livenessProbe.grpc.port", "integer"),
        ("containers.[].resources.claims.[].request", "string"),
        ("securityContext.supplementalGroupsPolicy", "string"),
        ("topologySpreadConstraints.[].matchLabelKeys", "array"),
    ] {
        assert_eq!(at(pod, path)["type"], kind, "{path}");
    }
    assert!(pod["properties"].get("ephemeralContainers").is_none());
    assert_eq!(pod["required"], json!(["containers"]));
    assert_eq!(at(pod, "containers.[]")["required"], json!(["image", "name"]));
}

#[test]
fn defaults_are_those_of_dask_kubernetes() {
    let mut found = Vec::new();
    every_node(|path, node| {
        if let Some(default) = node.get("default")
            && !path.contains("status.")
            && !path.ends_with("ontainers.[].ports.[].protocol")
        {
            found.push(format!("{path} = {default}"));
        }
    });
    assert_eq!(
        found,
        [
            "daskclusters.yaml: spec.idleTimeout = 0",
            r#"daskclusters.yaml: spec.scheduler.service.ports.[].protocol = "TCP""#,
            "daskclusters.yaml: spec.worker.replicas = 1",
            "daskworkergroups.yaml: spec.worker.replicas = 1",
            "daskjobs.yaml: spec.cluster.spec.idleTimeout = 0",
            r#"daskjobs.yaml: spec.cluster.spec.scheduler.service.ports.[].protocol = "TCP""#,
            "daskjobs.yaml: spec.cluster.spec.worker.replicas = 1",
            r#"daskjobs.yaml: spec.job.spec.restartPolicy = "OnFailure""#,
        ]
    );
    for path in ["containers.[].ports.[].protocol", "initContainers.[].ports.[].protocol"] {
        for (kind, root) in TEMPLATES.iter().filter(|(_, root)| root.ends_with("spec")) {
            let definition = definition(kind);
            assert_eq!(at(at(schema(definition), root), path)["default"], "TCP", "{kind}: {root}");
        }
    }
}
