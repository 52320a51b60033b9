//! How a pass over an object ended, in the core's terms.

use dask_operator_core::validation::api_rejection::{Failure, PassEnd};

use super::{Error, Outcome};
use crate::apply;

/// How a pass ended, for what is remembered of rejections.
pub(super) fn pass_end(outcome: &Result<Outcome, Error>) -> PassEnd {
    match outcome {
        Ok(Outcome::Waiting(_)) => PassEnd::Waits,
        Ok(Outcome::Gone | Outcome::Done(_)) => PassEnd::Done,
        Err(error) => PassEnd::Failed(failure(error)),
    }
}

/// Why a request came to nothing.
pub(super) fn failure(error: &Error) -> Failure {
    let Error::Api(error) = error else { return Failure::Other };
    match error {
        apply::Error::Refused { what, code, message } => {
            Failure::Rejected { what: what.clone(), code: *code, message: message.clone() }
        }
        apply::Error::NoAnswer { .. } => Failure::NoAnswer(error.to_string()),
        _ => Failure::Other,
    }
}
