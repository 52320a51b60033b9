//! Two operators: one leads, and the other takes over when it is killed, frozen, cut off or replaced.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dask_operator_tests::{
    audit,
    dask::{Dask, LEAVE, START, is_ready},
    kubectl, manifest,
    node::Process,
    settings::OPERATOR,
    space::{Space, test_alone},
    wait::{secs, throughout, until},
};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use kube::{Api, ResourceExt, api::ListParams};

/// Longest time until another one leads: the lease's duration, and a little for a busy machine.
const TAKEOVER: Duration = secs(30);

#[tokio::test]
#[ignore = "needs a cluster: make e2e"]
async fn another_operator_takes_over_and_the_old_one_writes_nothing() -> Result<()> {
    test_alone("leader", async |space| {
        replicas(&space, 2).await?;
        let result = takeovers(&space).await;
        replicas(&space, 1).await?;
        result
    })
    .await
}

async fn takeovers(space: &Space) -> Result<()> {
    let dask = Dask::start(space, &manifest::cluster("c", 1)?).await?;
    let mut client = dask.driver().await?;
    client.tell("scatter 4 100000").await?;
    client.tell("compute 4 0.05").await?;

    let first = leader(space).await?;
    kubectl::run(&["-n", OPERATOR.0, "delete", "pod", &first.name_any(), "--grace-period=0", "--force"])
        .await?;
    dask.scale_group("c-default", 2).await?;
    let second = another_leads(space, &first).await?;
    dask.settled(2, START).await?;
    space.step("the leader was killed, another one went on");

    until("two are ready", START, async || ready(space, 2).await).await?;
    let process = Process::of(&second).await?;
    process.freeze().await?;
    let third = another_leads(space, &second).await;
    process.thaw().await?;
    let third = third?;
    dask.scale_group("c-default", 1).await?;
    dask.settled(1, LEAVE).await?;
    wrote_nothing(&second, secs(6)).await?;
    space.step("the leader was frozen, another one went on");

    let process = Process::of(&third).await?;
    process.network(false).await?;
    dask.scale_group("c-default", 2).await?;
    let fourth = another_leads(space, &third).await;
    process.network(true).await?;
    fourth?;
    dask.settled(2, START).await?;
    space.step("the leader was cut off, another one went on");

    rolling_update(space).await?;
    dask.scale_group("c-default", 1).await?;
    dask.settled(1, LEAVE).await?;
    client.nothing_was_lost().await
}

/// Every pod of the operator is replaced; somebody leads again in seconds, not after the lease's duration.
async fn rolling_update(space: &Space) -> Result<()> {
    let deployment = format!("deployment/{}", OPERATOR.1);
    until("two are ready", START, async || ready(space, 2).await).await?;
    kubectl::run(&["-n", OPERATOR.0, "rollout", "restart", &deployment]).await?;
    throughout("one is ready", secs(4), async || {
        let pods = pods(space).await?;
        ensure!(pods.iter().filter(|p| is_ready(p)).count() >= 1, "none of {} is", pods.len());
        Ok(())
    })
    .await?;
    kubectl::run(&["-n", OPERATOR.0, "rollout", "status", &deployment, "--timeout=60s"]).await?;
    until("a new one leads", secs(12), async || leader(space).await.map(drop)).await
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

/// The pod that the Lease names, if it is there.
async fn leader(space: &Space) -> Result<Pod> {
    let leases: Api<Lease> = Api::namespaced(space.client.clone(), OPERATOR.0);
    let spec = leases.get(OPERATOR.1).await?.spec.context("an empty Lease")?;
    let holder = spec.holder_identity.unwrap_or_default();
    let found = pods(space).await?.into_iter().find(|p| holder.starts_with(&p.name_any()));
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

/// The pod writes nothing for a while, but perhaps to the Lease.
async fn wrote_nothing(pod: &Pod, time: Duration) -> Result<()> {
    let name = pod.name_any();
    let writes = async || -> Result<usize> {
        let all = audit::requests().await?;
        Ok(all.iter().filter(|r| r.pod == name && r.writes() && r.resource != "leases").count())
    };
    let before = writes().await?;
    throughout("who does not lead does not write", time, async || {
        let now = writes().await?;
        ensure!(now == before, "{} writes of {name}", now - before);
        Ok(())
    })
    .await
}
