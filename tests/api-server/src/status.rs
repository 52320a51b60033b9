//! Refusals, in the shape and the words of a Kubernetes API server.

use serde_json::{Map, Value, json};

use crate::{kinds::Kind, schema::Cause};

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// One word for programs, such as `NotFound`.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// What it is about.
    pub details: Option<Box<Details>>,
    /// What was to be warned of before it was refused.
    pub warnings: Vec<String>,
    /// Where a list can go on, though not consistently.
    pub next: Option<String>,
}

/// What a refusal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Name of the object.
    pub name: String,
    /// Group of its kind; empty for the core group.
    pub group: String,
    /// Resource or kind, as the real server has it for each reason.
    pub kind: String,
    /// UID of the object, where the answer tells it.
    pub uid: String,
    /// Field by field, what is wrong.
    pub causes: Vec<Cause>,
    /// When to try again.
    pub retry_after_seconds: Option<u32>,
}

impl Status {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, warnings: Vec::new(), next: None }
    }

    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 501: a real server can do this, this one cannot.
    pub fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::new(501, "NotImplemented", format!("this API server in memory does not support {what}"))
    }

    /// 410: the past that is asked for is forgotten.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 404 for a resource that is not served.
    pub fn no_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").with_details()
    }

    /// 404 for a path that nothing is served at: a text, and no Status.
    pub(crate) fn no_page() -> Self {
        Self::new(404, "", "404 page not found")
    }

    fn with_details(mut self) -> Self {
        self.details.get_or_insert_default();
        self
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.qualified);
        Self::new(404, "NotFound", message).about(kind, name)
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str, is_going: bool) -> Self {
        let when = if is_going { "object is being deleted: " } else { "" };
        let message = format!("{when}{} \"{name}\" already exists", kind.qualified);
        Self::new(409, "AlreadyExists", message).about(kind, name)
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.qualified);
        Self::new(409, "Conflict", message).about(kind, name)
    }

    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    pub(crate) fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.qualified);
        Self::new(403, "Forbidden", message).about(kind, name)
    }

    pub(crate) fn not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).with_details()
    }

    /// 405 of a kind, in the words for subresources.
    pub(crate) fn not_supported(kind: &Kind, verb: &str) -> Self {
        let message = format!("{verb} is not supported on resources of kind \"{}\"", kind.qualified);
        Self::new(405, "MethodNotAllowed", message).about(kind, "")
    }

    pub(crate) fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 406: no form that the client takes.
    pub(crate) fn not_acceptable() -> Self {
        let message = "only the following media types are accepted: application/json, application/yaml, \
                       application/vnd.kubernetes.protobuf";
        Self::new(406, "NotAcceptable", message)
    }

    /// 415 in the words for patches.
    pub(crate) fn no_patch() -> Self {
        Self::unsupported_media_type("415: Unsupported Media Type").with_details()
    }

    /// 422 of the parameters of a request.
    pub(crate) fn options(kind: &str, cause: Cause) -> Self {
        Self::all_options(kind, vec![cause])
    }

    pub(crate) fn all_options(kind: &str, causes: Vec<Cause>) -> Self {
        let mut status = Self::invalid_named(&format!("{kind}.meta.k8s.io"), "", causes);
        if let Some(details) = &mut status.details {
            (details.group, details.kind) = ("meta.k8s.io".into(), kind.into());
        }
        status
    }

    /// 422 of an object.
    pub(crate) fn invalid(kind: &Kind, name: &str, causes: Vec<Cause>) -> Self {
        let what =
            if kind.group.is_empty() { kind.kind.clone() } else { format!("{}.{}", kind.kind, kind.group) };
        let mut status = Self::invalid_named(&what, name, causes).about(kind, name);
        if let Some(details) = &mut status.details {
            details.kind.clone_from(&kind.kind);
        }
        status
    }

    /// 422 with `what` in place of the kind.
    pub(crate) fn invalid_named(what: &str, name: &str, causes: Vec<Cause>) -> Self {
        let mut told: Vec<String> = Vec::new();
        for cause in &causes {
            let text = format!("{}: {}", cause.field, cause.message);
            if !told.contains(&text) {
                told.push(text);
            }
        }
        let all = if told.len() == 1 { told.concat() } else { format!("[{}]", told.join(", ")) };
        let mut status = Self::new(422, "Invalid", format!("{what} \"{name}\" is invalid: {all}"));
        status.details = Some(Box::new(Details { causes, name: name.to_string(), ..Details::default() }));
        status
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        let details = self.details.get_or_insert_default();
        details.name = name.to_string();
        details.group.clone_from(&kind.group);
        details.kind = kind.plural.to_string();
        self
    }

    /// The body of the answer.
    pub fn json(&self) -> Value {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if self.reason.is_empty() {
            crate::meta::as_map(&mut body).remove("reason");
        }
        if let Some(details) = &self.details {
            body["details"] = details.json();
        }
        if let Some(next) = &self.next {
            body["metadata"]["continue"] = json!(next);
        }
        body
    }
}

impl Details {
    pub(crate) fn json(&self) -> Value {
        let mut body = Map::new();
        let texts = [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)];
        for (key, text) in texts.into_iter().filter(|(_, t)| !t.is_empty()) {
            body.insert(key.into(), json!(text));
        }
        let causes: Vec<Value> = self.causes.iter().map(cause).collect();
        if !causes.is_empty() {
            body.insert("causes".into(), json!(causes));
        }
        if let Some(seconds) = self.retry_after_seconds {
            body.insert("retryAfterSeconds".into(), json!(seconds));
        }
        Value::Object(body)
    }
}

fn cause(cause: &Cause) -> Value {
    let mut body = json!({"reason": cause.reason, "message": cause.message});
    if !cause.field.is_empty() {
        body["field"] = json!(cause.field);
    }
    body
}

/// An answer of the API server as kube's client reports it; anything else is a 500 that tells it.
impl From<kube::Error> for Status {
    fn from(error: kube::Error) -> Self {
        let kube::Error::Api(answer) = error else {
            return Self::new(500, "InternalError", error.to_string());
        };
        let reasons = [
            "NotFound",
            "AlreadyExists",
            "Conflict",
            "Invalid",
            "BadRequest",
            "Expired",
            "Forbidden",
            "MethodNotAllowed",
            "UnsupportedMediaType",
            "NotAcceptable",
            "NotImplemented",
        ];
        let reason = reasons.into_iter().find(|r| *r == answer.reason).unwrap_or("Unknown");
        Self::new(answer.code, reason, answer.message.clone())
    }
}
