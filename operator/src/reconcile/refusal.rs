//! What the API server refuses stands in the status until it is over.

use dask_operator_core::{
    conditions::{MAX_MESSAGE, shorten},
    record::Trouble,
};

use super::Error;
use crate::execute;

/// A refusal, and how often in a row.
pub(super) type Refusal = Option<(Trouble, u32)>;

/// Whether the answer is about what was asked, and not about the API server's own state.
fn is_verdict(code: u16) -> bool {
    (400..500).contains(&code) && code != 429
}

/// The refusal, if it came more than once: a first one may be a matter of order.
pub(super) fn lasting(refused: &Refusal) -> Option<&Trouble> {
    refused.as_ref().filter(|(_, times)| *times > 1).map(|(trouble, _)| trouble)
}

/// Remembers how a pass ended.
pub(super) fn remember(refused: &mut Refusal, error: Option<&Error>) {
    *refused = match error {
        Some(Error::Api(execute::Error::Refused { what, code, message })) if is_verdict(*code) => {
            let times = refused.as_ref().map_or(1, |(_, n)| n.saturating_add(1));
            let reason = if *code == 409 { "NameTaken" } else { "CreateRejected" };
            let message = shorten(&format!("{what} was refused: {message}"), MAX_MESSAGE);
            Some((Trouble { reason: reason.into(), message }, times))
        }
        // Neither an answer nor its lack says that it is over.
        Some(_) => return,
        None => None,
    };
}
