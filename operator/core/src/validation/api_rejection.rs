//! What the API server refuses: what a rejection means, what to do about it, and how it is reported.

use crate::{
    model::trouble::Trouble,
    plan::conditions::{self, MAX_MESSAGE, Observed, WRITE_REFUSED, shorten},
};

/// Reason: the operator lacks a right.
pub const FORBIDDEN: &str = "Forbidden";
/// Reason: the API server, or a webhook that it asks, failed or gave no answer.
pub const NOT_ANSWERED: &str = "NotAnswered";

/// Why a request came to nothing, as far as a decision depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The API server, or a webhook, said no.
    Rejected {
        /// What was asked for, for a person.
        what: String,
        /// The HTTP status code.
        code: u16,
        /// The API server's words.
        message: String,
    },
    /// There was no answer in time; the sentence says to what.
    NoAnswer(String),
    /// Anything else: neither confirms nor clears a rejection.
    Other,
}

/// How a pass over an object ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassEnd {
    /// All of it was carried out.
    Done,
    /// Incomplete: counts neither as success nor as a rejection.
    Waits,
    /// It failed.
    Failed(Failure),
}

/// What the API server answered to the last writes for an object, if it rejected them, and how often in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejections(Option<(Trouble, u32)>);

impl Failure {
    /// Whether the API server, or a webhook, has said no or nothing: then what was to be done has not happened, as far as is
    /// known.
    pub fn is_rejected_or_unanswered(&self) -> bool {
        matches!(self, Self::Rejected { .. } | Self::NoAnswer(_))
    }

    /// Whether the API server finds the object itself invalid.
    pub fn is_invalid(&self) -> bool {
        matches!(self, Self::Rejected { code: 422, .. })
    }

    /// Why a pass ended without all that it was to write, if that is news for a person.
    fn trouble(&self) -> Option<Trouble> {
        let (reason, text) = match self {
            Self::Rejected { what, code, message } => {
                let reason = match code {
                    403 if is_about_rights(message) => FORBIDDEN,
                    409 => "NameTaken",
                    429 => return None,
                    400..500 => "CreateRejected",
                    // The API server's own troubles pass, or concern all objects; those of a webhook have an owner.
                    _ if message.contains("webhook") => NOT_ANSWERED,
                    _ => return None,
                };
                (reason, format!("{what} was refused: {message}"))
            }
            Self::NoAnswer(text) => (NOT_ANSWERED, text.clone()),
            Self::Other => return None,
        };
        Some(Trouble { reason: reason.into(), message: shorten(&text, MAX_MESSAGE) })
    }
}

impl Rejections {
    /// So many in a row.
    pub fn of(trouble: Trouble, times: u32) -> Self {
        Self(Some((trouble, times)))
    }

    /// Takes note of how a pass ended.
    pub fn note(&mut self, end: &PassEnd) {
        match end {
            PassEnd::Waits => {}
            PassEnd::Done => self.0 = None,
            PassEnd::Failed(failure) => {
                if let Some(trouble) = failure.trouble() {
                    let times = self.0.as_ref().map_or(1, |(_, n)| n.saturating_add(1));
                    self.0 = Some((trouble, times));
                }
            }
        }
    }

    /// The rejection, if it came more than once: a first one may be a matter of order.
    pub fn lasting(&self) -> Option<&Trouble> {
        self.0.as_ref().filter(|(_, times)| *times > 1).map(|(trouble, _)| trouble)
    }
}

/// Whether these words of the API server say that the operator itself may not do this. A quota and the security of
/// pods are refused with the same code.
pub fn is_about_rights(words: &str) -> bool {
    words.contains(" is forbidden: User ") && words.contains(" cannot ")
}

/// What to do about a refusal in these words.
pub fn remedy(words: &str) -> &'static str {
    if is_about_rights(words) {
        "give the operator's service account this right; the chart's ClusterRole and Roles have it (rbac.create)"
    } else if words.contains("exceeded quota") {
        "raise the quota that it names, or ask for less"
    } else if words.contains("calling webhook") {
        "put the webhook that it names right, or remove its configuration"
    } else if words.contains("no answer within") {
        "look at the API server, and at the webhooks that it asks"
    } else {
        "correct the spec, or what the message names"
    }
}

/// Whether the API server takes what is written, as a condition.
pub fn condition(refused: Option<&Trouble>) -> Observed {
    match refused {
        Some(refused) => {
            let message = format!("{}; {}", refused.message, remedy(&refused.message));
            conditions::yes(WRITE_REFUSED, &refused.reason, message)
        }
        None => conditions::no(WRITE_REFUSED, "NoneRefused", "the API server takes what is written"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_remedy() {
        for (words, advice) in [
            (
                "pods \"x\" is forbidden: User \"system:serviceaccount:a:b\" cannot patch resource \"pods\" in API group \
                 \"\" in the namespace \"n\"",
                "give the operator's service account this right",
            ),
            ("pods \"x\" is forbidden: exceeded quota: q, requested: pods=1", "raise the quota"),
            ("failed calling webhook \"w\": context deadline exceeded", "put the webhook"),
            ("creating pod x: no answer within 30 s", "look at the API server"),
            ("spec.ports[0].nodePort: provided port is already allocated", "correct the spec"),
        ] {
            assert!(remedy(words).starts_with(advice), "{words}: {}", remedy(words));
        }
    }

    #[test]
    fn a_first_refusal_is_not_told() {
        let trouble = Trouble { reason: FORBIDDEN.into(), message: "no".into() };
        assert!(Rejections::of(trouble.clone(), 1).lasting().is_none());
        assert!(condition(Rejections::of(trouble, 2).lasting()).holds());
        assert!(!condition(None).holds());
    }

    fn refused(code: u16, message: &str) -> PassEnd {
        PassEnd::Failed(Failure::Rejected { what: "creating pod x".into(), code, message: message.into() })
    }

    #[test]
    fn every_kind_of_rejection_is_reported() {
        let rights =
            "services is forbidden: User \"u\" cannot create resource \"services\" in API group \"\"";
        for (end, reason) in [
            (refused(403, rights), "Forbidden"),
            (refused(403, "pods \"x\" is forbidden: exceeded quota: q"), "CreateRejected"),
            (refused(422, "spec.ports[0].nodePort: is already allocated"), "CreateRejected"),
            (refused(409, "already exists"), "NameTaken"),
            (refused(500, "failed calling webhook \"w\": context deadline exceeded"), "NotAnswered"),
            (PassEnd::Failed(Failure::NoAnswer("creating Service s: no answer".into())), "NotAnswered"),
        ] {
            let mut rejections = Rejections::default();
            rejections.note(&end);
            assert_eq!(rejections.lasting(), None, "once may be a matter of order");
            rejections.note(&end);
            assert_eq!(rejections.lasting().map(|t| t.reason.as_str()), Some(reason), "{end:?}");
            rejections.note(&PassEnd::Waits);
            assert!(
                rejections.lasting().is_some(),
                "a pass that leaves something for the next one tells nothing"
            );
            rejections.note(&PassEnd::Failed(Failure::Other));
            assert!(rejections.lasting().is_some(), "nor does another error");
            rejections.note(&PassEnd::Done);
            assert_eq!(rejections, Rejections::default(), "over");
        }
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        for end in [refused(429, "slow down"), refused(503, "etcdserver: leader changed")] {
            let mut rejections = Rejections::default();
            rejections.note(&end);
            assert_eq!(rejections, Rejections::default());
        }
    }
}
