//! `dask-agent`: the first process of a worker pod.

mod address;
mod args;
mod child;
mod drain;
#[cfg(test)]
mod fake_scheduler;
mod http;
mod install;
mod metrics;
mod nanny;
mod pod_workers;
mod pre_stop;
mod proc_session;
mod python_module;
mod readiness;
mod scheduler;
mod signals;
mod stream;
mod supervisor;
mod tls;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;
use dask_agent::drain_plan;
use tracing_subscriber::{filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Exit code when the agent itself cannot do its work (`EX_OSERR` of sysexits.h).
const FAILED: u8 = 71;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Exec { line } => {
            let (error, code) = child::exec(&line);
            let program = line.first().map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
            eprintln!("dask-agent: cannot run {program}: {error}; correct the container's command and args");
            ExitCode::from(u8::try_from(code).unwrap_or(FAILED))
        }
        Command::Install { folder } => match install::install(&folder) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        Command::Leave => {
            pre_stop::leave();
            ExitCode::SUCCESS
        }
        Command::Run(args) => {
            let logs = nanny::Logs::default();
            let text = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(false);
            tracing_subscriber::registry().with(LevelFilter::INFO).with(text).with(logs.clone()).init();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime
                .map_err(supervisor::RunError::Start)
                .and_then(|r| r.block_on(supervisor::run(&args, logs)))
            {
                Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
                Err(error) => failed(&error),
            }
        }
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("dask-agent: {error}");
    ExitCode::from(FAILED)
}
