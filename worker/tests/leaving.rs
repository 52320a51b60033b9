//! The agent with real workers: what they hold and run survives the end of their pod, and nothing keeps it waiting in vain.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod agent;

use std::time::{Duration, Instant};

use agent::{Agent, PATIENCE, with_agents, with_agents_in};
use dask_comm::{Identity, WorkerStatus};
use dask_test_cluster::{Cluster, named, open};
use rustix::process::{Signal, kill_process_group};

async fn nothing_is_lost(version: &str, mode: &str, more: &[&str]) {
    nothing_is_lost_in(with_agents(version, mode, more, &["pod-1"]).await).await;
}

/// The pod has to go while its worker runs a task and holds the only copy of a value.
async fn nothing_is_lost_in((mut cluster, mut agents): (Cluster, Vec<Agent>)) {
    let agent = &mut agents[0];
    agent.becomes_ready().await;
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

/// A scheduler that ends without a word: what it knew is gone, and that is told.
#[tokio::test]
async fn a_scheduler_that_is_gone_is_not_waited_for_and_that_is_told() {
    let (mut cluster, mut agents) = with_agents("2026.8.0", "drain", &[], &["pod-1"]).await;
    let gate = cluster.gate("never");
    cluster.tell(&format!("gated 3 {}", gate.display()));
    cluster.identity_when("each runs a task", |i| i.workers.values().all(|w| w.executing == 1)).await;
    agents[0].term();
    cluster
        .identity_when("it is leaving", |i| named(i, "pod-1").status == WorkerStatus::ClosingGracefully)
        .await;
    cluster.kill_scheduler();
    let begin = Instant::now();
    assert_eq!(agents[0].ended(Duration::from_secs(25)).code(), Some(75), "{}", agents[0].log());
    assert!(begin.elapsed() >= Duration::from_secs(9), "it may come back: {:?}", begin.elapsed());
    assert!(agents[0].reason().contains("SchedulerLost"), "{}", agents[0].reason());
}

/// Two workers, all that there are, have to go at once; another one is made only some seconds later.
async fn a_replacement_is_waited_for(mode: &str) {
    let (mut cluster, mut agents) = with_agents("2026.8.0", mode, &[], &["pod-1", "pod-2"]).await;
    // Those that have no agent are the first to leave.
    let identity = cluster.client.identity().await.unwrap();
    let others: Vec<String> = ["w0", "7"].map(|name| named(&identity, name).address.clone()).into();
    assert_eq!(cluster.client.retire_workers(&others, true, true).await.unwrap().len(), 2);
    let both = |i: &Identity| i.workers.len() == 2;
    let identity = cluster.identity_when("the others have gone", both).await;
    for name in ["pod-1", "pod-2"] {
        cluster.tell(&format!("pin of-{name} {}", named(&identity, name).address));
    }
    for agent in &agents {
        agent.term();
    }
    // At the latest one after the other has asked in vain.
    let refused = |agent: &Agent| agent.log().contains("accepted=0");
    let deadline = Instant::now() + PATIENCE;
    while !agents.iter().any(refused) {
        assert!(Instant::now() < deadline, "{} {}", agents[0].log(), agents[1].log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let _third = Agent::start(&cluster, mode, &cluster.worker_line("2026.8.0", "pod-3"), 60);
    for agent in &mut agents {
        assert_eq!(agent.ended(PATIENCE).code(), Some(0), "{}", agent.log());
        assert_eq!(agent.reason(), "");
    }
    let left = |i: &Identity| i.workers.len() == 1 && named(i, "pod-3").in_memory == 2;
    cluster.identity_when("both values are where they can stay", left).await;
    assert_eq!(cluster.tell("check"), serde_json::json!([]));
}

#[tokio::test]
async fn where_everybody_leaves_a_replacement_is_waited_for() {
    a_replacement_is_waited_for("drain").await;
}

#[tokio::test]
async fn where_everybody_leaves_a_replacement_is_waited_for_with_the_agent_as_nanny() {
    a_replacement_is_waited_for("full").await;
}

/// One worker drains, as a shrink has it; the other one, which took its results, is evicted.
#[tokio::test]
async fn a_survivor_that_is_evicted_while_another_one_drains_loses_nothing() {
    let (mut cluster, mut agents) = with_agents("2026.8.0", "full", &[], &["pod-1"]).await;
    let identity = cluster.client.identity().await.unwrap();
    let address = |name: &str| named(&identity, name).address.clone();
    cluster.tell(&format!("pin kept {}", address("w0")));
    // Only this one is unique to the survivor for sure: the other one stays on both for a while.
    cluster.tell(&format!("pin own {}", address("pod-1")));
    let gate = cluster.gate("open");
    assert_eq!(cluster.client.retire_workers(&[address("7")], true, true).await.unwrap().len(), 1);
    cluster.identity_when("two are left", |i| i.workers.len() == 2).await;
    cluster.tell(&format!("gated 2 {}", gate.display()));
    cluster.identity_when("each runs a task", |i| i.workers.values().all(|w| w.executing == 1)).await;
    let drained = cluster.client.retire_workers(&[address("w0")], false, false).await.unwrap();
    assert_eq!(drained.len(), 1, "its value is on the survivor");
    agents[0].term();
    let deadline = Instant::now() + PATIENCE;
    while !agents[0].log().contains("accepted=0") {
        assert!(Instant::now() < deadline, "{}", agents[0].log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _third = Agent::start(&cluster, "full", &cluster.worker_line("2026.8.0", "pod-2"), 60);
    cluster
        .identity_when("it is leaving, and the third one has the value", |i| {
            named(i, "pod-1").status == WorkerStatus::ClosingGracefully
                && i.workers.values().any(|w| w.name == "pod-2" && w.in_memory >= 1)
        })
        .await;
    open(&gate);
    assert_eq!(agents[0].ended(PATIENCE).code(), Some(0), "{}", agents[0].log());
    assert_eq!(cluster.tell("wait"), 4);
    assert_eq!(cluster.tell("check"), serde_json::json!([]));
    assert_eq!(cluster.tell("troubles")["suspicious"], 0);
}

/// A scheduler that was never reached is not one that is gone: the worker gets what is left of the time, and that is told.
#[tokio::test]
async fn a_scheduler_that_was_never_reached_is_told() {
    let cluster = Cluster::start("2026.8.0").await;
    let wrong = "DASK_SCHEDULER_ADDRESS=tcp://no-such-host.invalid:8786";
    let line =
        ["env", wrong, "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"].map(String::from);
    let line =
        [&line[..], &["dask".into(), "worker".into(), "tcp://no-such-host.invalid:8786".into()]].concat();
    let mut agent = Agent::start(&cluster, "drain", &line, 12);
    let deadline = Instant::now() + PATIENCE;
    while !agent.get("/metrics").is_some_and(|m| m.contains("dask_agent_worker_command_running 1")) {
        assert!(Instant::now() < deadline, "{}", agent.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    agent.term();
    assert_eq!(agent.ended(Duration::from_secs(20)).code(), Some(75), "{}", agent.log());
    assert!(agent.reason().contains("NeverReached"), "{}", agent.reason());
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
