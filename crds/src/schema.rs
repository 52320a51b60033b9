//! The CustomResourceDefinitions as they are checked in: the derived ones, made fit for an API server.

mod rules;
mod templates;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::{
    Schema,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Value, json};

pub(crate) use rules::{
    ends, few_keys, group_name, label_values, lasting_cluster_name, minimum_up_to_maximum, no_deadline,
    scaled_cluster_name,
};
pub(crate) use templates::{pod_spec, restart_on_failure, service_spec};

use crate::{DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup};

const HEADER: &str = "# Generated: `cargo run -p dask-crds --bin crdgen` writes this file anew.\n";

/// Where null has a meaning: dask-kubernetes reports these keys of a DaskJob before it knows them.
const NULLABLE_JOB_STATUS: [&str; 4] = ["jobStatus", "jobRunnerPodName", "startTime", "endTime"];

/// File name and YAML text of each kind's definition, the same text at every call.
///
/// Install these and not `DaskCluster::crd()`: that one lacks what lets the API server drop nulls.
///
/// # Errors
/// A definition that YAML cannot express.
pub fn crd_documents() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    // A description is one line, so that a change of it is one line.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let document = |crd: &Value| {
        let plural = crd.pointer("/spec/names/plural").and_then(Value::as_str).unwrap_or_default();
        let text = serde_saphyr::to_string_with_options(crd, options.clone())?;
        Ok((format!("{plural}.yaml"), format!("{HEADER}{text}")))
    };
    definitions().iter().map(document).collect()
}

/// Each kind's definition as JSON.
pub fn definitions() -> Vec<Value> {
    [DaskCluster::crd(), DaskWorkerGroup::crd(), DaskJob::crd(), DaskAutoscaler::crd()]
        .iter()
        .map(finished)
        .collect()
}

/// The definition as JSON, with the schema edits that cannot be said on the types.
fn finished(crd: &CustomResourceDefinition) -> Value {
    // Plain data with string keys always has a JSON form; the tests look at every document.
    let mut crd = serde_json::to_value(crd).unwrap_or_default();
    let is_job = crd.pointer("/spec/names/kind") == Some(&json!("DaskJob"));
    let Some(root) = crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") else { return crd };
    edit(root, Tidy);
    if is_job && let Ok(schema) = <&mut Schema>::try_from(&mut *root) {
        rules::made_once(schema);
    }
    if let Some(status) = root.pointer_mut("/properties/status") {
        edit(status, NotNegative);
        if is_job {
            allow_null_in_job_status(status);
        }
    }
    crd
}

fn edit(node: &mut Value, mut transform: impl Transform) {
    if let Ok(schema) = <&mut Schema>::try_from(node) {
        transform.transform(schema);
    }
}

/// Makes every value non-nullable, so that the API server drops nulls and applies defaults, and
/// writes bounds and descriptions the plain way.
#[derive(Clone)]
struct Tidy;

impl Transform for Tidy {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(node) = schema.as_object_mut() else { return };
        node.remove("nullable");
        node.remove("title");
        for bound in ["minimum", "maximum"] {
            if let Some(number) = node.get(bound).and_then(Value::as_f64).filter(|n| n.fract() == 0.0) {
                node.insert(bound.into(), json!(number as i64));
            }
        }
        if let Some(Value::String(text)) = node.get_mut("description") {
            *text = text.replace('\n', " ");
        }
    }
}

/// Every integer of a status counts something.
#[derive(Clone)]
struct NotNegative;

impl Transform for NotNegative {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(node) = schema.as_object_mut()
            && node.get("type") == Some(&json!("integer"))
        {
            node.insert("minimum".into(), json!(0));
        }
    }
}

fn allow_null_in_job_status(status: &mut Value) {
    for key in NULLABLE_JOB_STATUS {
        if let Some(Value::Object(node)) = status.pointer_mut(&format!("/properties/{key}")) {
            node.insert("nullable".into(), json!(true));
            // The API server would refuse null, even one that the list names.
            node.remove("enum");
        }
    }
    if let Value::Object(status) = status {
        status.insert("required".into(), json!(["jobStatus"]));
    }
}
