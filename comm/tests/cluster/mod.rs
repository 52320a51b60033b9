//! A real Dask cluster on loopback: scheduler, workers and a Python client, ended with the value.

#![allow(dead_code, reason = "each test takes what it needs")]

pub mod certificates;
mod tls;

use dask_comm::{Identity, Limits, SchedulerClient, Timeouts, WorkerInfo};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// How the tests themselves talk to a scheduler.
pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// How long any state may take to come about; a loaded machine starts a Python in seconds.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two looks at a state.
const POLL: Duration = Duration::from_millis(50);

/// A child that does not outlive its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running cluster of one version.
pub struct Cluster {
    pub client: SchedulerClient<Stream>,
    /// The scheduler's address.
    pub address: String,
    driver: Driver,
    scheduler: Option<Process>,
    _processes: Vec<Process>,
    dir: TempDir,
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

/// The Python client.
struct Driver {
    input: ChildStdin,
    answers: Receiver<String>,
    _process: Process,
}

impl Driver {
    fn start(python: &Path, address: &str, dir: &Path) -> Self {
        let mut command = quiet(python, dir);
        command.arg(tests_dir().join("driver.py")).arg(address).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = spawn(&mut command);
        let (send, answers) = channel();
        let output = BufReader::new(process.0.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let driver = Self { input: process.0.stdin.take().unwrap(), answers, _process: process };
        assert_eq!(driver.answer("start"), "ready");
        driver
    }

    fn tell(&mut self, command: &str) -> serde_json::Value {
        writeln!(self.input, "{command}").unwrap();
        self.answer(command)
    }

    fn answer(&self, command: &str) -> serde_json::Value {
        let line = self.answers.recv_timeout(PATIENCE);
        serde_json::from_str(&line.unwrap_or_else(|e| panic!("driver: {command}: {e}"))).unwrap()
    }
}

/// The folder of the tests' Python programs.
pub fn tests_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/dask")
}

/// The python of an environment with that version, made if need be.
pub fn python(version: &str) -> PathBuf {
    python_of(&[version])
}

/// The Python of a virtual environment, as venv.sh has them.
pub fn python_of(args: &[&str]) -> PathBuf {
    let output =
        Command::new(tests_dir().join("venv.sh")).args(args).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "venv.sh {args:?}");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// `dask scheduler` or `dask worker` on loopback.
fn dask(python: &Path, what: &str, dir: &Path) -> Command {
    let mut command = quiet(python, dir);
    command.args(["-m", &format!("distributed.cli.dask_{what}"), "--host", "127.0.0.1"]);
    command.args(["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]);
    command
}

/// A Python whose files and settings are its own, and whose errors are kept in `dir`.
fn quiet(python: &Path, dir: &Path) -> Command {
    let mut command = Command::new(python);
    command.current_dir(dir).env("DASK_CONFIG", dir.join("config")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE", "False").env("OMP_NUM_THREADS", "1");
    let errors = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("stderr")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    command
}

fn spawn(command: &mut Command) -> Process {
    Process(command.spawn().unwrap())
}

/// The address the scheduler writes down once it listens; it may be read half written.
fn scheduler_address(file: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read(file).unwrap_or_default();
        if let Ok(serde_json::Value::Object(identity)) = serde_json::from_slice(&text) {
            return identity["address"].as_str().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "the scheduler does not listen in time");
        std::thread::sleep(POLL);
    }
}
