//! Patches by their media types.

#[cfg(feature = "kubectl")]
mod strategic;

use json_patch::{AddOperation, PatchOperation};
use serde_json::Value;

#[cfg(not(feature = "kubectl"))]
use crate::without_kubectl::strategic;
use crate::{kinds::Kind, schema::Cause, status::Status};

/// What a patch may be.
#[derive(Clone, Debug)]
pub(crate) enum Patch {
    Merge(Value),
    Strategic(Value),
    Json(json_patch::Patch),
    Apply(Value),
}

impl Patch {
    /// Reads a patch by its media type.
    pub(crate) fn parse(kind: &Kind, media: &str, body: &[u8]) -> Result<Self, Status> {
        let unreadable = |e: serde_json::Error| {
            Status::bad_request(format!("error decoding patch: {}", crate::decode::go(body, &e)))
        };
        match media.split(';').next().unwrap_or_default().trim() {
            "application/merge-patch+json" => {
                let patch: Value = serde_json::from_slice(body).map_err(unreadable)?;
                if patch.is_object() {
                    return Ok(Self::Merge(patch));
                }
                Err(Status::bad_request(format!(
                    "error decoding patch: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                    crate::decode::told(&patch)
                )))
            }
            "application/json-patch+json" => {
                let patch: Value = serde_json::from_slice(body).map_err(unreadable)?;
                if !patch.is_array() {
                    return Err(Status::bad_request(format!(
                        "error decoding patch: json: cannot unmarshal {} into Go value of type []handlers.jsonPatchOp",
                        crate::decode::told(&patch)
                    )));
                }
                serde_json::from_value(patch).map(Self::Json).map_err(|_| unprocessable())
            }
            "application/apply-patch+yaml" | "application/apply-patch+json" => {
                let text = String::from_utf8_lossy(body);
                serde_saphyr::from_str(&text)
                    .map(Self::Apply)
                    .map_err(|e| Status::bad_request(format!("error decoding YAML: {e}")))
            }
            _ if kind.builtin().is_none() => Err(Status::unsupported_media_type(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            )),
            "application/strategic-merge-patch+json" => {
                serde_json::from_slice(body).map(Self::Strategic).map_err(unreadable)
            }
            _ => Err(Status::no_patch()),
        }
    }

    /// The object with the patch.
    pub(crate) fn on(&self, live: &Value) -> Result<Value, Status> {
        let mut new = live.clone();
        match self {
            Self::Merge(patch) => json_patch::merge(&mut new, patch),
            Self::Strategic(patch) => strategic::merge(&mut new, patch)?,
            Self::Apply(_) => return Err(Status::unsupported("server-side apply of this")),
            Self::Json(patch) => {
                for operation in patch.iter() {
                    step(&mut new, operation).map_err(|_| unprocessable())?;
                }
            }
        }
        Ok(new)
    }
}

/// One operation. A real server takes the replacing of a key that an object does not have for adding it.
fn step(object: &mut Value, operation: &PatchOperation) -> Result<(), json_patch::PatchError> {
    if let PatchOperation::Replace(replace) = operation {
        let path = replace.path.to_string();
        let parent = path.rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
        if parent.is_some_and(Value::is_object) {
            let add = AddOperation { path: replace.path.clone(), value: replace.value.clone() };
            return json_patch::patch(object, &[PatchOperation::Add(add)]);
        }
    }
    json_patch::patch(object, std::slice::from_ref(operation))
}

/// A JSON patch that does not fit; a real server does not say why.
fn unprocessable() -> Status {
    let mut status =
        Status::new(422, "Invalid", "the server rejected our request due to an error in our request");
    status.details = Some(Box::default());
    status
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
