//! What is shown of an object: all of it, its metadata only, or a row of a table.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    kinds::Kind,
    table::{self, Include},
};

const META: &str = "meta.k8s.io/v1";
const PARTIAL: &str = "PartialObjectMetadata";

/// How objects are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    #[default]
    Whole,
    Metadata,
    /// With the time that ages are told at.
    Table(Include, Timestamp),
}

impl View {
    /// The object as it is shown.
    pub(crate) fn of(self, kind: &Kind, object: &Value) -> Value {
        match self {
            Self::Whole => object.clone(),
            Self::Metadata => metadata(object),
            Self::Table(include, now) => table::one(kind, object, include, now),
        }
    }

    /// Version and kind of an object as it is shown.
    pub(crate) fn names(self, kind: &Kind) -> (String, String) {
        match self {
            // Tables are made of objects that have their own names.
            Self::Whole | Self::Table(..) => (kind.api_version.clone(), kind.kind.clone()),
            Self::Metadata => (META.into(), PARTIAL.into()),
        }
    }
}

/// The metadata of an object, as an object.
pub(crate) fn metadata(object: &Value) -> Value {
    let mut shown = Map::new();
    shown.insert("apiVersion".into(), json!(META));
    shown.insert("kind".into(), json!(PARTIAL));
    shown.insert("metadata".into(), object.get("metadata").cloned().unwrap_or_default());
    Value::Object(shown)
}
