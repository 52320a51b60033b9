//! Deployments and replica sets.

use serde_json::{Map, Value, json};

use super::{forbidden, invalid, labels, metadata, pod, pod_spec, required, unsupported};
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
    selector(spec, &mut wrong);
    strategy(&spec["strategy"], &mut wrong);
    if let Some(map) = spec.pointer("/template/metadata/labels").and_then(Value::as_object) {
        metadata::labels(map, "spec.template.labels", &mut wrong);
    }
    pod_spec::check(&spec["template"]["spec"], "spec.template.spec", &mut wrong);
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

fn selector(spec: &Value, wrong: &mut Vec<Cause>) {
    let of_template = spec.pointer("/template/metadata/labels").and_then(Value::as_object);
    let selector = spec.get("selector").filter(|s| !s.is_null());
    match selector {
        None => wrong.push(required("spec.selector", "")),
        Some(s) if labels::is_empty(s) => {
            wrong.push(invalid("spec.selector", s, "empty selector is invalid for deployment"));
            return;
        }
        Some(s) => {
            if let Some(map) = s["matchLabels"].as_object() {
                metadata::labels(map, "spec.selector.matchLabels", wrong);
            }
            let unknown = labels::unknown_operators(s);
            for (i, operator) in &unknown {
                let field = format!("spec.selector.matchExpressions[{i}].operator");
                wrong.push(invalid(field, operator, "not a valid selector operator"));
            }
            if !unknown.is_empty() {
                wrong.push(invalid("spec.selector", s, "invalid label selector"));
                return;
            }
        }
    }
    if !selector.is_some_and(|s| labels::selects(s, of_template)) {
        let shown = spec.pointer("/template/metadata/labels").cloned().unwrap_or_default();
        let why = "`selector` does not match template `labels`";
        wrong.push(invalid("spec.template.metadata.labels", &shown, why));
    }
}

fn strategy(strategy: &Value, wrong: &mut Vec<Cause>) {
    match strategy["type"].as_str() {
        None | Some("RollingUpdate") => {}
        Some("Recreate") if strategy.get("rollingUpdate").is_some() => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            wrong.push(forbidden("spec.strategy.rollingUpdate", why));
        }
        Some("Recreate") => {}
        Some(other) => {
            let shown = json!({"Type": other, "RollingUpdate": null});
            wrong.push(unsupported("spec.strategy", &shown, &["Recreate", "RollingUpdate"]));
        }
    }
}
