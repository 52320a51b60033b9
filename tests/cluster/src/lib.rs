//! A real Dask cluster on loopback: scheduler, workers and a Python client, ended with the value.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what tests have in common")]

pub mod certificates;
mod driver;
mod programs;
mod tls;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use dask_comm::{Demand, Identity, Limits, SchedulerClient, Timeouts, Work, WorkerInfo};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

pub use programs::{python, python_of, tests_dir};

use driver::Driver;
use programs::{Process, dask, scheduler_address, spawn};

/// How the tests themselves talk to a scheduler.
pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// How long any state may take to come about; a loaded machine starts a Python in seconds.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two looks at a state.
const POLL: Duration = Duration::from_millis(50);

/// A running cluster of one version.
pub struct Cluster {
    /// A connection of the test's own.
    pub client: SchedulerClient<Stream>,
    /// The scheduler's address.
    pub address: String,
    driver: Driver,
    scheduler: Option<Process>,
    _processes: Vec<Process>,
    dir: TempDir,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let errors = std::fs::read_to_string(self.dir.path().join("stderr"));
            eprintln!("the processes said:\n{}", errors.unwrap_or_default());
        }
    }
}

impl Cluster {
    /// Starts version `version` with two workers, `w0` and `7`, of one thread each.
    pub async fn start(version: &str) -> Self {
        Self::start_in(version, tempfile::tempdir().unwrap(), &[]).await
    }

    /// The same with TLS, whose files are named by options, and for the client by a configuration.
    pub async fn start_with_tls(version: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        certificates::make(dir.path());
        std::fs::create_dir(dir.path().join("config")).unwrap();
        std::fs::write(dir.path().join("config/tls.yaml"), certificates::config(dir.path())).unwrap();
        let options = certificates::options(dir.path());
        Self::start_in(version, dir, &[&["--protocol".into(), "tls".into()], &options[..]].concat()).await
    }

    async fn start_in(version: &str, dir: TempDir, options: &[String]) -> Self {
        let python = python(version);
        let file = dir.path().join("scheduler.json");
        let mut scheduler = dask(&python, "scheduler", dir.path());
        // Should this process be killed, the others end by themselves.
        scheduler
            .args(["--port", "0", "--idle-timeout", "120s", "--scheduler-file"])
            .arg(&file)
            .args(options);
        let scheduler = spawn(&mut scheduler);
        let mut processes = Vec::new();
        for name in ["w0", "7"] {
            let mut worker = dask(&python, "worker", dir.path());
            worker.args([
                "--no-nanny",
                "--nthreads",
                "1",
                "--memory-limit",
                "512MiB",
                "--death-timeout",
                "60",
            ]);
            worker.args(["--name", name, "--scheduler-file"]).arg(&file).args(options);
            processes.push(spawn(&mut worker));
        }
        let address = scheduler_address(&file);
        let driver = Driver::start(&python, &address, dir.path());
        let stream = TcpStream::connect(host(&address)).await.unwrap();
        let client = talk(stream, &address, dir.path()).await;
        let mut cluster =
            Self { client, address, driver, scheduler: Some(scheduler), _processes: processes, dir };
        cluster
            .identity_when("both workers have reported", |i| {
                i.workers.len() == 2 && i.workers.values().all(|w| w.rss_bytes > 0)
            })
            .await;
        cluster
    }

    /// Has the Python client do something; answers what it answered.
    pub fn tell(&mut self, command: &str) -> serde_json::Value {
        self.driver.tell(command)
    }

    /// Ends the scheduler at once.
    pub fn kill_scheduler(&mut self) {
        self.scheduler = None;
    }

    /// Ends the scheduler, if it is there, and starts another one at its address.
    pub async fn another_scheduler(&mut self, version: &str) {
        self.scheduler = None;
        let port = self.address.rsplit(':').next().unwrap().to_owned();
        let mut scheduler = dask(&python(version), "scheduler", self.dir.path());
        scheduler.args(["--port", &port, "--idle-timeout", "120s"]);
        self.scheduler = Some(spawn(&mut scheduler));
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            match TcpStream::connect(host(&self.address)).await {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "the scheduler does not listen: {error}"),
            }
            tokio::time::sleep(POLL).await;
        };
        self.client = talk(stream, &self.address, self.dir.path()).await;
    }

    /// What runs a worker of this cluster, its options included.
    pub fn worker_line(&self, version: &str, name: &str) -> Vec<String> {
        let python = python(version).display().to_string();
        let options =
            ["--host", "127.0.0.1", "--no-dashboard", "--nthreads", "1", "--memory-limit", "512MiB"];
        let line = [&python, "-m", "distributed.cli.dask_worker", &self.address, "--name", name];
        line.into_iter().chain(options).map(String::from).collect()
    }

    /// Options that name the files of TLS.
    pub fn tls_options(&self) -> Vec<String> {
        certificates::options(self.dir())
    }

    /// The folder of this cluster's files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A file that tasks wait for; [`open`] lets them end.
    pub fn gate(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The identity as soon as it is as wanted.
    pub async fn identity_when(&mut self, what: &str, wanted: impl Fn(&Identity) -> bool) -> Identity {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let identity = self.client.identity().await.unwrap();
            assert_eq!(identity.refused, []);
            if wanted(&identity) {
                return identity;
            }
            assert!(Instant::now() < deadline, "not in time: {what}: {identity:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until P2P is active or not.
    pub async fn p2p_when(&mut self, wanted: bool) {
        let deadline = Instant::now() + PATIENCE;
        while self.client.p2p_active().await.unwrap() != wanted {
            assert!(Instant::now() < deadline, "P2P active is not {wanted} in time");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the scheduler would like so many workers.
    pub async fn target_when(&mut self, wanted: impl Fn(u32) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let target = self.client.adaptive_target().await.unwrap();
            if wanted(target) {
                return;
            }
            assert!(Instant::now() < deadline, "its target stays {target}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// What waits, as soon as there is such work; the scheduler has to have been given the operation that tells.
    pub async fn demand_when(&mut self, wanted: impl Fn(&Work) -> bool) -> Demand {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let demand = self.client.demand().await.unwrap();
            if demand.work.iter().any(&wanted) {
                return demand;
            }
            assert!(Instant::now() < deadline, "there is no such work in time: {demand:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the scheduler finds itself idle; since when.
    pub async fn idle(&mut self) -> f64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(since) = self.client.check_idle().await.unwrap() {
                return since;
            }
            assert!(Instant::now() < deadline, "not idle in time");
            tokio::time::sleep(POLL).await;
        }
    }
}

fn host(address: &str) -> &str {
    address.split_once("://").unwrap().1
}

/// Talks to the scheduler of that address, with TLS where it has it.
async fn talk(stream: TcpStream, address: &str, dir: &Path) -> SchedulerClient<Stream> {
    let stream = if address.starts_with("tls://") {
        Either::Right(Box::new(tls::connect(dir, stream).await))
    } else {
        Either::Left(stream)
    };
    SchedulerClient::connect(stream, Limits::default(), Timeouts::default()).await.unwrap()
}

/// Lets the tasks that wait for `gate` end.
pub fn open(gate: &Path) {
    std::fs::write(gate, "").unwrap();
}

/// The worker of that name.
pub fn named<'a>(identity: &'a Identity, name: &str) -> &'a WorkerInfo {
    identity.workers.values().find(|worker| worker.name == name).unwrap()
}
