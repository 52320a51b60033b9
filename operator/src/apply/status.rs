//! Writing a status, and reading what the API server kept of it.

use dask_operator_core::plan::merge_patch;
use kube::{Api, api::Patch, core::Object};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Apply, Error, gone_is_fine, params, request};
use crate::kubernetes::api;

/// What an API server says of a JSON patch that does not fit the object (`k8s.io/apimachinery`, `NewGenericServerResponse`).
const NOT_APPLICABLE: &str = "the server rejected our request due to an error in our request";

/// A spec that is not looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Unread {}

/// What binds a patch of a status to its object.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'a> {
    /// The object's version: the patch is refused once anything has changed.
    ByVersion,
    /// The object's UID: the patch is refused if the object is another one of that name, or has no status. With the status
    /// as it should be.
    ByUid(&'a Value),
}

/// Patches the status by what a merge patch would say. Answers the status as it is stored now, or `None` if the object is gone.
///
/// # Errors
/// What the API server answered.
pub async fn status(on: Apply<'_>, bound: Bound<'_>, diff: Value) -> Result<Option<Value>, Error> {
    let Apply { context, subject, target } = on;
    let meta = &target.meta;
    let kind = api::resource(target.kind);
    let api: Api<Object<Unread, Value>> =
        Api::namespaced_with(context.client.clone(), &meta.namespace, &kind);
    let what = || format!("patching the status of {} {}", subject.kind(), meta.name);
    let written = match bound {
        Bound::ByVersion => {
            let body = json!({"metadata": {"resourceVersion": meta.resource_version}, "status": diff});
            request(what, api.patch_status(&meta.name, &params(), &Patch::Merge(&body))).await
        }
        Bound::ByUid(desired) => {
            let patch = operations(merge_patch::status_of(&meta.uid, desired, &diff));
            let patch = Patch::<Value>::Json(patch);
            request(what, api.patch_status(&meta.name, &params(), &patch)).await.map_err(conflict)
        }
    };
    match written {
        Ok(object) => {
            on.expect_object(target.kind, &object.metadata);
            Ok(Some(object.status.unwrap_or_default()))
        }
        Err(e) => gone_is_fine(e).map(|()| None),
    }
}

fn operations(patch: Value) -> json_patch::Patch {
    // It is one by how it is made; an empty one changes nothing.
    serde_json::from_value(patch).unwrap_or_default()
}

/// A test of the patch failed: it is another object, or its status is not what it was.
fn conflict(error: Error) -> Error {
    match error {
        Error::Refused { what, code: 422, message } if message == NOT_APPLICABLE => Error::Conflict { what },
        e => e,
    }
}
