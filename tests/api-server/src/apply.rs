//! Server-side apply, and who wrote which field.

use serde_json::Value;

use crate::schema::Schema;

/// How the lists and maps of a kind merge.
pub trait Lists {}

impl Lists for Schema {}

/// One of Kubernetes' own kinds, by its name.
pub struct OwnKind;

impl OwnKind {
    /// The kind of this name.
    pub fn named(_kind: &str) -> Self {
        Self
    }
}

impl Lists for OwnKind {}

/// A request to apply.
pub struct Apply<'a> {
    /// `fieldManager`.
    pub manager: &'a str,
    /// Takes fields from other managers.
    pub force: bool,
    /// Such as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Now, as RFC 3339.
    pub time: &'a str,
    /// The version that the request is for.
    pub api_version: &'a str,
    /// Fields that this endpoint does not write.
    pub resets: &'a [&'a str],
    /// How the kind merges.
    pub lists: &'a dyn Lists,
}

/// A write that is no apply.
pub struct Update<'a> {
    /// Who writes.
    pub manager: &'a str,
    /// Such as `status`; empty for the object itself.
    pub subresource: &'a str,
    /// Now, as RFC 3339.
    pub time: &'a str,
    /// The version that the request is for.
    pub api_version: &'a str,
    /// Fields that this endpoint does not write.
    pub resets: &'a [&'a str],
    /// How the kind merges.
    pub lists: &'a dyn Lists,
}

/// A field that somebody else manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The manager.
    pub manager: String,
    /// Path of the field.
    pub field: String,
}

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Other managers have other values.
    #[error("Apply failed with {} conflicts", .0.len())]
    Conflicts(Vec<Conflict>),
    /// The request is refused.
    #[error("{0}")]
    BadRequest(String),
    /// The configuration does not have the shape of its kind.
    #[error("failed to create typed patch object ({object})")]
    Untyped {
        /// Namespace, name and kind.
        object: String,
        /// What does not fit.
        faults: Vec<String>,
    },
}

/// Applies a configuration.
///
/// # Errors
/// It is refused.
pub fn apply(live: Option<&Value>, config: &Value, _request: &Apply<'_>) -> Result<Value, ApplyError> {
    let mut new = live.cloned().unwrap_or_default();
    json_patch::merge(&mut new, config);
    Ok(new)
}

/// Keeps `metadata.managedFields` of a write that is no apply.
pub fn track(_before: Option<&Value>, _after: &mut Value, _update: &Update<'_>) {}
