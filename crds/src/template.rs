//! Pod and service templates, carried as JSON so that fields newer than our types survive.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Labels and annotations for what is made from a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateMetadata {
    /// Labels added to the object and its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, String>>", transform = crate::schema::label_values)]
    pub labels: Option<BTreeMap<String, Option<String>>>,
    /// Annotations added to the object and its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, String>>", transform = crate::schema::few_keys)]
    pub annotations: Option<BTreeMap<String, Option<String>>>,
}

/// A Kubernetes PodSpec as the user wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodSpecJson(pub Map<String, Value>);

/// A Kubernetes ServiceSpec as the user wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceSpecJson(pub Map<String, Value>);

impl JsonSchema for PodSpecJson {
    fn schema_name() -> Cow<'static, str> {
        "PodSpec".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        crate::schema::pod_spec()
    }
}

impl JsonSchema for ServiceSpecJson {
    fn schema_name() -> Cow<'static, str> {
        "ServiceSpec".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        crate::schema::service_spec()
    }
}
