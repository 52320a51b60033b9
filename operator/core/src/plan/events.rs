//! Events that the operator publishes.

/// An event to record on the object that is reconciled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Whether it is a warning.
    pub warning: bool,
    /// One CamelCase word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// Whether it is one event for its reason, whatever its words.
    pub once: bool,
}

impl EventRecord {
    /// Something a person should look at.
    pub fn warning(reason: &str, message: &str) -> Self {
        Self { warning: true, reason: reason.into(), message: message.into(), once: false }
    }

    /// Something a person may want to know.
    pub fn normal(reason: &str, message: &str) -> Self {
        Self { warning: false, reason: reason.into(), message: message.into(), once: false }
    }
}
