//! Why an action failed.

use crate::kubernetes::api::REQUEST;

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused it.
    #[error("{what} was refused ({code}): {message}")]
    Refused {
        /// What was tried.
        what: String,
        /// HTTP status code.
        code: u16,
        /// The API server's words.
        message: String,
    },
    /// The object was changed meanwhile.
    #[error("{what}: changed meanwhile")]
    Conflict {
        /// What was tried.
        what: String,
    },
    /// The API server did not answer as it should.
    #[error("{what}: {source}")]
    Failed {
        /// What was tried.
        what: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
    /// The API server did not answer in time.
    #[error("{what}: no answer within {} s", REQUEST.as_secs())]
    NoAnswer {
        /// What was tried.
        what: String,
    },
}

impl Error {
    /// A short name for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Conflict { .. } => "conflict",
            Self::Failed { .. } => "failed",
            Self::NoAnswer { .. } => "no_answer",
        }
    }
}
