//! The command line, and the variables by which the operator sets it.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs a Dask worker, and sees that nothing is lost when its pod has to go.
#[derive(Debug, Parser)]
#[command(name = "dask-agent", version, about)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a worker's command line until it ends or the pod has to go
    Run(Run),
    /// Copy this program into a folder (an init container's part)
    Install {
        /// The folder, e.g. an emptyDir that the worker's container has too
        folder: PathBuf,
    },
    /// Ask the agent of this container to let its workers leave, and wait for its end (a preStop hook's part)
    Leave,
    /// Become a command line in a session of its own (how `run` starts the worker)
    #[command(hide = true)]
    Exec {
        /// The command line
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        line: Vec<std::ffi::OsString>,
    },
}

/// Who is the worker's nanny.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Dask's own, if the command line asks for one.
    #[default]
    Drain,
    /// The agent, where the command line is that of a plain worker.
    Full,
}

/// Settings of `run`.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Who is the worker's nanny
    #[arg(long, env = "DASK_AGENT_MODE", value_enum, ignore_case = true, default_value_t)]
    pub mode: Mode,
    /// Whether a worker whose nanny the agent is has a dashboard where its command line says nothing of one
    #[arg(long, env = "DASK_AGENT_DASHBOARD", default_value_t = true, action = clap::ArgAction::Set)]
    pub dashboard: bool,
    /// Seconds between SIGTERM and SIGKILL, as the pod's terminationGracePeriodSeconds
    #[arg(long, env = "DASK_AGENT_GRACE_SECONDS", default_value_t = 30)]
    pub grace_seconds: u64,
    /// Seconds of them that are over when SIGTERM comes, as a preStop hook's `sleep`
    #[arg(long, env = "DASK_AGENT_PRESTOP_SECONDS", default_value_t = 0)]
    pub prestop_seconds: u64,
    /// Port of /healthz, /readyz and /metrics; 0: none
    #[arg(long, env = "DASK_AGENT_PORT", default_value_t = 0)]
    pub port: u16,
    /// The scheduler, unless the command line names it
    #[arg(long, env = "DASK_SCHEDULER_ADDRESS")]
    pub scheduler: Option<String>,
    /// Name of the worker, unless it is found by its port
    #[arg(long, env = "DASK_WORKER_NAME")]
    pub worker_name: Option<String>,
    /// Where the reason of an end that was not in order is written for Kubernetes
    #[arg(long, env = "DASK_AGENT_TERMINATION_LOG", default_value = "/dev/termination-log")]
    pub termination_log: PathBuf,
    /// The worker's command line
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub line: Vec<String>,
}

/// Kept for the end of the worker's processes after the workers have left.
const MARGIN: Duration = Duration::from_secs(4);

/// The scheduler is asked at least for so long, whatever a hook is said to take: it may take less.
const LEAST: Duration = Duration::from_secs(1);

impl Run {
    /// How long leaving may take, from SIGTERM on: the grace period less what a preStop hook and ending the processes take,
    /// and at least half of what the hook leaves.
    pub fn time_to_leave(&self) -> Duration {
        let grace = Duration::from_secs(self.grace_seconds.saturating_sub(self.prestop_seconds));
        grace.saturating_sub(MARGIN).max(grace / 2).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Run {
        let cli = Cli::try_parse_from([&["dask-agent", "run"], args].concat()).unwrap();
        let Command::Run(run) = cli.command else { panic!("another command") };
        run
    }

    #[test]
    fn flags_of_the_worker_are_not_ours() {
        let run = run(&["--port", "8790", "--", "dask", "worker", "--name", "$(NAME)", "--port", "1"]);
        assert_eq!((run.port, run.line.len()), (8790, 6));
    }

    #[test]
    fn some_time_is_kept_for_the_end() {
        for (grace, prestop, leave) in [
            (120, 0, 116.0),
            (30, 0, 26.0),
            (6, 0, 3.0),
            (0, 0, 1.0),
            (30, 20, 6.0),
            (30, 26, 2.0),
            (10, 20, 1.0),
        ] {
            let run = Run { grace_seconds: grace, prestop_seconds: prestop, ..run(&["true"]) };
            assert!((run.time_to_leave().as_secs_f64() - leave).abs() < 1e-9, "{grace} {prestop}");
        }
    }
}
