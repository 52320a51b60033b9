//! Schemas of PodSpec and ServiceSpec that check what they know and let through what they do not.

use k8s_openapi::api::core::v1::{PodSpec, ServiceSpec};
use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use super::rules;

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";

/// Schema of a pod template's spec. Debug containers are left out: a template cannot have them.
pub(crate) fn pod_spec() -> Schema {
    let mut schema = template::<PodSpec>();
    if let Some(properties) = properties(&mut schema) {
        properties.remove("ephemeralContainers");
    }
    rules::pod(&mut schema);
    schema
}

/// Schema of a service template's spec.
pub(crate) fn service_spec() -> Schema {
    let mut schema = template::<ServiceSpec>();
    rules::service(&mut schema);
    schema
}

/// Makes `OnFailure` the restart policy of a pod whose author names none.
pub(crate) fn restart_on_failure(pod: &mut Schema) {
    set_default(properties(pod), "restartPolicy", "OnFailure");
}

fn template<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::openapi3().with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    Lenient.transform(&mut schema);
    schema
}

/// Drops the texts (they would not fit into an annotation), keeps fields of later Kubernetes versions.
#[derive(Clone)]
struct Lenient;

impl Transform for Lenient {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(node) = schema.as_object_mut() else { return };
        for key in ["description", "title", "nullable"] {
            node.remove(key);
        }
        let closed = node.get("type") == Some(&json!("object")) && !node.contains_key("additionalProperties");
        if closed {
            node.insert(PRESERVE.into(), json!(true));
        }
        // Server-side apply tells ports apart by number and protocol.
        set_default(properties(schema), "protocol", "TCP");
    }
}

fn properties(schema: &mut Schema) -> Option<&mut Map<String, Value>> {
    schema.get_mut("properties").and_then(Value::as_object_mut)
}

fn set_default(properties: Option<&mut Map<String, Value>>, key: &str, default: &str) {
    if let Some(node) = properties.and_then(|p| p.get_mut(key)).and_then(Value::as_object_mut) {
        node.insert("default".into(), json!(default));
    }
}
