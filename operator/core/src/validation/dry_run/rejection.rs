//! What the API server's rejection of a template says of the template.

use super::Verdict;
use crate::plan::conditions::shorten;

/// Most fields kept of one answer.
const FIELDS: usize = 8;
/// Longest text kept of one field.
const TEXT: usize = 400;

/// The API server's rejection of a template that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status code.
    pub code: u16,
    /// The whole sentence.
    pub message: String,
    /// Which fields, and why.
    pub causes: Vec<(String, String)>,
}

impl Rejection {
    /// Whether the API server says something about what was posted, and not about itself.
    pub fn is_answer(&self) -> bool {
        let webhook = self.code == 500 && self.message.contains("webhook");
        webhook || ((400..500).contains(&self.code) && !matches!(self.code, 401 | 429))
    }

    /// Whether it complains of fields that it does not know, as it does where validation of fields is strict.
    pub fn is_about_unknown_fields(&self) -> bool {
        self.message.contains("strict decoding error")
    }

    /// The paths in `... unknown field "spec.a", unknown field "spec.b"`.
    pub fn unknown_fields(&self) -> Vec<String> {
        let parts = self.message.split("unknown field \"").skip(1);
        parts.filter_map(|p| Some(p.split_once('"')?.0.to_string())).take(FIELDS).collect()
    }

    /// Only what is said of the template itself is a verdict. The rest (a quota, a missing service account, an
    /// admission policy, a webhook that takes no dry runs) may be over when it counts, and is told then. A name
    /// that exists was looked at last.
    pub fn verdict(&self) -> Verdict {
        let is_malformed = self.code == 400 && self.message.contains("cannot be handled as");
        let is_policys = self.message.contains("ValidatingAdmissionPolicy");
        match self.code {
            409 => Verdict::Valid { unknown: Vec::new() },
            422 if !is_policys => self.invalid(),
            _ if is_malformed => self.invalid(),
            _ => Verdict::Inconclusive,
        }
    }

    fn invalid(&self) -> Verdict {
        let causes = self.causes.iter().take(FIELDS);
        let causes = causes.map(|(field, text)| (shorten(field, TEXT), shorten(text, TEXT))).collect();
        Verdict::Invalid { causes, message: shorten(&self.message, TEXT) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(code: u16, message: &str) -> Rejection {
        Rejection { code, message: message.into(), causes: Vec::new() }
    }

    #[test]
    fn fields_that_are_not_known_are_named() {
        let text = "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \
                    \"spec.containers[0].resources.limit\", unknown field \"spec.x\"";
        let rejection = rejection(400, text);
        assert!(rejection.is_about_unknown_fields());
        assert_eq!(rejection.unknown_fields(), ["spec.containers[0].resources.limit", "spec.x"]);
    }

    #[test]
    fn only_what_is_said_of_the_template_counts() {
        let cause = ("spec.x".to_string(), "must be y".to_string());
        let about_a_field = Rejection { causes: vec![cause.clone()], ..rejection(422, "m") };
        let Verdict::Invalid { causes, .. } = about_a_field.verdict() else { panic!() };
        assert_eq!(causes, [cause]);
        let malformed = "Pod in version \"v1\" cannot be handled as a Pod: json: ...";
        assert!(matches!(rejection(400, malformed).verdict(), Verdict::Invalid { .. }));
        assert_eq!(rejection(409, "already exists").verdict(), Verdict::Valid { unknown: Vec::new() });
        for (code, text) in [
            (403, "exceeded quota"),
            (400, "admission webhook \"x\" does not support dry run"),
            (422, "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"),
            (500, "failed calling webhook"),
        ] {
            let rejection = rejection(code, text);
            assert!(rejection.is_answer() && rejection.verdict() == Verdict::Inconclusive, "{text}");
        }
        for code in [401, 429, 500, 503] {
            assert!(!rejection(code, "etcdserver: leader changed").is_answer(), "{code}");
        }
    }
}
