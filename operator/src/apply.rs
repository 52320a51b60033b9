//! Acting: from what the core decided to requests to the API server and to schedulers.

mod dry_run;
mod error;
mod events;
mod objects;
mod pod_events;
mod pods;
mod status;

use std::{future::Future, sync::Arc};

use dask_operator_core::{
    model::{names, object::Meta, uid::Uid},
    plan::{action::Action, kind::Kind, phases::Phases},
    protocol::expectations::Expected,
};
use futures::{StreamExt, future::join_all, stream};
use http::HeaderValue;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    api::{Patch, PatchParams},
    core::Status,
};
use serde_json::{Value, json};

pub use error::Error;
pub use events::publish;
pub use status::{Bound, status};

use crate::{
    context::Context,
    kubernetes::{
        api::{self, REQUEST},
        extract,
    },
    object_ref::{ObjectKey, ObjectRef},
    scheduler,
    store::{
        Waiting,
        mapping::{Autoscalers, Clusters, Deployments, Groups, Jobs, Pods, Services},
    },
};

/// Requests for one subject that are under way at the same time.
const PARALLEL: usize = 32;
/// What is answered to a write is read no further than this: the object may be big.
const METADATA_ALONE: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// The object that is reconciled.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// Its metadata as decided on.
    pub meta: Meta,
}

/// An object whose actions are carried out.
#[derive(Clone, Copy, Debug)]
pub struct Apply<'a> {
    /// What the operator shares.
    pub context: &'a Arc<Context>,
    /// The reconciled subject, which waits for the cache to show what is written.
    pub subject: &'a ObjectRef,
    /// The object as decided on.
    pub target: &'a Target,
}

impl Target {
    /// An object of this subject.
    pub fn of(subject: &ObjectRef, meta: &Meta) -> Self {
        let kind = match subject {
            ObjectRef::Cluster(_) => Kind::Cluster,
            ObjectRef::Group(_) => Kind::Group,
            ObjectRef::Autoscalers(_) => Kind::Autoscaler,
            ObjectRef::Job(_) => Kind::Job,
        };
        Self { kind, meta: meta.clone() }
    }
}

/// Carries out what comes before the status, one after the other, all of it even if a part fails; answers the first
/// failure.
///
/// # Errors
/// What the API server answered.
pub async fn before_status(on: Apply<'_>, actions: Vec<Action>) -> Result<(), Error> {
    // Mostly there is nothing to do: what that takes stays out of every caller's future.
    match actions.is_empty() {
        true => Ok(()),
        false => Box::pin(one_by_one(on, actions)).await,
    }
}

/// Carries out what comes after the status, all of it even if a part fails; answers the first failure.
///
/// # Errors
/// What the API server answered.
pub async fn after_status(on: Apply<'_>, phases: Phases) -> Result<(), Error> {
    match phases == Phases::default() {
        true => Ok(()),
        false => Box::pin(phase_by_phase(on, phases)).await,
    }
}

async fn one_by_one(on: Apply<'_>, actions: Vec<Action>) -> Result<(), Error> {
    let mut outcome = Ok(());
    for action in actions {
        outcome = outcome.and(one(on, action).await);
    }
    outcome
}

async fn phase_by_phase(on: Apply<'_>, phases: Phases) -> Result<(), Error> {
    let Phases { before_status: _, events, creations, changes, deletions } = phases;
    let mut outcome = one_by_one(on, events).await;
    for made in join_all(creations.into_iter().map(|create| one(on, create))).await {
        outcome = outcome.and(made);
    }
    outcome = outcome.and(one_by_one(on, changes).await);
    let mut deleted = stream::iter(deletions).map(|delete| one(on, delete)).buffer_unordered(PARALLEL);
    while let Some(gone) = deleted.next().await {
        outcome = outcome.and(gone);
    }
    outcome
}

