//! The agent as the worker's nanny, with real workers: what becomes of one that ends, or cannot begin.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod agent;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use agent::{Agent, PATIENCE, with_agents};
use dask_comm::{Connection, Identity, Limits, Timeouts, WorkerInfo, WorkerStatus};
use dask_test_cluster::{Cluster, named};
use rustix::process::{Pid, Signal, kill_process};

const VERSION: &str = "2026.8.0";

/// Whether the worker of that name is there, and another process than `before`.
fn is_back(identity: &Identity, before: &WorkerInfo) -> bool {
    let same = |w: &&WorkerInfo| w.name == before.name && w.status == WorkerStatus::Running;
    identity.workers.values().find(same).is_some_and(|w| w.address != before.address)
}

/// The processes whose parent this is.
fn children(of: Pid) -> Vec<Pid> {
    let tasks = Path::new("/proc").join(of.as_raw_nonzero().to_string()).join("task");
    let tasks = fs::read_dir(tasks).unwrap().flatten();
    let text: String = tasks.map(|t| fs::read_to_string(t.path().join("children")).unwrap()).collect();
    text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().unwrap())).collect()
}

#[tokio::test]
async fn a_worker_that_is_killed_comes_again() {
    let (mut cluster, agents) = with_agents(VERSION, "full", &[], &["pod-1"]).await;
    let before = named(&cluster.client.identity().await.unwrap(), "pod-1").clone();
    for pid in children(agents[0].pid()) {
        kill_process(pid, Signal::KILL).unwrap();
    }
    cluster.identity_when("it is back", |i| is_back(i, &before)).await;
    assert!(agents[0].get("/metrics").unwrap().contains("dask_agent_worker_restarts_total 1"));
    assert_eq!(children(agents[0].pid()).len(), 1, "the dead one was reaped");
}

/// Neither an answer nor an end comes of it: both together have the time that was asked for.
#[tokio::test]
async fn a_worker_that_is_frozen_is_ended_in_the_time_asked_for() {
    let (cluster, agents) = with_agents(VERSION, "full", &[], &["pod-1"]).await;
    let mut cluster = cluster;
    let before = named(&cluster.client.identity().await.unwrap(), "pod-1").clone();
    for pid in children(agents[0].pid()) {
        kill_process(pid, Signal::STOP).unwrap();
    }
    let nanny = before.nanny.clone().unwrap();
    let stream = tokio::net::TcpStream::connect(nanny.split_once("://").unwrap().1).await.unwrap();
    let mut connection = Connection::handshake(stream, Limits::default(), Timeouts::default()).await.unwrap();
    let begin = Instant::now();
    connection.request("kill", vec![("timeout", 5.into())]).await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
    cluster.identity_when("it is back", |i| is_back(i, &before)).await;
}

#[tokio::test]
async fn the_next_scheduler_is_waited_for() {
    let (mut cluster, mut agents) = with_agents(VERSION, "full", &[], &["pod-1"]).await;
    let before = named(&cluster.client.identity().await.unwrap(), "pod-1").clone();
    cluster.another_scheduler(VERSION).await;
    cluster.identity_when("it came to the next one", |i| is_back(i, &before)).await;
    cluster.kill_scheduler();
    agents[0].term();
    agents[0].ended(Duration::from_secs(10));
}

#[tokio::test]
async fn one_that_waits_for_a_scheduler_ends_when_it_is_told_to_and_by_its_own_time() {
    let cluster = Cluster::start(VERSION).await;
    let mut line = cluster.worker_line(VERSION, "pod-1");
    // A port without a listener.
    line[3] = "tcp://127.0.0.1:1".into();
    let mut waits = Agent::start(&cluster, "full", &line, 60);
    line.extend(["--death-timeout", "1"].map(String::from));
    let mut gives_up = Agent::start(&cluster, "full", &line, 60);
    assert_eq!(gives_up.ended(PATIENCE).code(), Some(1));
    assert!(gives_up.log().contains("no scheduler within"), "{}", gives_up.log());
    waits.term();
    assert_eq!(waits.ended(Duration::from_secs(2)).code(), Some(0));
}

#[tokio::test]
async fn a_worker_that_is_refused_ends_the_pod() {
    let (cluster, _agents) = with_agents(VERSION, "full", &[], &["pod-1"]).await;
    let mut twin = Agent::start(&cluster, "full", &cluster.worker_line(VERSION, "pod-1"), 60);
    assert_eq!(twin.ended(PATIENCE).code(), Some(1));
    assert!(twin.log().contains("name taken"), "{}", twin.log());
}

