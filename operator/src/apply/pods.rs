//! Worker pods: created, annotated and deleted, many at a time.

use std::{collections::BTreeSet, time::Duration};

use dask_operator_core::{
    model::{names, time::Timestamp},
    plan::{
        action::{DeletePod, NewPod, PodRef},
        conditions::shorten,
        kind::Kind,
    },
    protocol::expectations::Expected,
    worker_group::CreateOutcome,
};
use futures::{StreamExt, stream};
use http::header::ACCEPT;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PostParams, Preconditions},
    core::PartialObjectMeta,
};
use serde_json::{Value, json};

use super::{Apply, Error, METADATA_ALONE, PARALLEL, Target, params, request};
use crate::{
    context::Context,
    object_ref::{ObjectKey, ObjectRef},
};

/// A pod that is no bigger does not wait for the big ones, which may be another namespace's and hang: all that are sent
/// at once fit into the memory beside them.
const SMALL: usize = 32 << 10;
/// Longest text kept of an answer that was none.
const WORDS: usize = 500;

/// What is read of an answer: a whole pod is sixty times as big.
type Meta = PartialObjectMeta<Pod>;

fn api(context: &Context, target: &Target) -> Api<Pod> {
    Api::namespaced(context.client.clone(), &target.meta.namespace)
}

/// Creates pods in parallel, and remembers by number how it went.
pub(crate) async fn create(on: Apply<'_>, pods: Vec<NewPod>) -> Result<(), Error> {
    let Apply { context, subject, target } = on;
    let count = pods.len();
    let template = pods.first().map(|p| p.body.hash.clone()).unwrap_or_default();
    let open = pods.iter().map(|p| p.number).collect();
    let mut batch = Batch { context, target, template: &template, open, done: Vec::new() };
    let mut outcomes = stream::iter(pods)
        .map(|pod| async move {
            let number = pod.number;
            (number, create_one(on, pod).await)
        })
        .buffer_unordered(PARALLEL);
    while let Some((number, outcome)) = outcomes.next().await {
        batch.open.remove(&number);
        batch.done.push((number, outcome));
    }
    let made = batch.done.iter().filter(|(_, o)| *o == CreateOutcome::Created).count();
    drop(batch);
    tracing::info!(
        namespace = target.meta.namespace,
        group = target.meta.name,
        made,
        of = count,
        "created worker pods"
    );
    context.metrics.pods_created(made);
    if made > 0 {
        context.enqueue_after(subject.clone(), Duration::ZERO);
    }
    Ok(())
}

/// Creations under way. Whatever ends them, the group learns of every number how it went; of those that
/// were cut off, that their outcome is not known.
struct Batch<'a> {
    context: &'a Context,
    target: &'a Target,
    template: &'a str,
    open: BTreeSet<i64>,
    done: Vec<(i64, CreateOutcome)>,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut outcomes = std::mem::take(&mut self.done);
        outcomes.extend(self.open.iter().map(|n| (*n, CreateOutcome::Unknown)));
        let now = self.context.now();
        let mut state = self.context.state.lock();
        if let Some(memory) = state.groups.get_mut(&self.target.meta.uid) {
            memory.created(&outcomes, self.template, now);
        }
    }
}

async fn create_one(on: Apply<'_>, pod: NewPod) -> CreateOutcome {
    let Apply { context, target, .. } = on;
    let what = || format!("creating pod {}", pod.name);
    let _permit = context.pod_creates.acquire(&target.meta.namespace).await;
    // Many big ones at the same time would fill the memory: what is sent is written out only now.
    let _big = match pod.body.size(&pod.name) {
        ..=SMALL => None,
        _ => context.big_pods.acquire(&target.meta.namespace).await,
    };
    let params = PostParams { field_manager: Some(names::FIELD_MANAGER.into()), dry_run: false };
    let post = async {
        let path = format!("/api/v1/namespaces/{}/pods", target.meta.namespace);
        let body = pod.body.named(&pod.name).into_bytes();
        let mut request =
            kube::core::Request::new(path).create(&params, body).map_err(kube::Error::BuildRequest)?;
        request.headers_mut().insert(ACCEPT, METADATA_ALONE);
        context.client.request::<Meta>(request).await
    };
    match request(what, post).await {
        Ok(made) => ours(on, &pod.name, &made),
        // A creation that was repeated finds its own pod.
        Err(Error::Refused { code: 409, .. }) => {
            // A list of one, which needs no right of its own.
            let named = ListParams::default().fields(&format!("metadata.name={}", pod.name));
            match request(what, api(context, target).list_metadata(&named)).await.map(|l| l.items) {
                Ok(there) if !there.is_empty() => ours(on, &pod.name, &there[0]),
                _ => CreateOutcome::Unknown,
            }
        }
        Err(error) => {
            let outcome = not_made(&error);
            if matches!(outcome, CreateOutcome::Failed(_)) {
                tracing::warn!(namespace = target.meta.namespace, %error, "pod creation was not answered");
            }
            outcome
        }
    }
}

