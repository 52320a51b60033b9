//! The agent with real workers: what they hold and run survives the end of their pod, and nothing keeps it waiting in vain.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "../../comm/tests/cluster/mod.rs"]
mod cluster;

use std::{
    fs::File,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use cluster::{Cluster, named, open};
use dask_comm::WorkerStatus;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How long anything may take that takes seconds.
const PATIENCE: Duration = Duration::from_secs(45);

/// An agent, and the port of its HTTP server.
struct Agent {
    child: Child,
    port: u16,
    log: std::path::PathBuf,
}

impl Agent {
    fn start(cluster: &Cluster, line: &[String], grace: u64) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let log = cluster.dir().join(format!("ended-{port}"));
        let out = File::create(cluster.dir().join(format!("agent-{port}.log"))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dask-agent"));
        command.args(["run", "--port", &port.to_string(), "--grace-seconds", &grace.to_string()]);
        command.arg("--termination-log").arg(&log).arg("--").args(line);
        command.stdout(out.try_clone().unwrap()).stderr(out).current_dir(cluster.dir());
        // As a container's own processes: a group by itself.
        let child = command.process_group(0).spawn().unwrap();
        Self { child, port, log }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn term(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn is_ready(&self) -> bool {
        self.get("/readyz").is_some_and(|a| a.starts_with("HTTP/1.1 200"))
    }

    fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the agent did not end within {within:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn reason(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn with_agents(version: &str, more: &[&str], names: &[&str]) -> (Cluster, Vec<Agent>) {
    let mut cluster = Cluster::start(version).await;
    let line = |name: &&str| {
        [cluster.worker_line(version, name), more.iter().map(|m| (*m).into()).collect()].concat()
    };
    let agents: Vec<_> = names.iter().map(|name| Agent::start(&cluster, &line(name), 60)).collect();
    let all = 2 + names.len();
    cluster
        .identity_when("all have reported", |i| {
            i.workers.len() == all
                && i.workers.values().all(|w| w.status == WorkerStatus::Running && w.rss_bytes > 0)
        })
        .await;
    (cluster, agents)
}

/// The pod has to go while its worker runs a task and holds the only copy of a value.
async fn nothing_is_lost(version: &str, more: &[&str]) {
    let (mut cluster, mut agents) = with_agents(version, more, &["pod-1"]).await;
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
    nothing_is_lost("2024.1.0", &[]).await;
}

#[tokio::test]
async fn nothing_is_lost_2026_8_0() {
    nothing_is_lost("2026.8.0", &[]).await;
}

#[tokio::test]
async fn nothing_is_lost_without_a_nanny() {
    nothing_is_lost("2026.8.0", &["--no-nanny"]).await;
}

#[tokio::test]
async fn without_a_scheduler_nobody_waits() {
    let (mut cluster, mut agents) = with_agents("2026.8.0", &[], &["pod-1"]).await;
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
    let (mut cluster, mut agents) = with_agents("2026.8.0", &[], &["pod-1", "pod-2"]).await;
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
    let (mut cluster, mut agents) = with_agents("2026.8.0", &[], &["pod-1"]).await;
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
