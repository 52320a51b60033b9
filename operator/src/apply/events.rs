//! Events: few, and the same one not twice in a short time.

use dask_operator_core::{
    model::{hash, names},
    plan::{
        conditions::{MAX_MESSAGE, shorten},
        events::EventRecord,
    },
};
use kube::{
    Api,
    api::{DynamicObject, ListParams, Patch, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::json;

use super::{Apply, Error, params, request};
use crate::kubernetes::api;

/// Records an event on the object. One that cannot be recorded is logged: it is never a reason to stop.
///
/// Its name is made of what it says, so that saying it again counts up instead of piling up.
pub async fn publish(on: Apply<'_>, event: &EventRecord) {
    let Apply { context, target, .. } = on;
    let meta = &target.meta;
    let words = if event.once { "" } else { &event.message };
    let name = format!("{}.{}", meta.name, hash::short(&[&meta.uid, &event.reason, words]));
    if context.state.lock().told.again(&name, context.now()) {
        return;
    }
    let kind = api::resource(target.kind).kind;
    if event.warning {
        tracing::warn!(
            kind,
            namespace = meta.namespace,
            name = meta.name,
            reason = event.reason,
            text = event.message,
            "event"
        );
    } else {
        tracing::info!(
            kind,
            namespace = meta.namespace,
            name = meta.name,
            reason = event.reason,
            text = event.message,
            "event"
        );
    }
    if let Err(error) = record(on, event, &name).await {
        tracing::warn!(namespace = meta.namespace, name = meta.name, %error, "could not record an event");
        context.state.lock().told.forget(&name);
    }
}

async fn record(on: Apply<'_>, event: &EventRecord, name: &str) -> Result<(), Error> {
    let Apply { context, target, .. } = on;
    let (meta, kind) = (&target.meta, api::resource(target.kind).kind);
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Event"));
    let events: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), &meta.namespace, &resource);
    let now = context.now().rfc3339();
    let body = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"name": name, "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": format!("{}/{}", dask_crds::GROUP, dask_crds::VERSION), "kind": kind,
            "name": meta.name, "namespace": meta.namespace, "uid": meta.uid,
        },
        "type": if event.warning { "Warning" } else { "Normal" },
        "reason": event.reason,
        "message": shorten(&event.message, MAX_MESSAGE),
        "firstTimestamp": now, "lastTimestamp": now, "count": 1,
        "source": {"component": names::FIELD_MANAGER},
        "reportingComponent": names::FIELD_MANAGER, "reportingInstance": names::FIELD_MANAGER,
    });
    let what = || format!("recording event {}", event.reason);
    let object: DynamicObject = serde_json::from_value(body).map_err(|e| Error::Refused {
        what: what(),
        code: 0,
        message: e.to_string(),
    })?;
    let create = PostParams { field_manager: Some(names::FIELD_MANAGER.into()), dry_run: false };
    match request(what, events.create(&create, &object)).await {
        Err(Error::Refused { code: 409, .. }) => again(&events, name, &event.message, &now).await,
        other => other.map(drop),
    }
}

/// Says an event once more.
async fn again(events: &Api<DynamicObject>, name: &str, message: &str, now: &str) -> Result<(), Error> {
    let what = || format!("recording event {name} once more");
    // A list of one, which needs no right of its own.
    let named = ListParams::default().fields(&format!("metadata.name={name}"));
    let there = request(what, events.list(&named)).await?.items;
    let count = there.first().and_then(|e| e.data["count"].as_i64()).unwrap_or(1);
    let message = shorten(message, MAX_MESSAGE);
    let seen = json!({"lastTimestamp": now, "count": count.saturating_add(1), "message": message});
    let (params, patch) = (params(), Patch::Merge(&seen));
    request(what, events.patch(name, &params, &patch)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::{Method, Request, Response};
    use kube::{Client, client::Body};
    use serde_json::Value;
    use tower::service_fn;

    use super::*;

    #[tokio::test]
    async fn an_event_that_is_said_again_counts_up() {
        let event = Arc::new(Mutex::new(json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "ns"}, "count": 1,
        })));
        let stored = event.clone();
        let server = service_fn(move |request: Request<Body>| {
            let stored = stored.clone();
            async move {
                let method = request.method().clone();
                let body = request.into_body().collect_bytes().await.map_err(std::io::Error::other)?;
                let mut event = stored.lock().unwrap();
                let answer = if method == Method::PATCH {
                    let patch: Value = serde_json::from_slice(&body).unwrap();
                    event["count"] = patch["count"].clone();
                    event.clone()
                } else {
                    json!({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": [event.clone()]})
                };
                Ok::<_, std::io::Error>(Response::new(Body::from(answer.to_string().into_bytes())))
            }
        });
        let client = Client::new(server, "ns");
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Event"));
        let events: Api<DynamicObject> = Api::namespaced_with(client, "ns", &resource);
        for count in 2..5 {
            again(&events, "e", "words", "2026-11-29T10:00:00Z").await.unwrap();
            assert_eq!(event.lock().unwrap()["count"], count);
        }
    }
}
