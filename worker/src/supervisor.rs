//! The agent's life: starts the worker's command, waits for its end or for a signal, and sees that it leaves in order.

use std::time::Duration;

use dask_worker_line::WorkerLine;
use rustix::process::Signal;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::{
    address,
    args::{Mode, Run},
    child::{self, Child},
    drain::{Subject, drain},
    drain_plan::Ending,
    http,
    metrics::Metrics,
    nanny::{self, Logs, Outcome, Pod},
    pre_stop,
    readiness::{self, Watched},
    scheduler::Scheduler,
    signals::{Leave, hand_on},
};

/// For how long a worker that is not registered may be closing.
const CLOSING: Duration = Duration::from_secs(3);
/// How long a command without a registered worker has after SIGTERM.
const NOTHING_HELD: Duration = Duration::from_secs(10);
/// For how long a worker that its scheduler let go may take to end by itself: a Nanny takes about 3 s.
const LET_GO: Duration = Duration::from_secs(6);
/// How long processes have between SIGTERM and SIGKILL.
const TERM: Duration = Duration::from_secs(3);
/// The same where nothing is left to wait for.
const TERM_AT_ONCE: Duration = Duration::from_millis(1200);

/// What keeps the agent from running.
#[derive(Debug, Error)]
pub enum RunError {
    /// The command cannot be started.
    #[error("cannot start the worker's command: {0}")]
    Start(std::io::Error),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(std::io::Error),
    /// The nanny cannot do its work.
    #[error("cannot be the worker's nanny: {0}")]
    Nanny(std::io::Error),
    /// Metrics cannot be set up.
    #[error("cannot count: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Runs the command to its end; the exit code for the pod.
///
/// # Errors
/// See [`RunError`].
pub async fn run(args: &Run, logs: Logs) -> Result<i32, RunError> {
    let metrics = Metrics::new()?;
    let mut signals = Leave::new().map_err(RunError::Signals)?;
    tokio::spawn(serve(args.port, metrics.clone()));
    let scheduler = tokio::select! {
        scheduler = address::scheduler(&args.line, args.scheduler.as_deref()) => scheduler,
        () = signals.asked() => return Ok(0),
    };
    let mut supervisor = Supervisor { args, metrics, signals, scheduler };
    if args.mode == Mode::Full
        && let Some(code) = supervisor.run_nannies(logs).await?
    {
        return Ok(code);
    }
    supervisor.run_command().await
}

/// The agent of one pod: what it was told, and what it has.
struct Supervisor<'a> {
    args: &'a Run,
    metrics: Metrics,
    signals: Leave,
    /// `None`: it cannot be asked.
    scheduler: Option<Scheduler>,
}