/// What an error says of the pod that was to be made.
fn not_made(error: &Error) -> CreateOutcome {
    match error {
        Error::Refused { code, message, .. } if (400..500).contains(code) && *code != 429 => {
            CreateOutcome::Rejected(message.clone())
        }
        error => CreateOutcome::Failed(shorten(&error.to_string(), WORDS)),
    }
}

fn ours(on: Apply<'_>, name: &str, pod: &Meta) -> CreateOutcome {
    let Apply { target, .. } = on;
    let owners = pod.metadata.owner_references.iter().flatten();
    if !owners.into_iter().any(|o| o.uid == *target.meta.uid) {
        tracing::warn!(
            namespace = target.meta.namespace,
            pod = name,
            "a pod of that name exists and has another owner"
        );
        return CreateOutcome::Taken;
    }
    on.expect_object(Kind::Pod, &pod.metadata);
    CreateOutcome::Created
}

/// Writes (or, with null, removes) the retirement mark on pods, each only if it is still the same one.
pub(crate) async fn annotate(on: Apply<'_>, pods: Vec<PodRef>, mark: &Value) -> Result<(), Error> {
    let results: Vec<Result<(), Error>> =
        stream::iter(pods).map(|pod| annotate_one(on, pod, mark)).buffer_unordered(PARALLEL).collect().await;
    results.into_iter().collect()
}

async fn annotate_one(on: Apply<'_>, pod: PodRef, mark: &Value) -> Result<(), Error> {
    let Apply { context, target, .. } = on;
    let body = json!({"metadata": {"uid": pod.uid, "annotations": {names::RETIRING: mark}}});
    let what = || format!("marking {:?} {}", pod.kind, pod.name);
    let _permit = context.pod_changes.acquire(&target.meta.namespace).await;
    let (params, patch) = (params(), Patch::Merge(&body));
    let api = crate::kubernetes::api::dynamic_api(&context.client, pod.kind, &target.meta.namespace);
    match request(what, api.patch_metadata(&pod.name, &params, &patch)).await {
        Ok(marked) => {
            on.expect_object(pod.kind, &marked.metadata);
            Ok(())
        }
        Err(e) => super::gone_is_fine(e),
    }
}

/// Deletes a pod, if it is still the one that was decided on.
pub(crate) async fn delete(on: Apply<'_>, delete: DeletePod) -> Result<(), Error> {
    let Apply { context, subject, target } = on;
    let PodRef { kind, name, uid } = &delete.pod;
    let what = || format!("deleting {kind:?} {name}");
    let _permit = context.pod_changes.acquire(&target.meta.namespace).await;
    let moved = delete.empty_by.and_then(|_| results_moved(context, subject));
    if !delete.is_valid(context.now(), moved) {
        tracing::debug!(namespace = target.meta.namespace, pod = name, "too late to delete; decided again");
        return Ok(());
    }
    let preconditions =
        Preconditions { uid: Some(uid.to_string()), resource_version: delete.resource_version.clone() };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
    let path = crate::kubernetes::api::path(*kind, &target.meta.namespace);
    let call = async {
        let request =
            kube::core::Request::new(path).delete(name, &params).map_err(kube::Error::BuildRequest)?;
        context.client.request_text(request).await
    };
    match request(what, call).await {
        Ok(_) => {
            tracing::info!(?kind, namespace = target.meta.namespace, pod = name, why = delete.why, "deleted");
            context.metrics.pods_deleted(1);
            let key = ObjectKey::new(target.meta.namespace.as_str(), name.as_str());
            on.expect(*kind, &key, uid, Expected::Deleted);
            Ok(())
        }
        Err(e) => super::gone_is_fine(e),
    }
}

/// Until when calls of ours may have moved results between the workers of this group's cluster.
fn results_moved(context: &Context, group: &ObjectRef) -> Option<Timestamp> {
    let now = context.now();
    let state = context.state.lock();
    let group = state.cache.groups.get(group.key())?;
    state.results_moved(&ObjectKey::of(&group.meta).beside(group.spec.cluster.as_str()), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_verdict_is_told_in_its_words() {
        let refused = |code, message: &str| {
            not_made(&Error::Refused { what: "creating pod x".into(), code, message: message.into() })
        };
        assert_eq!(refused(403, "exceeded quota"), CreateOutcome::Rejected("exceeded quota".into()));
        for outcome in [
            refused(500, "failed calling webhook \"w\": no answer"),
            refused(429, "no answer: slow down"),
            not_made(&Error::NoAnswer { what: "creating pod x".into() }),
        ] {
            let CreateOutcome::Failed(words) = outcome else { panic!("{outcome:?}") };
            assert!(words.contains("no answer"), "{words}");
        }
    }
}
