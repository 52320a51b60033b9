//! A worker under the agent.

#![allow(dead_code, reason = "each test takes what it needs")]

#[path = "../program/mod.rs"]
mod program;

use std::{
    fs::File,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus},
    time::{Duration, Instant},
};

use dask_comm::WorkerStatus;
use rustix::process::{Pid, Signal, kill_process};

use dask_test_cluster::Cluster;

/// How long anything may take that takes seconds.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// An agent, and the port of its HTTP server.
pub struct Agent {
    pub child: Child,
    port: u16,
    log: std::path::PathBuf,
}

impl Agent {
    pub fn start(cluster: &Cluster, mode: &str, line: &[String], grace: u64) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let log = cluster.dir().join(format!("ended-{port}"));
        let out = File::create(cluster.dir().join(format!("agent-{port}.log"))).unwrap();
        let mut command = Command::new(program::program());
        command.args(["run", "--mode", mode, "--port", &port.to_string()]);
        command.args(["--grace-seconds", &grace.to_string()]);
        command.arg("--termination-log").arg(&log).arg("--").args(line);
        command.stdout(out.try_clone().unwrap()).stderr(out).current_dir(cluster.dir());
        // As a container's own processes: a group by itself.
        let child = command.process_group(0).spawn().unwrap();
        Self { child, port, log }
    }

    /// What it and its worker said.
    pub fn log(&self) -> String {
        let log = self.log.with_file_name(format!("agent-{}.log", self.port));
        std::fs::read_to_string(log).unwrap_or_default()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn term(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    pub fn is_ready(&self) -> bool {
        self.get("/readyz").is_some_and(|a| a.starts_with("HTTP/1.1 200"))
    }

    pub async fn becomes_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready() {
            assert!(Instant::now() < deadline, "not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the agent did not end within {within:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn reason(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A cluster with a worker under an agent for each name, beside its two own ones.
pub async fn with_agents(version: &str, mode: &str, more: &[&str], names: &[&str]) -> (Cluster, Vec<Agent>) {
    let cluster = Cluster::start(version).await;
    let line = |cluster: &Cluster, name: &str| {
        [cluster.worker_line(version, name), more.iter().map(|m| (*m).into()).collect()].concat()
    };
    with_agents_in(cluster, mode, line, names).await
}

/// The same in a cluster that is there already, with command lines for each name.
pub async fn with_agents_in(
    mut cluster: Cluster,
    mode: &str,
    line: impl Fn(&Cluster, &str) -> Vec<String>,
    names: &[&str],
) -> (Cluster, Vec<Agent>) {
    let agents: Vec<_> =
        names.iter().map(|name| Agent::start(&cluster, mode, &line(&cluster, name), 60)).collect();
    let all = 2 + names.len();
    cluster
        .identity_when("all have reported", |i| {
            i.workers.len() == all
                && i.workers.values().all(|w| w.status == WorkerStatus::Running && w.rss_bytes > 0)
        })
        .await;
    // The scheduler knows a worker before its agent does, and one that ends in between ends the pod.
    for agent in agents.iter().filter(|_| mode == "full") {
        agent.becomes_ready().await;
    }
    (cluster, agents)
}
