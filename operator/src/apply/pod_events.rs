//! Asking Kubernetes' events what keeps a pod whose own status does not say it.

use std::time::Duration;

use dask_operator_core::{
    model::trouble::Trouble,
    plan::{
        action::PodRef,
        conditions::{MAX_MESSAGE, shorten},
    },
    validation::{
        api_rejection::{FORBIDDEN, remedy},
        stuck_pods::Explanation,
    },
};
use k8s_openapi::api::core::v1::Event;
use kube::{Api, api::ListParams};

use super::{Apply, Error, request};
use crate::object_ref::ObjectRef;

/// Events read at once. A list is sorted by name, and the newest may be in any part of it.
const PAGE: u32 = 50;
/// Most parts of a list that are read.
const PAGES: usize = 20;
/// Longest text kept.
const TEXT: usize = 300;

/// Remembers what the pod's last warning says. Without an answer, nothing is known, and it is asked again.
pub(crate) async fn ask(on: Apply<'_>, pod: &PodRef) {
    let Apply { context, subject, target } = on;
    let events: Api<Event> = Api::namespaced(context.client.clone(), &target.meta.namespace);
    let fields = format!("involvedObject.uid={},type=Warning", pod.uid);
    let trouble = match newest(&events, &fields, &pod.name).await {
        Ok(event) => event.map(|e| Trouble {
            reason: shorten(e.reason.as_deref().unwrap_or("Warning"), 64),
            message: shorten(e.message.as_deref().unwrap_or_default(), TEXT),
        }),
        Err(error) => {
            tracing::warn!(namespace = target.meta.namespace, %error, "cannot tell what keeps a pod");
            forbidden(&error)
        }
    };
    let explained = Some(Explanation { uid: pod.uid.clone(), trouble, at: context.now() });
    let mut state = context.state.lock();
    let uid = &target.meta.uid;
    match subject {
        ObjectRef::Cluster(_) => state.clusters.get_mut(uid).map(|m| m.explain(explained)),
        ObjectRef::Group(_) => state.groups.get_mut(uid).map(|m| m.explain(explained)),
        ObjectRef::Job(_) => state.jobs.get_mut(uid).map(|m| m.explain(explained)),
        ObjectRef::Autoscalers(_) => None,
    };
    drop(state);
    context.enqueue_after(subject.clone(), Duration::ZERO);
}

/// The newest of the events that these fields select.
async fn newest(events: &Api<Event>, fields: &str, pod: &str) -> Result<Option<Event>, Error> {
    let mut params = ListParams::default().fields(fields).limit(PAGE);
    let mut newest: Option<Event> = None;
    for _ in 0..PAGES {
        let what = || format!("reading the events of pod {pod}");
        let list = request(what, events.list(&params)).await?;
        newest = list.items.into_iter().chain(newest).max_by_key(time);
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    Ok(newest)
}

/// That events may not be read is what there is to tell of the pod.
fn forbidden(error: &Error) -> Option<Trouble> {
    let Error::Refused { code: 403, message, .. } = error else { return None };
    let text =
        format!("what keeps it is not known, its events cannot be read: {message}; {}", remedy(message));
    Some(Trouble { reason: FORBIDDEN.into(), message: shorten(&text, MAX_MESSAGE) })
}

fn time(event: &Event) -> i64 {
    let last = event.last_timestamp.as_ref().map(|t| t.0.as_millisecond());
    let first = event.event_time.as_ref().map(|t| t.0.as_millisecond());
    last.or(first).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::{Client, client::Body};
    use serde_json::json;
    use tower::service_fn;

    use super::*;

    #[tokio::test]
    async fn the_newest_event_may_be_in_any_part_of_the_list() {
        let event = |name: &str, second: u32| {
            json!({"metadata": {"name": name}, "involvedObject": {}, "reason": name,
                "lastTimestamp": format!("2026-11-29T10:00:{second:02}Z")})
        };
        let server = service_fn(move |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_string();
            let (items, token) = match query.contains("continue=more") {
                false => (vec![event("a", 1), event("b", 7)], "more"),
                true => (vec![event("c", 30), event("d", 2)], ""),
            };
            let list = json!({"apiVersion": "v1", "kind": "EventList", "metadata": {"continue": token}, "items": items});
            std::future::ready(Ok::<_, std::io::Error>(Response::new(Body::from(
                list.to_string().into_bytes(),
            ))))
        });
        let events: Api<Event> = Api::namespaced(Client::new(server, "ns"), "ns");
        let newest = newest(&events, "involvedObject.uid=u", "pod").await.unwrap().unwrap();
        assert_eq!(newest.reason.as_deref(), Some("c"));
    }

    #[test]
    fn that_events_may_not_be_read_is_told() {
        let message =
            "events is forbidden: User \"u\" cannot list resource \"events\" in API group \"\"".to_string();
        let told = forbidden(&Error::Refused { what: String::new(), code: 403, message }).unwrap();
        assert!(
            told.message.contains("cannot list resource") && told.message.contains("service account"),
            "{told:?}"
        );
        assert!(forbidden(&Error::NoAnswer { what: String::new() }).is_none());
    }
}
