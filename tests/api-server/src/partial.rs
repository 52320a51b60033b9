//! What is shown of an object: all of it, or its metadata only.

use serde_json::{Map, Value, json};

use crate::kinds::Kind;

const META: &str = "meta.k8s.io/v1";
const PARTIAL: &str = "PartialObjectMetadata";

/// How objects are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    #[default]
    Whole,
    Metadata,
}

impl View {
    /// The object as it is shown.
    pub(crate) fn of(self, object: &Value) -> Value {
        if self == Self::Whole {
            return object.clone();
        }
        let mut shown = Map::new();
        shown.insert("apiVersion".into(), json!(META));
        shown.insert("kind".into(), json!(PARTIAL));
        shown.insert("metadata".into(), object.get("metadata").cloned().unwrap_or_default());
        Value::Object(shown)
    }

    /// Version and kind of an object as it is shown.
    pub(crate) fn names(self, kind: &Kind) -> (String, String) {
        match self {
            Self::Whole => (kind.api_version.clone(), kind.kind.clone()),
            Self::Metadata => (META.into(), PARTIAL.into()),
        }
    }
}