async fn one(on: Apply<'_>, action: Action) -> Result<(), Error> {
    let Apply { context, subject, target } = on;
    match action {
        Action::Create { kind, body } => objects::create(on, kind, body).await,
        Action::Patch(patch) => objects::patch(on, patch).await,
        Action::Delete { kind, name, uid, resource_version, why } => {
            let doomed = objects::DeleteTarget { kind, name, uid, resource_version, why };
            objects::delete(on, doomed).await
        }
        Action::DryRun(checks) => dry_run::all(context, subject, checks).await,
        Action::ReadPodEvents(pod) => {
            pod_events::ask(on, &pod).await;
            Ok(())
        }
        Action::ReserveNumbers { up_to } => reserve(on, up_to).await,
        Action::CreatePods(new) => pods::create(on, new).await,
        Action::MarkPods { pods, mark } => {
            let value = json!(serde_json::to_string(&mark).unwrap_or_default());
            pods::annotate(on, pods, &value).await
        }
        Action::UnmarkPod(pod) => pods::annotate(on, vec![pod], &Value::Null).await,
        Action::Retire(call) => {
            scheduler::retire(context, subject, &target.meta, call);
            Ok(())
        }
        Action::Scale { group, resource_version, replicas } => {
            scale(on, &group, &resource_version, replicas).await
        }
        Action::Event(event) => {
            events::publish(on, &event).await;
            Ok(())
        }
        Action::DeletePod(pod) => pods::delete(on, pod).await,
    }
}

async fn reserve(on: Apply<'_>, up_to: i64) -> Result<(), Error> {
    let Apply { context, subject, target } = on;
    let ObjectRef::Group(key) = subject else { return Ok(()) };
    let first = {
        let state = context.state.lock();
        state.cache.groups.get(key).and_then(|g| g.status.reserved_pod_numbers).unwrap_or(0).max(0)
    };
    let diff = json!({"reservedPodNumbers": up_to});
    // A group that is gone reserves nothing.
    if status(on, Bound::ByVersion, diff).await?.is_none() {
        return Ok(());
    }
    if let Some(memory) = context.state.lock().groups.get_mut(&target.meta.uid) {
        memory.reserved(first..up_to);
    }
    Ok(())
}

async fn scale(on: Apply<'_>, group: &str, version: &str, replicas: i32) -> Result<(), Error> {
    let Apply { context, target, .. } = on;
    let api = api::dynamic_api(&context.client, Kind::Group, &target.meta.namespace);
    let body = json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}});
    let what = || format!("scaling DaskWorkerGroup {group}");
    let (params, patch) = (params(), Patch::Merge(&body));
    let scaled = request(what, api.patch_scale(group, &params, &patch)).await?;
    tracing::info!(namespace = target.meta.namespace, group, replicas, "scaled");
    on.expect_object(Kind::Group, &scaled.metadata);
    Ok(())
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(names::FIELD_MANAGER.into()), ..PatchParams::default() }
}

impl Apply<'_> {
    /// What is written is waited for in the cache before the subject is decided on again.
    fn expect_object(self, kind: Kind, meta: &ObjectMeta) {
        if let (Some(key), Some(uid), Some(version)) = (extract::key(meta), &meta.uid, &meta.resource_version)
        {
            self.expect(kind, &key, &uid.as_str().into(), Expected::Version(version.clone()));
        }
    }

    /// Waits for the cache to show this of an object.
    fn expect(self, kind: Kind, key: &ObjectKey, uid: &Uid, what: Expected) {
        let now = self.context.now();
        let mut state = self.context.state.lock();
        let of = Waiting { subject: self.subject, uid: &self.target.meta.uid, now };
        match kind {
            Kind::Cluster => state.expect::<Clusters>(of, key, uid, what),
            Kind::Group => state.expect::<Groups>(of, key, uid, what),
            Kind::Autoscaler => state.expect::<Autoscalers>(of, key, uid, what),
            Kind::Job => state.expect::<Jobs>(of, key, uid, what),
            Kind::Deployment => state.expect::<Deployments>(of, key, uid, what),
            Kind::Service => state.expect::<Services>(of, key, uid, what),
            Kind::Pod => state.expect::<Pods>(of, key, uid, what),
        }
    }
}

/// One request with a time limit and a typed error.
async fn request<T>(
    what: impl Fn() -> String,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(REQUEST, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 && status.reason != "AlreadyExists" => {
            Err(Error::Conflict { what: what() })
        }
        Ok(Err(kube::Error::Api(status))) => {
            let Status { code, message, .. } = *status;
            Err(Error::Refused { what: what(), code, message })
        }
        Ok(Err(source)) => Err(Error::Failed { what: what(), source: Box::new(source) }),
        Err(_) => Err(Error::NoAnswer { what: what() }),
    }
}

/// An object that is gone needs nothing any more.
fn gone_is_fine(error: Error) -> Result<(), Error> {
    match error {
        Error::Refused { code: 404, .. } => Ok(()),
        e => Err(e),
    }
}
