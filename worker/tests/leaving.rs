//! The agent with real workers: what they hold and run survives the end of their pod, and nothing keeps it waiting in vain.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "../../comm/tests/cluster/mod.rs"]
mod cluster;

mod agent;

use std::time::{Duration, Instant};

use agent::{Agent, PATIENCE, with_agents, with_agents_in};
use cluster::{Cluster, named, open};
use dask_comm::WorkerStatus;
use rustix::process::{Signal, kill_process_group};

async fn nothing_is_lost(version: &str, mode: &str, more: &[&str]) {
    nothing_is_lost_in(with_agents(version, mode, more, &["pod-1"]).await).await;
}

/// The pod has to go while its worker runs a task and holds the only copy of a value.
async fn nothing_is_lost_in((mut cluster, mut agents): (Cluster, Vec<Agent>)) {
    let agent = &mut agents[0];
    let deadline = Instant::now() + PATIENCE;
    while !agent.is_ready() {
        assert!(Instant::now() < deadline, "not ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let address = named(&cluster.client.identity().await.unwrap(), "pod-1").address.clone();
    cluster.tell(&format!("pin kept {address}"));
    let gate = cluster.gate("open");
    cluster.tell(&format!("gated 3 {}", gate.display()));
    cluster.identity_when("each runs a task", |i| i.workers.values().all(|w| w.executing == 1)).await;

    agent.term();
    cluster
        .identity_when("it is leaving, and another one has the value", |i| {
            let elsewhere = i.workers.values().filter(|w| w.address != address);
            i.workers[&address].status == WorkerStatus::ClosingGracefully
                && elsewhere.map(|w| w.in_memory).sum::<u64>() == 1
        })
        .await;
    assert!(!agent.is_ready(), "no new work should come");
    assert!(agent.get("/metrics").unwrap().contains("dask_agent_leaving 1"));
    assert!(agent.child.try_wait().unwrap().is_none(), "it waits for its task");
    open(&gate);
    assert_eq!(agent.ended(PATIENCE).code(), Some(0));
    assert_eq!(cluster.tell("wait"), 4);
    assert_eq!(cluster.tell("check"), serde_json::json!([]));
    assert_eq!(cluster.tell("troubles")["suspicious"], 0);
    assert_eq!(cluster.tell("runs")["most"], 1, "no task ran twice");
    assert_eq!(agent.reason(), "");
}

#[tokio::test]
async fn nothing_is_lost_2024_1_0() {
    nothing_is_lost("2024.1.0", "drain", &[]).await;
}

#[tokio::test]
async fn nothing_is_lost_2026_8_0() {
    nothing_is_lost("2026.8.0", "drain", &[]).await;
}

#[tokio::test]
async fn nothing_is_lost_without_a_nanny() {
    nothing_is_lost("2026.8.0", "drain", &["--no-nanny"]).await;
}

#[tokio::test]
async fn nothing_is_lost_with_the_agent_as_nanny_2024_1_0() {
    nothing_is_lost("2024.1.0", "full", &[]).await;
}

#[tokio::test]
async fn nothing_is_lost_with_the_agent_as_nanny_2026_8_0() {
    nothing_is_lost("2026.8.0", "full", &[]).await;
}

/// What the command line does not say of certificates, the worker's own configuration does.
#[tokio::test]
async fn nothing_is_lost_with_tls() {
    let by_options = |cluster: &Cluster, name: &str| {
        [cluster.worker_line("2026.8.0", name), cluster.tls_options()].concat()
    };
    let cluster = Cluster::start_with_tls("2026.8.0").await;
    nothing_is_lost_in(with_agents_in(cluster, "drain", by_options, &["pod-1"]).await).await;
}

#[tokio::test]
async fn nothing_is_lost_with_the_agent_as_nanny_and_tls() {
    let by_configuration = |cluster: &Cluster, name: &str| {
        let config = format!("DASK_CONFIG={}", cluster.dir().join("config").display());
        [vec!["env".into(), config], cluster.worker_line("2026.8.0", name)].concat()
    };
    let cluster = Cluster::start_with_tls("2026.8.0").await;
    nothing_is_lost_in(with_agents_in(cluster, "full", by_configuration, &["pod-1"]).await).await;
}

#[tokio::test]
async fn without_a_scheduler_nobody_waits() {
    let (mut cluster, mut agents) = with_agents("2026.8.0", "drain", &[], &["pod-1"]).await;
    let gate = cluster.gate("never");
    cluster.tell(&format!("gated 3 {}", gate.display()));
    cluster.identity_when("each runs a task", |i| i.workers.values().all(|w| w.executing == 1)).await;
    agents[0].term();
    cluster
        .identity_when("it is leaving", |i| named(i, "pod-1").status == WorkerStatus::ClosingGracefully)
        .await;
    cluster.kill_scheduler();
    agents[0].ended(Duration::from_secs(10));
}

#[tokio::test]
async fn where_everybody_leaves_nobody_waits() {
    let (mut cluster, mut agents) = with_agents("2026.8.0", "drain", &[], &["pod-1", "pod-2"]).await;
    // Those that have no agent are the first to leave.
    let identity = cluster.client.identity().await.unwrap();
    let others: Vec<String> = ["w0", "7"].map(|name| named(&identity, name).address.clone()).into();
    assert_eq!(cluster.client.retire_workers(&others, true, true).await.unwrap().len(), 2);
    let gate = cluster.gate("never");
    cluster.tell(&format!("gated 2 {}", gate.display()));
    cluster
        .identity_when("both run a task", |i| {
            i.workers.len() == 2 && i.workers.values().all(|w| w.executing == 1)
        })
        .await;
    for agent in &agents {
        agent.term();
    }
    for agent in &mut agents {
        assert_eq!(agent.ended(Duration::from_secs(10)).code(), Some(75));
        assert!(agent.reason().contains("NobodyElse"), "{}", agent.reason());
    }
}

#[tokio::test]
async fn what_is_sent_to_the_group_reaches_the_agent_alone_and_a_second_signal_hurries() {
    let (mut cluster, mut agents) = with_agents("2026.8.0", "drain", &[], &["pod-1"]).await;
    let gate = cluster.gate("never");
    cluster.tell(&format!("gated 3 {}", gate.display()));
    cluster.identity_when("each runs a task", |i| i.workers.values().all(|w| w.executing == 1)).await;
    kill_process_group(agents[0].pid(), Signal::TERM).unwrap();
    cluster
        .identity_when("it is leaving, and works on", |i| {
            let worker = named(i, "pod-1");
            worker.status == WorkerStatus::ClosingGracefully && worker.executing == 1
        })
        .await;
    agents[0].term();
    assert_eq!(agents[0].ended(Duration::from_secs(10)).code(), Some(75));
    assert!(agents[0].reason().contains("Hurried"), "{}", agents[0].reason());
}
