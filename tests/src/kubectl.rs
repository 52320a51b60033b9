//! Running kubectl and helm, as a person would.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::{io::AsyncWriteExt, process::Command};

/// Runs kubectl; answers what it printed.
///
/// # Errors
/// It cannot be run, or ends with an error: then with its words.
pub async fn run(args: &[&str]) -> Result<String> {
    with_input(args, "").await
}

/// Runs kubectl with something on its standard input.
///
/// # Errors
/// As [`run`].
pub async fn with_input(args: &[&str], input: &str) -> Result<String> {
    program("kubectl", args, input).await
}

/// Runs helm; answers what it printed.
///
/// # Errors
/// As [`run`].
pub async fn helm(args: &[&str]) -> Result<String> {
    program("helm", args, "").await
}

async fn program(name: &str, args: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(name);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| name.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        bail!("{name} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
