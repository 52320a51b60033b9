//! Deployments and replica sets.

use serde_json::{Map, Value, json};

use super::{container, invalid, labels, metadata, pod, required, unsupported};
use crate::{meta, schema::Cause};

/// Sets the defaults of a deployment.
pub(super) fn default_deployment(object: &mut Value) {
    let spec = meta::map(object, "spec");
    meta::or_put(spec, "replicas", 1);
    meta::or_put(spec, "revisionHistoryLimit", 10);
    meta::or_put(spec, "progressDeadlineSeconds", 600);
    let strategy = meta::as_map(spec.entry("strategy").or_insert(Value::Null));
    meta::or_put(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = meta::as_map(strategy.entry("rollingUpdate").or_insert(Value::Null));
        meta::or_put(rolling, "maxUnavailable", "25%");
        meta::or_put(rolling, "maxSurge", "25%");
    }
    template(spec);
}

/// Sets the defaults of a replica set.
pub(super) fn default_replica_set(object: &mut Value) {
    let spec = meta::map(object, "spec");
    meta::or_put(spec, "replicas", 1);
    template(spec);
}

fn template(spec: &mut Map<String, Value>) {
    let template = meta::as_map(spec.entry("template").or_insert(Value::Null));
    meta::or_put(template, "metadata", json!({}));
    pod::default_template(meta::as_map(template.entry("spec").or_insert(Value::Null)));
}

/// What is wrong with one.
pub(super) fn validate(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let spec = &object["spec"];
    for key in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        if spec[key].as_i64().is_some_and(|n| n < 0) {
            let why = "must be greater than or equal to 0";
            wrong.push(invalid(format!("spec.{key}"), &spec[key], why));
        }
    }
    let selector = spec.get("selector").filter(|s| !s.is_null());
    match selector {
        None => wrong.push(required("spec.selector", "")),
        Some(s) if labels::is_empty(s) => {
            wrong.push(invalid("spec.selector", s, "empty selector is invalid for deployment"));
        }
        Some(s) => {
            if let Some(map) = s["matchLabels"].as_object() {
                metadata::labels(map, "spec.selector.matchLabels", &mut wrong);
            }
        }
    }
    let of_template = spec.pointer("/template/metadata/labels");
    if let Some(selector) = selector
        && !labels::is_empty(selector)
        && !labels::selects(selector, of_template.and_then(Value::as_object))
    {
        let shown = of_template.cloned().unwrap_or(json!({}));
        let why = "`selector` does not match template `labels`";
        wrong.push(invalid("spec.template.metadata.labels", &shown, why));
    }
    if let Some(map) = of_template.and_then(Value::as_object) {
        metadata::labels(map, "spec.template.labels", &mut wrong);
    }
    container::pod_spec(&spec["template"]["spec"], "spec.template.spec", &mut wrong);
    let policy = &spec["template"]["spec"]["restartPolicy"];
    if policy != "Always" {
        wrong.push(unsupported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
    if let Some(old) = old
        && old["spec"]["selector"] != spec["selector"]
    {
        wrong.push(invalid("spec.selector", &spec["selector"], "field is immutable"));
    }
    wrong
}
