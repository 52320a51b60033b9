//! The journal: every change that was accepted, in order.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

/// UID and resourceVersion that a request was bound to.
pub type Preconditions = (Option<String>, Option<String>);

/// What kind of a change it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// It was made.
    Create,
    /// It was replaced or patched.
    Update,
    /// A request began or did its deletion.
    Delete,
    /// It went without a request: the garbage collector, or its last finalizer.
    Remove,
}

/// One accepted change.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version that it made.
    pub version: u64,
    /// Whose request it was.
    pub user: String,
    /// What kind of a change.
    pub verb: Verb,
    /// `status` or `scale`, if the request was for one.
    pub subresource: Option<&'static str>,
    /// Plural of the resource.
    pub resource: Arc<str>,
    /// Namespace of the object; empty if it has none.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// UID of the object.
    pub uid: String,
    /// The object before.
    pub before: Option<Arc<Value>>,
    /// The object after; none if it is not stored any more.
    pub after: Option<Arc<Value>>,
    /// What the request was bound to.
    pub preconditions: Option<Preconditions>,
    /// When.
    pub at: Timestamp,
}

/// Who does what: the part of a change that the request says.
#[derive(Clone, Debug)]
pub(crate) struct Act<'a> {
    pub user: &'a str,
    pub verb: Verb,
    pub subresource: Option<&'static str>,
    pub preconditions: Option<Preconditions>,
    /// Whether it is only a step of a deletion: the end of it is what the journal tells.
    pub is_step: bool,
}

impl<'a> Act<'a> {
    pub(crate) fn new(user: &'a str, verb: Verb, subresource: Option<&'static str>) -> Self {
        Self { user, verb, subresource, preconditions: None, is_step: false }
    }
}
