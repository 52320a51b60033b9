//! Writing a status, and reading what the API server kept of it.

use std::sync::Arc;

use kube::{Api, api::Patch, core::Object};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Error, Target, expect_object, gone_is_fine, params, request};
use crate::{context::Context, kubernetes::api, object_ref::ObjectRef};

/// A spec that is not looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Unread {}

/// Merge-patches the status; with `version`, only if the object is still at that version. Answers the
/// status as it is stored now, or `None` if the object is gone.
///
/// # Errors
/// What the API server answered.
pub async fn status(
    context: &Arc<Context>,
    subject: &ObjectRef,
    target: &Target,
    version: Option<&str>,
    diff: Value,
) -> Result<Option<Value>, Error> {
    let meta = &target.meta;
    let mut body = json!({"metadata": {"uid": meta.uid}, "status": diff});
    if let Some(version) = version {
        body["metadata"]["resourceVersion"] = json!(version);
    }
    let kind = api::resource(target.kind);
    let api: Api<Object<Unread, Value>> =
        Api::namespaced_with(context.client.clone(), &meta.namespace, &kind);
    let what = || format!("patching the status of {} {}", subject.kind(), meta.name);
    let (params, patch) = (params(), Patch::Merge(&body));
    match request(what, api.patch_status(&meta.name, &params, &patch)).await {
        Ok(object) => {
            expect_object(context, subject, target, target.kind, &object.metadata);
            Ok(Some(object.status.unwrap_or_default()))
        }
        Err(e) => gone_is_fine(e).map(|()| None),
    }
}
