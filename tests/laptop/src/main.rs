//! The program: a Kubernetes cluster of processes, until it is interrupted or the command it was given ends.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
    sync::Mutex,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use dask_operator_laptop::{
    cluster::{Cluster, Plan},
    watchdog,
};
use tokio::{
    process::{Child, Command},
    signal::unix::{Signal, SignalKind, signal},
    time::{Duration, timeout},
};
use tracing_subscriber::EnvFilter;

/// How long a command may take to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a Kubernetes cluster of processes on this machine, with the Dask operator in it.
#[derive(Debug, Parser)]
struct Args {
    /// Python of a virtual environment with Dask, which pods run.
    #[arg(long)]
    python: PathBuf,
    /// The agent that workers run under. [default: dask-agent beside this program]
    #[arg(long)]
    agent: Option<PathBuf>,
    /// Folder for kubeconfig, logs and what pods write; it is removed at the end. [default: one in ~/.cache]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Port of the API server on 127.0.0.1; 0: any that is free.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Runs this with KUBECONFIG set, and ends with it.
    #[arg(last = true)]
    command: Vec<String>,
}

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|w| w == watchdog::ARGUMENT) {
        watchdog::run(Path::new(&words.next().unwrap_or_default()));
        return ExitCode::SUCCESS;
    }
    match start(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("laptop: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &Args) -> Result<ExitCode> {
    if !cfg!(target_os = "linux") {
        bail!("pods need addresses of their own in 127.0.0.0/8, which only Linux has; use make demo-kind");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let code = runtime.block_on(run(args));
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

async fn run(args: &Args) -> Result<ExitCode> {
    let plan = Plan {
        dir: args.dir.clone().map_or_else(default_dir, Ok)?,
        port: args.port,
        python: args.python.clone(),
        agent: args.agent.clone().map_or_else(default_agent, Ok)?,
    };
    let mut ends = Ends::new()?;
    let mut cluster = Cluster::start(&plan).await?;
    log_to(&cluster.home.dir.join("log"))?;
    let kubeconfig = cluster.home.kubeconfig();
    let mut command = match args.command.split_first() {
        None => {
            let (api, version) = (cluster.api, &cluster.version);
            // Who does not read it is no reason to end.
            let _ = writeln!(
                std::io::stdout(),
                "Kubernetes runs at http://{api}, with Dask {version}\nexport KUBECONFIG={}",
                kubeconfig.display()
            );
            None
        }
        Some((program, words)) => {
            let mut command = Command::new(program);
            command
                .args(words)
                .env("KUBECONFIG", &kubeconfig)
                .env("LAPTOP_API", format!("http://{}", cluster.api));
            command.envs(cluster.home.names()).kill_on_drop(true);
            Some(command.spawn().with_context(|| format!("starting {program}"))?)
        }
    };
    let ended = tokio::select! {
        ended = wait(&mut command) => ended.map(code_of),
        failed = cluster.fails() => failed.map(|()| ExitCode::FAILURE),
        () = ends.any() => {
            // A command in the same terminal heard it, too.
            let code = timeout(PATIENCE, wait(&mut command)).await;
            code.map_or_else(|_| Ok(ExitCode::from(130)), |ended| ended.map(code_of))
        }
    };
    drop(command);
    cluster.end();
    ended
}

/// Waits for the command; without one, for ever.
async fn wait(command: &mut Option<Child>) -> Result<ExitStatus> {
    match command {
        Some(child) => child.wait().await.context("waiting for the command"),
        None => std::future::pending().await,
    }
}

fn code_of(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn default_dir() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    Ok(cache
        .or_else(home)
        .context("neither XDG_CACHE_HOME nor HOME is set; give --dir")?
        .join("dask-operator/laptop"))
}

fn default_agent() -> Result<PathBuf> {
    Ok(std::env::current_exe().context("finding this program")?.with_file_name("dask-agent"))
}

/// What the operator and the cluster say goes to a file: the terminal is for the story.
fn log_to(path: &Path) -> Result<()> {
    let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,dask_operator=info,dask_operator_laptop=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Mutex::new(file)).init();
    Ok(())
}

/// The signals that end the program.
struct Ends([Signal; 3]);

impl Ends {
    fn new() -> Result<Self> {
        let on = |kind| signal(kind).context("listening to signals");
        Ok(Self([on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
