//! What the API server refuses stands in the status until it is over.

use dask_operator_core::{
    model::pod::Trouble,
    plan::conditions::{MAX_MESSAGE, shorten},
    validation::api_rejection::{FORBIDDEN, NOT_ANSWERED, Refused, is_about_rights},
};

use super::{Error, Outcome};
use crate::apply;

/// Why a pass ended without all that it was to write, if that is news for a person: in one word, and in a sentence.
fn news(error: &Error) -> Option<(&'static str, String)> {
    let Error::Api(error) = error else { return None };
    match error {
        apply::Error::Refused { what, code, message } => {
            let reason = match code {
                403 if is_about_rights(message) => FORBIDDEN,
                409 => "NameTaken",
                429 => return None,
                400..500 => "CreateRejected",
                // The API server's own troubles pass, or concern all objects; those of a webhook have an owner.
                _ if message.contains("webhook") => NOT_ANSWERED,
                _ => return None,
            };
            Some((reason, format!("{what} was refused: {message}")))
        }
        apply::Error::NoAnswer { .. } => Some((NOT_ANSWERED, error.to_string())),
        _ => None,
    }
}

/// Remembers how a pass ended. One that left something for the next says nothing of it.
pub(super) fn remember(refused: &mut Refused, outcome: &Result<Outcome, Error>) {
    if matches!(outcome, Ok(Outcome::Waiting(_))) {
        return;
    }
    *refused = match outcome.as_ref().err().map(news) {
        Some(Some((reason, text))) => {
            let times = refused.as_ref().map_or(1, |(_, n)| n.saturating_add(1));
            let message = shorten(&text, MAX_MESSAGE);
            Some((Trouble { reason: reason.into(), message }, times))
        }
        // Other errors neither confirm nor clear the rejection.
        Some(None) => return,
        None => None,
    };
}

/// Whether the API server, or a webhook, has said no or nothing: then what was to be done has not happened, as far as is
/// known.
pub(super) fn is_a_no(error: &Error) -> bool {
    matches!(error, Error::Api(apply::Error::Refused { .. } | apply::Error::NoAnswer { .. }))
}

/// Whether the API server finds the object itself invalid.
pub(super) fn is_invalid(error: &Error) -> bool {
    matches!(error, Error::Api(apply::Error::Refused { code: 422, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, message: &str) -> Error {
        Error::Api(apply::Error::Refused { what: "creating pod x".into(), code, message: message.into() })
    }

    #[test]
    fn every_kind_of_refusal_is_told() {
        let no_answer = || Error::Api(apply::Error::NoAnswer { what: "creating Service s".into() });
        let rights =
            "services is forbidden: User \"u\" cannot create resource \"services\" in API group \"\"";
        for (error, reason) in [
            (refused(403, rights), "Forbidden"),
            (refused(403, "pods \"x\" is forbidden: exceeded quota: q"), "CreateRejected"),
            (refused(422, "spec.ports[0].nodePort: is already allocated"), "CreateRejected"),
            (refused(409, "already exists"), "NameTaken"),
            (refused(500, "failed calling webhook \"w\": context deadline exceeded"), "NotAnswered"),
            (no_answer(), "NotAnswered"),
        ] {
            let (mut memory, error) = (None, Err(error));
            remember(&mut memory, &error);
            remember(&mut memory, &error);
            let (trouble, times) = memory.clone().unwrap();
            assert_eq!((trouble.reason.as_str(), times), (reason, 2), "{error:?}");
            remember(&mut memory, &Ok(Outcome::Waiting(std::time::Duration::ZERO)));
            assert!(memory.is_some(), "a pass that leaves something for the next one tells nothing");
            remember(&mut memory, &Ok(Outcome::Done(None)));
            assert_eq!(memory, None, "over");
        }
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        for error in [refused(429, "slow down"), refused(503, "etcdserver: leader changed")] {
            let mut memory = None;
            remember(&mut memory, &Err(error));
            assert_eq!(memory, None);
        }
    }
}
