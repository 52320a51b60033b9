//! Reviews: questions of clients about what they may do. Everybody may do everything here.

use serde_json::{Value, json};

use crate::status::Status;

const AUTHORIZATION: &str = "authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// Group, plural, kind, and whether it is asked in a namespace.
const REVIEWS: [(&str, &str, &str, bool); 5] = [
    (AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview", false),
    (AUTHORIZATION, "localsubjectaccessreviews", "LocalSubjectAccessReview", true),
    (AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview", false),
    (AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview", false),
    (AUTHORIZATION, "subjectaccessreviews", "SubjectAccessReview", false),
];

/// The groups of reviews, all at version v1.
pub(crate) const GROUPS: [&str; 2] = [AUTHENTICATION, AUTHORIZATION];

/// The resources of a group, for discovery.
pub(crate) fn resources(group: &str) -> Vec<Value> {
    let of_group = REVIEWS.iter().filter(|(g, ..)| *g == group);
    of_group
        .map(|(_, plural, kind, namespaced)| {
            json!({
                "name": plural, "singularName": kind.to_lowercase(), "namespaced": namespaced, "kind": kind,
                "verbs": ["create"],
            })
        })
        .collect()
}

/// A review that is asked for.
pub(crate) struct Review {
    group: &'static str,
    kind: &'static str,
}

/// The review that a path names.
pub(crate) fn asked(path: &str) -> Option<Review> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let (group, plural) = match parts.as_slice() {
        ["apis", group, "v1", plural] | ["apis", group, "v1", "namespaces", _, plural] => (*group, *plural),
        _ => return None,
    };
    let (group, _, kind, _) = REVIEWS.iter().find(|(g, p, ..)| *g == group && *p == plural)?;
    Some(Review { group, kind })
}

impl Review {
    /// The review with its outcome.
    pub(crate) fn answer(&self, user: &str, body: &[u8]) -> Result<Value, Status> {
        let Self { group, kind } = self;
        let mut review: Value = serde_json::from_slice(body)
            .map_err(|e| Status::bad_request(format!("the {kind} cannot be read: {e}")))?;
        let map = crate::meta::as_map(&mut review);
        map.insert("apiVersion".into(), json!(format!("{group}/v1")));
        map.insert("kind".into(), json!(kind));
        let status = match *kind {
            "SelfSubjectReview" => json!({"userInfo": {"username": user, "groups": ["system:masters"]}}),
            "SelfSubjectRulesReview" => json!({
                "incomplete": false,
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            }),
            _ => json!({"allowed": true}),
        };
        map.insert("status".into(), status);
        Ok(review)
    }
}
