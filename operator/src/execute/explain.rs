//! Asking Kubernetes' events what keeps a pod whose own status does not say it.

use std::{sync::Arc, time::Duration};

use dask_operator_core::{action::PodRef, conditions::shorten, explain::Explanation, record::Trouble};
use k8s_openapi::api::core::v1::Event;
use kube::{Api, api::ListParams};

use super::{Target, request};
use crate::{run::Operator, subject::Subject};

/// Most events read of one pod.
const MOST: u32 = 50;
/// Longest text kept.
const TEXT: usize = 300;

/// Remembers what the pod's last warning says. If nobody answers, nothing is known, and it is asked again.
pub(super) async fn ask(operator: &Arc<Operator>, subject: &Subject, target: &Target, pod: &PodRef) {
    let events: Api<Event> = Api::namespaced(operator.client.clone(), &target.meta.namespace);
    let fields = format!("involvedObject.uid={},type=Warning", pod.uid);
    let params = ListParams::default().fields(&fields).limit(MOST);
    let what = || format!("reading the events of pod {}", pod.name);
    let trouble = match request(what, events.list(&params)).await {
        Ok(list) => list.items.into_iter().max_by_key(time).map(|e| Trouble {
            reason: shorten(e.reason.as_deref().unwrap_or("Warning"), 64),
            message: shorten(e.message.as_deref().unwrap_or_default(), TEXT),
        }),
        Err(error) => {
            tracing::warn!(namespace = target.meta.namespace, %error, "cannot tell what keeps a pod");
            None
        }
    };
    let explained = Some(Explanation { uid: pod.uid.clone(), trouble, at: operator.world.now() });
    let mut state = operator.state.lock();
    let uid = &target.meta.uid;
    match subject {
        Subject::Cluster(_) => state.clusters.get_mut(uid).map(|m| m.explained = explained),
        Subject::Group(_) => state.groups.get_mut(uid).map(|m| m.explain(explained)),
        Subject::Job(_) => state.jobs.get_mut(uid).map(|m| m.explained = explained),
        Subject::Autoscalers(_) => None,
    };
    drop(state);
    operator.touched(subject.clone(), Duration::ZERO);
}

fn time(event: &Event) -> i64 {
    let last = event.last_timestamp.as_ref().map(|t| t.0.as_millisecond());
    let first = event.event_time.as_ref().map(|t| t.0.as_millisecond());
    last.or(first).unwrap_or_default()
}