#[tokio::test]
async fn one_that_uses_too_much_memory_is_restarted_and_the_client_hears_why() {
    let (mut cluster, agents) = with_agents(VERSION, "full", &["--memory-limit", "300MiB"], &["pod-1"]).await;
    let before = named(&cluster.client.identity().await.unwrap(), "pod-1").clone();
    cluster.tell(&format!("hog {} 340", before.address));
    cluster.identity_when("it is back", |i| is_back(i, &before)).await;
    assert!(agents[0].get("/metrics").unwrap().contains("dask_agent_memory_restarts_total 1"));
    // Its own heartbeats tell it to the operator.
    cluster
        .identity_when("it is counted", |i| named(i, "pod-1").agent.is_some_and(|a| a.restarts == 1))
        .await;
    let events = cluster.tell("events worker-restart-memory");
    assert_eq!(events[0]["worker"], before.address);
}

#[tokio::test]
async fn several_workers_of_one_pod_have_a_nanny_each_and_leave_together() {
    let cluster = Cluster::start(VERSION).await;
    let mut line = cluster.worker_line(VERSION, "pod-1");
    line.extend(["--nworkers", "2", "--nthreads", "0"].map(String::from));
    let mut cluster = cluster;
    let mut agent = Agent::start(&cluster, "full", &line, 60);
    let both = |i: &Identity| i.workers.values().filter(|w| w.name.starts_with("pod-1-")).count() == 2;
    let seen = cluster.identity_when("both are there", both).await;
    let [first, second] = ["pod-1-0", "pod-1-1"].map(|name| named(&seen, name).clone());
    assert!(first.nanny.is_some() && first.nanny != second.nanny);
    let cores = std::thread::available_parallelism().unwrap().get() as u32;
    assert_eq!((first.nthreads, second.nthreads), (cores / 2, cores / 2), "each has its part");
    cluster.tell(&format!("pin kept {}", first.address));
    cluster.tell(&format!("hog {} 900", second.address));
    cluster.identity_when("the one that used too much is back", |i| is_back(i, &second)).await;
    let seen = cluster.identity_when("both are there", both).await;
    assert_eq!(named(&seen, "pod-1-0").address, first.address, "the other one was left alone");
    agent.term();
    assert_eq!(agent.ended(PATIENCE).code(), Some(0), "{}", agent.log());
    let seen = cluster.client.identity().await.unwrap();
    assert_eq!(seen.workers.len(), 2, "both have left");
    assert_eq!(seen.workers.values().map(|w| w.in_memory).max(), Some(1), "and lost nothing");
}

#[tokio::test]
async fn a_plugin_as_large_as_a_folder_is_set_up_before_and_after_the_worker_is_there() {
    let (mut cluster, agents) = with_agents(VERSION, "full", &[], &["pod-1"]).await;
    cluster.tell("plugin 90");
    let late = Agent::start(&cluster, "full", &cluster.worker_line(VERSION, "pod-2"), 60);
    cluster.identity_when("it is there", |i| i.workers.values().any(|w| w.name == "pod-2")).await;
    for agent in [&agents[0], &late] {
        assert!(agent.log().contains("starting Python for what needs a Nanny"), "{}", agent.log());
        assert!(!agent.log().contains("cannot be set up"), "{}", agent.log());
    }
}

#[tokio::test]
async fn a_pod_that_would_be_short_of_a_worker_ends_and_the_others_leave_first() {
    let (mut cluster, _other) = with_agents(VERSION, "full", &[], &["pod-1-1"]).await;
    let mut line = cluster.worker_line(VERSION, "pod-1");
    line.extend(["--nworkers", "2"].map(String::from));
    let mut agent = Agent::start(&cluster, "full", &line, 60);
    assert_eq!(agent.ended(PATIENCE).code(), Some(1), "{}", agent.log());
    assert!(agent.log().contains("name taken"), "{}", agent.log());
    let left = |i: &Identity| i.workers.values().all(|w| w.name != "pod-1-0");
    cluster.identity_when("the other one has left", left).await;
}

#[tokio::test]
async fn preloads_for_a_nanny_of_python_get_one() {
    let cluster = Cluster::start(VERSION).await;
    let config = cluster.dir().join("nanny.yaml");
    fs::write(&config, "distributed: {nanny: {preload: [os]}}\n").unwrap();
    let mut line = ["env", &format!("DASK_CONFIG={}", config.display())].map(String::from).to_vec();
    line.extend(cluster.worker_line(VERSION, "pod-1"));
    let mut cluster = cluster;
    let agent = Agent::start(&cluster, "full", &line, 60);
    cluster.identity_when("it is there", |i| i.workers.values().any(|w| w.name == "pod-1")).await;
    assert!(agent.log().contains("keeps Dask's own Nanny"), "{}", agent.log());
    assert!(agent.log().contains("distributed.nanny - INFO"), "{}", agent.log());
}
