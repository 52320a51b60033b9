//! What is shown of an object: all of it, its metadata only, or a row of a table.

use http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{kinds::Kind, request::Query, status::Status, table};

const META: &str = "meta.k8s.io/v1";
const PARTIAL: &str = "PartialObjectMetadata";

/// How objects are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    #[default]
    Whole,
    Metadata,
    Table(table::Options),
}

impl View {
    /// The object as it is shown.
    pub(crate) fn of(self, kind: &Kind, object: &Value) -> Value {
        match self {
            Self::Whole => object.clone(),
            Self::Metadata => metadata(object),
            Self::Table(options) => table::one(kind, object, options),
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

/// How the client wants to see objects.
pub(crate) fn asked(headers: &HeaderMap, query: &Query, now: impl Fn() -> Timestamp) -> Result<View, Status> {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()) else {
        return Ok(View::Whole);
    };
    for wanted in accept.split(',').map(str::trim).filter(|w| !w.is_empty()) {
        let mut parts = wanted.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let form = parts.clone().find_map(|p| p.strip_prefix("as=")).unwrap_or_default();
        match (media, form) {
            ("application/json" | "*/*" | "application/*", "") => return Ok(View::Whole),
            ("application/json", "PartialObjectMetadata" | "PartialObjectMetadataList") => {
                return Ok(View::Metadata);
            }
            ("application/json", "Table")
                if ["v=v1", "g=meta.k8s.io"].iter().all(|p| parts.clone().any(|q| q == *p)) =>
            {
                if let Some(options) = table::asked(&query.include, &now)? {
                    return Ok(View::Table(options));
                }
            }
            _ => {}
        }
    }
    Err(Status::not_acceptable())
}
