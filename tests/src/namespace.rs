//! A test's own namespace, and running a test in it.

use std::{
    fmt::Debug,
    io::Write,
    panic::{AssertUnwindSafe, resume_unwind},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Event, Namespace, Pod},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, EvictParams, ListParams, PostParams},
};
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::{
    report, settings,
    wait::{secs, until},
};

/// Held for reading by every test, for writing by one that kills the operator all of them use.
static OPERATOR: RwLock<()> = RwLock::const_new(());

/// A namespace of its own.
#[derive(Clone)]
pub struct Space {
    /// The API server.
    pub client: Client,
    /// Name of the namespace.
    pub name: String,
    started: Instant,
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Space").field(&self.name).finish()
    }
}

/// Runs a test in a namespace of its own, beside others. If it fails, tells what there was.
///
/// # Errors
/// Those of the test.
pub async fn test(name: &str, body: impl AsyncFnOnce(Space) -> Result<()>) -> Result<()> {
    let _shared = OPERATOR.read().await;
    run(name, body).await
}

/// Runs a test while no other one runs.
///
/// # Errors
/// Those of the test.
pub async fn test_alone(name: &str, body: impl AsyncFnOnce(Space) -> Result<()>) -> Result<()> {
    let _alone = OPERATOR.write().await;
    run(name, body).await
}

async fn run(name: &str, body: impl AsyncFnOnce(Space) -> Result<()>) -> Result<()> {
    settings::variable("E2E")?;
    let space = Space::create(name).await?;
    let ended = AssertUnwindSafe(body(space.clone())).catch_unwind().await;
    let failed = !matches!(ended, Ok(Ok(())));
    // Past the test runner's capture: how long each took is worth knowing when all is well, too.
    let state = if failed { "FAILED" } else { "ok" };
    let _ = writeln!(std::io::stderr(), "{:4} s  {state:6}  {name}", space.started.elapsed().as_secs());
    if failed {
        report::print(&space.name).await;
    }
    if !(failed && settings::keeps_failures()) {
        let namespaces: Api<Namespace> = Api::all(space.client.clone());
        let _ = namespaces.delete(&space.name, &DeleteParams::background()).await;
    }
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Space {
    async fn create(name: &str) -> Result<Self> {
        let client = Client::try_default().await.context("no Kubernetes cluster")?;
        let named = json!({"metadata": {"generateName": format!("e2e-{name}-")}});
        let namespace: Namespace = serde_json::from_value(named)?;
        let made: Namespace = Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
        Ok(Self { client, name: made.name_any(), started: Instant::now() })
    }

    /// Says what the test does now; shown if it fails.
    pub fn step(&self, what: &str) {
        eprintln!("{:6.1} s  {what}", self.started.elapsed().as_secs_f64());
    }

    /// Objects of a kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn create_object<K>(&self, manifest: &Value) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + Debug,
        K: serde::Serialize + serde::de::DeserializeOwned,
        K::DynamicType: Default,
    {
        let object: K = serde_json::from_value(manifest.clone())?;
        Ok(self.api().create(&PostParams::default(), &object).await?)
    }

    /// Runs kubectl in this namespace.
    ///
    /// # Errors
    /// Those of [`crate::kubectl::run`].
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        let args: Vec<&str> = ["-n", &self.name].into_iter().chain(args.iter().copied()).collect();
        crate::kubectl::run(&args).await
    }

    /// Evicts a pod. Where pods are processes nothing knows evictions, and it is deleted: the pod sees no difference.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn evict(&self, pod: &str) -> Result<()> {
        if settings::is_laptop() {
            self.api::<Pod>().delete(pod, &DeleteParams::default()).await?;
        } else {
            self.api::<Pod>().evict(pod, &EvictParams::default()).await?;
        }
        Ok(())
    }

    /// `kubectl apply` of a manifest; answers what it said.
    ///
    /// # Errors
    /// Those of [`crate::kubectl::run`].
    pub async fn apply(&self, manifest: &Value) -> Result<String> {
        let args = ["-n", &self.name, "apply", "-f", "-"];
        crate::kubectl::with_input(&args, &manifest.to_string()).await
    }

    /// Puts another spec in the place of an object's, by `kubectl patch`.
    ///
    /// # Errors
    /// Those of [`crate::kubectl::run`].
    pub async fn replace_spec(&self, kind: &str, name: &str, spec: &Value) -> Result<String> {
        let patch = json!([{"op": "replace", "path": "/spec", "value": spec}]).to_string();
        self.kubectl(&["patch", kind, name, "--type=json", "-p", &patch]).await
    }

    /// Merge-patches an object by `kubectl patch`, e.g. `("daskcluster", "c", json!({...}))`.
    ///
    /// # Errors
    /// Those of [`crate::kubectl::run`].
    pub async fn patch(&self, kind: &str, name: &str, patch: &Value) -> Result<String> {
        self.kubectl(&["patch", kind, name, "--type=merge", "-p", &patch.to_string()]).await
    }

    /// Waits for an event with this reason about the object of this name; answers the messages. An event is
    /// recorded after the status that it is about.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn events(&self, about: &str, reason: &str) -> Result<Vec<String>> {
        let fields = format!("involvedObject.name={about},reason={reason}");
        until(&format!("event {reason} about {about}"), secs(15), async || {
            let events = self.api::<Event>().list(&ListParams::default().fields(&fields)).await?;
            ensure!(!events.items.is_empty(), "there is none");
            Ok(events.items.into_iter().filter_map(|e| e.message).collect())
        })
        .await
    }
}
