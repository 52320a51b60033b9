//! Logs: JSON for machines, text for people, with levels.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text.
    #[default]
    Text,
}

/// Starts logging to standard error at this level (`RUST_LOG` wins).
pub fn start(format: LogFormat, level: &str) {
    // What kube says of a watch that fails, it says each time; the operator says it once in a while.
    let default = format!("warn,kube_runtime::watcher=error,dask_operator={level},dask_comm={level}");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
        LogFormat::Text => lines.with_ansi(false).init(),
    }
}
