//! Two operators: one leads, and the other takes over when it is killed, frozen, cut off or replaced.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    audit,
    dask::{Dask, LEAVE, START, is_ready},
    kubectl, manifest,
    namespace::{Space, test_alone},
    node::Process,
    settings::OPERATOR,
    wait::{secs, until},
};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use kube::{Api, ResourceExt, api::ListParams};
use tokio::time::Instant;

/// Longest time until another one leads: the lease's duration, and a little for a busy machine.
const TAKEOVER: Duration = secs(30);

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn another_operator_takes_over_and_the_old_one_writes_nothing() -> Result<()> {
    test_alone("leader", async |space| {
        replicas(&space, 2).await?;
        let result = takeovers(&space).await;
        let restored = replicas(&space, 1).await;
        // A Lease that is gone is made anew.
        kubectl::run(&["-n", OPERATOR.0, "delete", "lease", OPERATOR.1]).await?;
        let leads = until("it leads again", TAKEOVER, async || leader(&space).await.map(drop)).await;
        result.and(restored).and(leads)
    })
    .await
}

async fn takeovers(space: &Space) -> Result<()> {
    let dask = Dask::start(space, &manifest::cluster("c", 1)?).await?;
    let mut client = dask.driver().await?;
    client.tell("scatter 4 100000").await?;
    client.tell("compute 4 0.05").await?;
    killed(space, &dask).await?;
    frozen(space, &dask).await?;
    cut_off(space, &dask).await?;
    rolling_update(space).await?;
    dask.scale_group("c-default", 1).await?;
    dask.settled(1, LEAVE).await?;
    client.nothing_was_lost().await
}

/// Frozen first, so that it cannot say goodbye.
async fn killed(space: &Space, dask: &Dask) -> Result<()> {
    let old = leader(space).await?;
    Process::of(&old).await?.freeze().await?;
    kubectl::run(&["-n", OPERATOR.0, "delete", "pod", &old.name_any(), "--grace-period=0", "--force"])
        .await?;
    dask.scale_group("c-default", 2).await?;
    another_leads(space, &old).await?;
    dask.settled(2, START).await?;
    space.step("the leader was killed, another one went on");
    until("two are ready", START, async || ready(space, 2).await).await
}

async fn frozen(space: &Space, dask: &Dask) -> Result<()> {
    let old = leader(space).await?;
    let process = Process::of(&old).await?;
    process.freeze().await?;
    let before = writes_of(&old).await;
    let next = another_leads(space, &old).await;
    // The kubelet may have lost its patience with it.
    let _ = process.thaw().await;
    next?;
    let before = before?;
    ensure!(before > 0, "the audit log does not say which pod writes");
    dask.scale_group("c-default", 1).await?;
    dask.settled(1, LEAVE).await?;
    let after = writes_of(&old).await?;
    ensure!(after == before, "{} wrote {before} times, and {after} when it was over", old.name_any());
    space.step("the leader was frozen, another one went on, and the old one wrote nothing more");
    until("two are ready", START, async || ready(space, 2).await).await
}

async fn cut_off(space: &Space, dask: &Dask) -> Result<()> {
    let old = leader(space).await?;
    let process = Process::of(&old).await?;
    let routes = process.cut_off().await?;
    let next = another_leads(space, &old).await;
    let _ = process.connect(&routes).await;
    next?;
    dask.scale_group("c-default", 2).await?;
    dask.settled(2, START).await?;
    space.step("the leader was cut off, another one went on");
    until("two are ready", START, async || ready(space, 2).await).await
}

/// Every pod of the operator is replaced; no process leads for seconds at most, and not for the lease's duration.
async fn rolling_update(space: &Space) -> Result<()> {
    const GAP: Duration = secs(8);
    let deployment = format!("deployment/{}", OPERATOR.1);
    let old: Vec<_> = pods(space).await?.iter().filter_map(ResourceExt::uid).collect();
    kubectl::run(&["-n", OPERATOR.0, "rollout", "restart", &deployment]).await?;
    let mut led = Instant::now();
    let mut gap = Duration::ZERO;
    until("all pods are new, and one of them leads", secs(120), async || {
        let leader = leader(space).await;
        if leader.is_ok() {
            led = Instant::now();
        }
        gap = gap.max(led.elapsed());
        ready(space, 2).await?;
        ensure!(leader?.uid().is_some_and(|uid| !old.contains(&uid)), "an old one leads");
        Ok(())
    })
    .await?;
    ensure!(gap < GAP, "no process led for {} s", gap.as_secs());
    space.step(&format!("all were replaced; no process led for {:.1} s at most", gap.as_secs_f64()));
    Ok(())
}

async fn replicas(space: &Space, n: usize) -> Result<()> {
    let (deployment, replicas) = (format!("deployment/{}", OPERATOR.1), format!("--replicas={n}"));
    kubectl::run(&["-n", OPERATOR.0, "scale", &deployment, &replicas]).await?;
    until(&format!("{n} operators"), START, async || {
        ready(space, n).await?;
        leader(space).await.map(drop)
    })
    .await
}

async fn pods(space: &Space) -> Result<Vec<Pod>> {
    let pods: Api<Pod> = Api::namespaced(space.client.clone(), OPERATOR.0);
    let labels = format!("app.kubernetes.io/name={}", OPERATOR.1);
    Ok(pods.list(&ListParams::default().labels(&labels)).await?.items)
}

async fn ready(space: &Space, n: usize) -> Result<()> {
    let pods = pods(space).await?;
    let ready = pods.iter().filter(|p| is_ready(p)).count();
    ensure!(ready == n && pods.len() == n, "{} pods, {ready} ready", pods.len());
    Ok(())
}

/// The pod that the Lease names, if it lives.
async fn leader(space: &Space) -> Result<Pod> {
    let leases: Api<Lease> = Api::namespaced(space.client.clone(), OPERATOR.0);
    let spec = leases.get(OPERATOR.1).await?.spec.context("an empty Lease")?;
    let holder = spec.holder_identity.unwrap_or_default();
    let of_holder = |p: &Pod| holder.rsplit_once('_').is_some_and(|(pod, _)| pod == p.name_any());
    let found = pods(space).await?.into_iter().find(of_holder);
    found.with_context(|| format!("{holder:?} leads, and is no pod"))
}

async fn another_leads(space: &Space, old: &Pod) -> Result<Pod> {
    until("another one leads", TAKEOVER, async || {
        let leader = leader(space).await?;
        ensure!(leader.uid() != old.uid(), "{} leads", leader.name_any());
        Ok(leader)
    })
    .await
}

/// How often the pod has written, but for the Lease.
async fn writes_of(pod: &Pod) -> Result<usize> {
    let name = pod.name_any();
    let all = audit::requests().await?;
    Ok(all.iter().filter(|r| r.pod == name && r.writes() && r.resource != "leases").count())
}
