//! Patches: JSON merge patch and JSON patch.

use serde_json::Value;

use crate::{kinds::Kind, schema::Cause, status::Status};

/// What a patch may be.
#[derive(Clone, Debug)]
pub(crate) enum Patch {
    Merge(Value),
    Json(json_patch::Patch),
    Apply(Value),
}

impl Patch {
    /// Reads a patch by its media type.
    pub(crate) fn parse(kind: &Kind, media: &str, body: &[u8]) -> Result<Self, Status> {
        let unreadable = |e: serde_json::Error| Status::bad_request(format!("error decoding patch: {e}"));
        match media.split(';').next().unwrap_or_default().trim() {
            "application/merge-patch+json" => {
                let patch: Value = serde_json::from_slice(body).map_err(unreadable)?;
                if patch.is_object() {
                    return Ok(Self::Merge(patch));
                }
                Err(Status::bad_request("error decoding patch: json: cannot unmarshal it into an object"))
            }
            "application/json-patch+json" => serde_json::from_slice(body).map(Self::Json).map_err(unreadable),
            "application/apply-patch+yaml" | "application/apply-patch+json" => {
                let text = String::from_utf8_lossy(body);
                serde_saphyr::from_str(&text)
                    .map(Self::Apply)
                    .map_err(|e| Status::bad_request(format!("error decoding YAML: {e}")))
            }
            "application/strategic-merge-patch+json" if kind.builtin().is_none() => {
                Err(Status::unsupported_media_type(
                    "the body of the request was in an unknown format - accepted media types include: \
                     application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                ))
            }
            "application/strategic-merge-patch+json" => Err(Status::unsupported_media_type(
                "this API server in memory does not support strategic merge patches: use \
                 application/merge-patch+json",
            )),
            _ => Err(Status::unsupported_media_type("415: Unsupported Media Type")),
        }
    }

    /// The object with the patch.
    pub(crate) fn on(&self, live: &Value) -> Result<Value, Status> {
        let mut new = live.clone();
        match self {
            Self::Merge(patch) | Self::Apply(patch) => merge(&mut new, patch),
            Self::Json(patch) => json_patch::patch(&mut new, patch).map_err(|_| {
                let told = "the server rejected our request due to an error in our request";
                let mut status = Status::new(422, "Invalid", told);
                status.details = Some(Box::default());
                status
            })?,
        }
        Ok(new)
    }
}

/// RFC 7386.
pub(crate) fn merge(object: &mut Value, patch: &Value) {
    json_patch::merge(object, patch);
}

/// A patch after which the object does not have the shape of its kind.
pub(crate) fn misfit(patched: &str, why: &str) -> Status {
    let cause = Cause {
        reason: "FieldValueInvalid",
        field: "patch".into(),
        message: format!("Invalid value: {patched:?}: {why}"),
    };
    Status::invalid_named("", "", vec![cause])
}
