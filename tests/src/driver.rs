//! Dask's own client: a Python process that does what it is told (`dask/driver.py` says what it can).

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{settings, wait::secs};

/// Longest time for one command.
const PATIENCE: Duration = secs(120);

/// A Python process that is connected to a scheduler.
#[derive(Debug)]
pub struct Driver {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

/// What went wrong with a driver's tasks, and what did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Troubles {
    /// Most times that one task lost the worker it was assigned to.
    pub suspicious: u64,
    /// Tasks that failed.
    pub erred: u64,
    /// Runs of P2P shuffles so far; a shuffle that starts anew is another run.
    pub p2p_runs: u64,
}

impl Driver {
    /// Connects to the scheduler at this address.
    ///
    /// # Errors
    /// Python or Dask did not start or connect.
    pub async fn connect(address: &str) -> Result<Self> {
        Self::connect_with(address, &[]).await
    }

    /// The same with more variables, e.g. those of Dask's configuration.
    ///
    /// # Errors
    /// Python or Dask did not start or connect.
    pub async fn connect_with(address: &str, variables: &[(String, String)]) -> Result<Self> {
        Self::start_with("E2E_PYTHON", "tests/dask/driver.py", &[address], variables).await
    }

    /// Starts a program of ours that speaks the same way, with the Python that the variable `python` names.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(python: &str, script: &str, args: &[&str]) -> Result<Self> {
        Self::start_with(python, script, args, &[]).await
    }

    async fn start_with(
        python: &str,
        script: &str,
        args: &[&str],
        variables: &[(String, String)],
    ) -> Result<Self> {
        let mut command = Command::new(settings::variable(python)?);
        command.arg(settings::repository().join(script)).args(args);
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("OMP_NUM_THREADS", "1");
        command.envs(variables.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut process = command.spawn().context("python")?;
        let input = process.stdin.take().context("stdin")?;
        let output = BufReader::new(process.stdout.take().context("stdout")?).lines();
        let mut driver = Self { input, output, _process: process };
        ensure!(driver.answer("connecting").await? == "ready", "the driver is not ready");
        Ok(driver)
    }

    /// Has the client do something; answers its answer.
    ///
    /// # Errors
    /// It ended, or does not answer in two minutes.
    pub async fn tell(&mut self, command: &str) -> Result<Value> {
        self.input.write_all(format!("{command}\n").as_bytes()).await.with_context(|| command.to_string())?;
        self.answer(command).await
    }

    /// Waits for all tasks, and fails unless every result is there and right.
    ///
    /// # Errors
    /// Results are missing or wrong, or not there in time.
    pub async fn all_is_right(&mut self) -> Result<()> {
        self.tell("wait 90").await?;
        let wrong = self.tell("check").await?;
        ensure!(wrong == serde_json::json!([]), "results: {wrong}");
        Ok(())
    }

    /// What went wrong so far.
    ///
    /// # Errors
    /// Those of [`Driver::tell`].
    pub async fn troubles(&mut self) -> Result<Troubles> {
        let found = self.tell("troubles").await?;
        let count = |key: &str| found[key].as_u64().with_context(|| format!("{key} in {found}"));
        Ok(Troubles {
            suspicious: count("suspicious")?,
            erred: count("erred")?,
            p2p_runs: count("p2p_runs")?,
        })
    }

    /// Fails unless no task lost a worker, failed, or ran more than once.
    ///
    /// # Errors
    /// One did.
    pub async fn nothing_was_lost(&mut self) -> Result<()> {
        self.all_is_right().await?;
        let troubles = self.troubles().await?;
        ensure!(troubles.suspicious == 0 && troubles.erred == 0, "{troubles:?}");
        let runs = self.tell("runs").await?;
        ensure!(runs["most"].as_u64().is_some_and(|n| n <= 1), "a task ran more than once: {runs}");
        Ok(())
    }

    async fn answer(&mut self, command: &str) -> Result<Value> {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        let line = line.with_context(|| format!("no answer to {command:?}"))??;
        let line = line.with_context(|| format!("the driver ended at {command:?}"))?;
        serde_json::from_str(&line).with_context(|| format!("{command:?} answered {line:?}"))
    }
}
