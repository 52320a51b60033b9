//! Server-side apply, and who wrote which field.

use serde_json::Value;

/// A write that is no apply.
pub struct Update<'a> {
    /// Who writes.
    pub manager: &'a str,
    /// The subresource it is for.
    pub subresource: Option<&'a str>,
    /// When, as RFC 3339.
    pub time: &'a str,
}

/// Keeps `metadata.managedFields` of a write that is no apply.
pub fn track(_before: Option<&Value>, _after: &mut Value, _update: &Update<'_>) {}
