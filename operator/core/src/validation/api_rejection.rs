//! What the API server refuses: what to do about it, and how it is told.

use crate::{
    model::pod::Trouble,
    plan::conditions::{self, Observed, WRITE_REFUSED},
};

/// A refusal, and how often in a row.
pub type Refused = Option<(Trouble, u32)>;

/// Reason: the operator lacks a right.
pub const FORBIDDEN: &str = "Forbidden";
/// Reason: the API server, or a webhook that it asks, failed or gave no answer.
pub const NOT_ANSWERED: &str = "NotAnswered";

/// The refusal, if it came more than once: a first one may be a matter of order.
pub fn lasting(refused: &Refused) -> Option<&Trouble> {
    refused.as_ref().filter(|(_, times)| *times > 1).map(|(trouble, _)| trouble)
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
        assert!(lasting(&Some((trouble.clone(), 1))).is_none());
        assert!(condition(lasting(&Some((trouble, 2)))).holds());
        assert!(!condition(None).holds());
    }
}