impl Supervisor<'_> {
    /// Runs the command as it is; the exit code.
    async fn run_command(&mut self) -> Result<i32, RunError> {
        let args = self.args;
        let mut child = Child::start(&args.line).map_err(RunError::Start)?.counted(&self.metrics.running);
        let (leader, mut registered) = (child.pid(), self.metrics.registered());
        let watched =
            Watched { scheduler: self.scheduler.as_ref(), leader, name: args.worker_name.as_deref() };
        tokio::spawn(hand_on(leader));
        tokio::select! {
            code = child.ended() => {
                tracing::info!(code, "the worker's command ended");
                return Ok(code);
            }
            () = readiness::watch(watched, &mut registered) => {}
            () = self.signals.asked() => {}
        }
        Ok(self.leave(&mut [child]).await)
    }

    /// Runs plain workers as their nanny; the exit code. `None`: this command needs a Nanny of Python.
    async fn run_nannies(&mut self, logs: Logs) -> Result<Option<i32>, RunError> {
        let line = WorkerLine::of(&self.args.line);
        let (Ok(line), Some(scheduler)) = (&line, &self.scheduler) else {
            let why = line.err().map_or_else(|| "the scheduler cannot be asked".into(), |e| e.to_string());
            tracing::warn!(why, "the worker keeps Dask's own Nanny");
            return Ok(None);
        };
        let line = if self.args.dashboard { line.clone() } else { line.clone().without_dashboard() };
        let pod = Pod::new(self.metrics.clone(), logs);
        let outcome = nanny::run(&line, scheduler, &pod, &mut self.signals).await.map_err(RunError::Nanny)?;
        Ok(match outcome {
            Outcome::Ended(code) => {
                tracing::info!(code, "the worker ended");
                Some(code)
            }
            Outcome::Leave(children, code) if children.is_empty() => Some(code.unwrap_or(0)),
            Outcome::Leave(mut children, failed) => {
                let code = self.leave(&mut children).await;
                // One that was just starting ends by the signal that it was sent; a Nanny's code is 0 then, too.
                let code = if code == 128 + Signal::TERM.as_raw() { 0 } else { code };
                Some(failed.unwrap_or(code))
            }
            Outcome::NoScheduler(limit) => {
                tracing::error!(
                    seconds = limit.as_secs(),
                    "no scheduler within the worker's --death-timeout"
                );
                Some(1)
            }
            Outcome::NeedsNanny => {
                tracing::warn!("the worker keeps Dask's own Nanny");
                None
            }
        })
    }

    /// The workers leave, then the processes end; the exit code. Hooks that wait for that learn of both.
    async fn leave(&mut self, children: &mut [Child]) -> i32 {
        self.metrics.leaving.set(1);
        pre_stop::leaving();
        let code = self.leave_in_order(children).await;
        pre_stop::dismiss().await;
        code
    }

    async fn leave_in_order(&mut self, children: &mut [Child]) -> i32 {
        let limit = self.args.time_to_leave();
        tracing::info!(seconds = limit.as_secs(), "the pod is being stopped; its workers leave first");
        let begin = tokio::time::Instant::now();
        let ending = match self.subject(children) {
            None => Ending::CannotAsk,
            Some(subject) => tokio::select! {
                ending = drain(&subject, limit) => ending,
                // Its Nanny was told to end by the scheduler, or it just ended: what it held is elsewhere, or lost.
                code = child::all_ended(children) => return code,
                () = self.signals.asked() => Ending::Hurried,
            },
        };
        tracing::info!(%ending, seconds = begin.elapsed().as_secs_f64(), "left");
        if ending.code().is_some() {
            // Kubernetes shows it as the container's termination message. What follows may be cut short.
            let _ = std::fs::write(&self.args.termination_log, format!("dask-agent: {ending:?}: {ending}\n"));
        }
        let code = end(children, ending, (limit + TERM).saturating_sub(begin.elapsed())).await;
        ending.code().unwrap_or(code)
    }

    /// What is drained, if the scheduler can be asked.
    fn subject(&self, children: &[Child]) -> Option<Subject> {
        Some(Subject {
            scheduler: self.scheduler.clone()?,
            leaders: children.iter().map(Child::pid).collect(),
            name: self.args.worker_name.clone(),
        })
    }
}

/// Serves where that is wanted.
async fn serve(port: u16, metrics: Metrics) {
    if port != 0 {
        // Both kinds of addresses, where there are both.
        let listener = match TcpListener::bind(("::", port)).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind(("0.0.0.0", port)).await,
        };
        match listener {
            Ok(listener) => {
                let served = http::serve(listener, metrics).await;
                tracing::warn!(?served, "the HTTP server ended");
            }
            Err(error) => tracing::warn!(port, %error, "no /readyz and /metrics: the port cannot be used"),
        }
    }
}

/// Ends the processes, those that do not listen by force; `left` is what is left of the pod's time. The exit code of the
/// worker's command.
async fn end(children: &mut [Child], ending: Ending, left: Duration) -> i32 {
    // One that is not registered may be closing just now: a signal in the middle of that leaves Dask's process hanging.
    let let_go = match ending {
        Ending::Left => LET_GO,
        Ending::NoWorker => CLOSING,
        _ => Duration::ZERO,
    };
    if !let_go.is_zero()
        && let Ok(code) = tokio::time::timeout(let_go, child::all_ended(children)).await
    {
        return code;
    }
    for child in &*children {
        child.signal(Signal::TERM);
    }
    let patience = match ending {
        Ending::SchedulerLost | Ending::NothingHeld | Ending::Hurried => TERM_AT_ONCE,
        // As without the agent: Kubernetes' own SIGKILL is the limit.
        Ending::CannotAsk => Duration::MAX,
        // Nothing is held, and a command may have something to put in order.
        Ending::NoWorker => NOTHING_HELD.min(left),
        Ending::NeverReached => left,
        _ => TERM,
    };
    if let Ok(code) = tokio::time::timeout(patience, child::all_ended(children)).await {
        return code;
    }
    for child in &*children {
        child.kill();
    }
    child::all_ended(children).await
}
