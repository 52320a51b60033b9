//! A Dask cluster under test: its objects, its pods, and its scheduler.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dask_comm::{Identity, Limits, SchedulerClient, Timeouts, WorkerStatus};
use dask_crds::{Condition, ConditionStatus, DaskAutoscaler, DaskCluster, DaskWorkerGroup};
use k8s_openapi::api::core::v1::Pod;
use kube::{ResourceExt, api::ListParams};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::{
    driver::Driver,
    namespace::Space,
    wait::{secs, until},
};

/// Longest time for pods to start and for workers to register, on a busy machine.
pub const START: Duration = secs(120);
/// Longest time for idle workers to leave.
pub const LEAVE: Duration = secs(60);

/// A DaskCluster.
#[derive(Debug, Clone)]
pub struct Dask {
    /// Where it is.
    pub space: Space,
    /// Its name.
    pub name: String,
}

impl Dask {
    /// Creates a DaskCluster.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn create(space: &Space, manifest: &Value) -> Result<Self> {
        let made: DaskCluster = space.create_object(manifest).await?;
        Ok(Self { space: space.clone(), name: made.name_any() })
    }

    /// Creates a DaskCluster and waits until so many workers are there.
    ///
    /// # Errors
    /// They are not there in time.
    pub async fn start(space: &Space, manifest: &Value) -> Result<Self> {
        let dask = Self::create(space, manifest).await?;
        let replicas = manifest["spec"]["worker"]["replicas"].as_u64().context("replicas")?;
        dask.settled(usize::try_from(replicas)?, START).await?;
        space.step("the cluster is up");
        Ok(dask)
    }

    /// Name of the default group.
    pub fn default_group(&self) -> String {
        format!("{}-default", self.name)
    }

    /// The object as it is now.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn cluster(&self) -> Result<DaskCluster> {
        Ok(self.space.api().get(&self.name).await?)
    }

    /// A group as it is now.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn group(&self, name: &str) -> Result<DaskWorkerGroup> {
        Ok(self.space.api().get(name).await?)
    }

    /// Worker pods of a group that are pending or running and not being deleted.
    ///
    /// # Errors
    /// What the API server says.
    pub async fn pods(&self, group: &str) -> Result<Vec<Pod>> {
        let labels = format!("dask.org/component=worker,dask.org/workergroup-name={group}");
        let pods = self.space.api::<Pod>().list(&ListParams::default().labels(&labels)).await?;
        Ok(pods.items.into_iter().filter(is_live).collect())
    }

    /// The one scheduler pod, ready.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub async fn scheduler_pod(&self) -> Result<Pod> {
        let labels = format!("dask.org/component=scheduler,dask.org/cluster-name={}", self.name);
        let pods = self.space.api::<Pod>().list(&ListParams::default().labels(&labels)).await?;
        let mut live: Vec<Pod> = pods.items.into_iter().filter(is_live).collect();
        ensure!(live.len() == 1, "{} scheduler pods", live.len());
        let pod = live.pop().context("no scheduler pod")?;
        ensure!(is_ready(&pod), "the scheduler pod is not ready");
        Ok(pod)
    }

    /// Address of the scheduler's pod.
    ///
    /// # Errors
    /// It is not ready.
    pub async fn address(&self) -> Result<String> {
        let ip = self.scheduler_pod().await?.status.and_then(|s| s.pod_ip).context("no pod IP")?;
        Ok(format!("{ip}:8786"))
    }

    /// What the scheduler knows of its workers.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn identity(&self) -> Result<Identity> {
        let stream = TcpStream::connect(self.address().await?).await?;
        let mut client = SchedulerClient::connect(stream, Limits::default(), Timeouts::default()).await?;
        Ok(client.identity().await?)
    }

    /// Dask's client, connected to this cluster.
    ///
    /// # Errors
    /// Those of [`Driver::connect`].
    pub async fn driver(&self) -> Result<Driver> {
        Driver::connect(&format!("tcp://{}", self.address().await?)).await
    }

    /// Waits until the default group has exactly this many workers, for the API server and for the scheduler.
    ///
    /// # Errors
    /// It has not in time.
    pub async fn settled(&self, workers: usize, limit: Duration) -> Result<()> {
        self.group_settled(&self.default_group(), workers, limit).await
    }

    /// Waits until each registered worker executes one task.
    ///
    /// # Errors
    /// One does not in time.
    pub async fn all_busy(&self) -> Result<()> {
        until("all workers are busy", secs(20), async || {
            let identity = self.identity().await?;
            let idle = identity.workers.values().filter(|w| w.executing != 1).count();
            ensure!(
                idle == 0 && !identity.workers.is_empty(),
                "{idle} of {} are idle",
                identity.workers.len()
            );
            Ok(())
        })
        .await
    }

    /// Waits until a group has exactly this many workers, for the API server and for the scheduler.
    ///
    /// # Errors
    /// It has not in time.
    pub async fn group_settled(&self, group: &str, workers: usize, limit: Duration) -> Result<()> {
        until(&format!("{workers} workers in {group}"), limit, async || {
            let pods = self.pods(group).await?;
            let ready = pods.iter().filter(|p| is_ready(p)).count();
            ensure!(pods.len() == workers && ready == workers, "{} pods, {ready} ready", pods.len());
            let counts = self.group(group).await?.status.and_then(|s| s.workers).context("no counts")?;
            let n = i32::try_from(workers)?;
            ensure!(
                (counts.desired, counts.created, counts.ready, counts.retiring) == (n, n, n, 0),
                "{counts:?}"
            );
            let identity = self.identity().await?;
            let of_group = |name: &str| pods.iter().any(|p| p.name_any() == name);
            let running =
                identity.workers.values().filter(|w| w.status == WorkerStatus::Running && of_group(&w.name));
            let (running, all) = (running.count(), identity.workers.len());
            ensure!(running == workers, "{running} of {all} registered workers are its and running");
            Ok(())
        })
        .await
    }

    /// Waits for a condition of a group.
    ///
    /// # Errors
    /// It is not there in time.
    pub async fn group_condition(
        &self,
        group: &str,
        wanted: Wanted<'_>,
        limit: Duration,
    ) -> Result<Condition> {
        until(&format!("condition {wanted:?} of {group}"), limit, async || {
            find(&self.group(group).await?.status.unwrap_or_default().conditions, wanted)
        })
        .await
    }

    /// Waits for a condition of the cluster.
    ///
    /// # Errors
    /// It is not there in time.
    pub async fn condition(&self, wanted: Wanted<'_>, limit: Duration) -> Result<Condition> {
        until(&format!("condition {wanted:?} of {}", self.name), limit, async || {
            find(&self.cluster().await?.status.unwrap_or_default().conditions, wanted)
        })
        .await
    }

    /// Waits for a condition of an autoscaler.
    ///
    /// # Errors
    /// It is not there in time.
    pub async fn autoscaler_condition(
        &self,
        autoscaler: &str,
        wanted: Wanted<'_>,
        limit: Duration,
    ) -> Result<Condition> {
        until(&format!("condition {wanted:?} of {autoscaler}"), limit, async || {
            let autoscaler: DaskAutoscaler = self.space.api().get(autoscaler).await?;
            find(&autoscaler.status.unwrap_or_default().conditions, wanted)
        })
        .await
    }

    /// `kubectl scale` of a group.
    ///
    /// # Errors
    /// What kubectl says.
    pub async fn scale_group(&self, group: &str, replicas: usize) -> Result<()> {
        let (group, replicas) = (format!("daskworkergroup/{group}"), format!("--replicas={replicas}"));
        self.space.kubectl(&["scale", &group, &replicas]).await?;
        self.space.step(&format!("scaled {group} {replicas}"));
        Ok(())
    }

    /// `kubectl scale` of the cluster.
    ///
    /// # Errors
    /// What kubectl says.
    pub async fn scale(&self, replicas: usize) -> Result<()> {
        let (cluster, replicas) = (format!("daskcluster/{}", self.name), format!("--replicas={replicas}"));
        self.space.kubectl(&["scale", &cluster, &replicas]).await?;
        self.space.step(&format!("scaled {cluster} {replicas}"));
        Ok(())
    }
}

/// A condition that is waited for: its type, whether it holds, and its reason (empty: any).
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a>(pub &'a str, pub bool, pub &'a str);

/// The condition, if it is as wanted.
///
/// # Errors
/// It is not; with what there is.
pub fn find(conditions: &[Condition], wanted: Wanted<'_>) -> Result<Condition> {
    let Wanted(type_, holds, reason) = wanted;
    let status = if holds { ConditionStatus::True } else { ConditionStatus::False };
    let fits =
        |c: &&Condition| c.type_ == type_ && c.status == status && (reason.is_empty() || c.reason == reason);
    let all = || conditions.iter().map(|c| format!("{}={:?} {}: {}", c.type_, c.status, c.reason, c.message));
    conditions.iter().find(fits).cloned().with_context(|| all().collect::<Vec<_>>().join("; "))
}

/// Whether a pod is pending or running and not being deleted.
pub fn is_live(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("Pending");
    pod.metadata.deletion_timestamp.is_none() && matches!(phase, "Pending" | "Running")
}

/// Whether a pod's condition `Ready` is true.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Whether a pod was chosen to leave.
pub fn is_retiring(pod: &Pod) -> bool {
    pod.annotations().contains_key("kubernetes.dask.org/retiring")
}
