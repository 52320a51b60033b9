//! Objects other than workers: created, patched and deleted one at a time.

use dask_operator_core::{
    model::{names, uid::Uid},
    plan::{action::Patch as CorePatch, kind::Kind},
    protocol::expectations::Expected,
};
use http::header::ACCEPT;
use kube::{
    api::{DeleteParams, DynamicObject, Patch, PostParams, Preconditions},
    core::{PartialObjectMeta, Request},
};
use serde_json::{Value, json};

use super::{Apply, Error, METADATA_ALONE, gone_is_fine, params, request};
use crate::{
    kubernetes::api,
    object_ref::{ObjectKey, ObjectRef},
};

/// An object to delete.
pub(crate) struct DeleteTarget {
    pub kind: Kind,
    pub name: String,
    pub uid: Uid,
    pub resource_version: Option<String>,
    pub why: &'static str,
}

/// Creates an object.
pub(crate) async fn create(on: Apply<'_>, kind: Kind, body: Value) -> Result<(), Error> {
    let Apply { context, subject, target } = on;
    let name = body["metadata"]["name"].as_str().unwrap_or_default().to_string();
    let what = || format!("creating {} {name}", api::resource(kind).kind);
    let params = PostParams { field_manager: Some(names::FIELD_MANAGER.into()), dry_run: false };
    let (path, text) = (api::path(kind, &target.meta.namespace), body.to_string().into_bytes());
    // It may be big, and is on its way from here.
    drop(body);
    let post = async {
        let mut request = Request::new(path).create(&params, text).map_err(kube::Error::BuildRequest)?;
        request.headers_mut().insert(ACCEPT, METADATA_ALONE);
        context.client.request::<PartialObjectMeta<DynamicObject>>(request).await
    };
    match request(what, post).await {
        Ok(made) => {
            tracing::info!(
                kind = api::resource(kind).kind,
                namespace = target.meta.namespace,
                name,
                "created"
            );
            on.expect_object(kind, &made.metadata);
            if let (ObjectRef::Job(_), Kind::Pod) = (subject, kind)
                && let Some(memory) = context.state.lock().jobs.get_mut(&target.meta.uid)
            {
                memory.runner_made();
            }
            Ok(())
        }
        Err(e) => Err(e),
    }
}

/// Merge-patches an object, if it is still at the version that was decided on.
pub(crate) async fn patch(on: Apply<'_>, patch: CorePatch) -> Result<(), Error> {
    let Apply { context, target, .. } = on;
    let CorePatch { kind, name, resource_version, mut body } = patch;
    body["metadata"]["resourceVersion"] = json!(resource_version);
    let api = api::dynamic_api(&context.client, kind, &target.meta.namespace);
    let what = || format!("patching {} {name}", api::resource(kind).kind);
    let (params, patch) = (params(), Patch::Merge(&body));
    match request(what, api.patch_metadata(&name, &params, &patch)).await {
        Ok(object) => {
            tracing::debug!(
                kind = api::resource(kind).kind,
                namespace = target.meta.namespace,
                name,
                "patched"
            );
            on.expect_object(kind, &object.metadata);
            Ok(())
        }
        Err(e) => gone_is_fine(e),
    }
}

/// Deletes an object, if it is still the same one. What it owns goes after it.
pub(crate) async fn delete(on: Apply<'_>, doomed: DeleteTarget) -> Result<(), Error> {
    let Apply { context, target, .. } = on;
    let DeleteTarget { kind, name, uid, resource_version, why } = doomed;
    let namespace = &target.meta.namespace;
    let preconditions = Preconditions { uid: Some(uid.to_string()), resource_version };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
    let resource = api::resource(kind);
    let what = || format!("deleting {} {name}", resource.kind);
    let call = async {
        let path = Request::new(api::path(kind, namespace));
        let request: http::Request<Vec<u8>> =
            Request::delete(&path, &name, &params).map_err(kube::Error::BuildRequest)?;
        context.client.request_text(request).await
    };
    match request(what, call).await {
        Ok(_) => {
            tracing::info!(kind = resource.kind, namespace, name, why, "deleted");
            on.expect(kind, &ObjectKey::new(namespace.as_str(), name), &uid, Expected::Deleted);
            Ok(())
        }
        // Another one has its name by now, or it says something else, which the watch will tell.
        Err(Error::Conflict { .. }) => Ok(()),
        Err(e) => gone_is_fine(e),
    }
}
