//! The nanny's life: it registers, starts the worker, and does what follows when that ends.

use std::{sync::Arc, time::Duration};

use dask_worker_line::WorkerLine;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    Now, Order, Outcome, Pod, Shared,
    find_scheduler::persist,
    memory_watchdog,
    python_helper::Helper,
    readiness,
    restart_policy::{Ended, Next, RestartPolicy},
    rpc_server,
    scheduler_rpc::{self, Registered},
    scratch_dir, terminate,
    worker_env::Changes,
};
use crate::{
    child::Child,
    metrics::Part,
    python_module::{NEEDS_NANNY, module, token},
    readiness::phase,
    scheduler::Scheduler,
    signals::Leave,
};

/// Time for the worker's end where all is to end.
const TERMINATE: Duration = Duration::from_secs(5);

/// A worker that runs the line with the agent as its nanny.
pub async fn run(
    line: &WorkerLine,
    scheduler: &Scheduler,
    pod: &Pod,
    signals: &mut Leave,
) -> std::io::Result<Outcome> {
    let open = tokio::select! {
        open = persist(line.death_timeout, async || scheduler.conversation().await) => open,
        () = signals.asked() => return Ok(Outcome::Leave(vec![], None)),
    };
    let own = match open {
        Ok(Some(_)) => scheduler.connection().facts().own.ok_or(std::io::ErrorKind::NotConnected)?,
        Ok(None) => return Ok(Outcome::NoScheduler(line.death_timeout.unwrap_or_default())),
        Err(error) => {
            tracing::warn!(%error, "the scheduler's certificate is not believed");
            return Ok(Outcome::NeedsNanny);
        }
    };
    let listener = rpc_server::listen(own, line.nanny_port.unwrap_or(0)).await?;
    let at = std::net::SocketAddr::new(own, listener.local_addr()?.port());
    let address = format!("{}://{at}", scheduler.scheme());
    tracing::info!(address, "the worker's nanny");
    let module = module();
    let (orders, ordered) = mpsc::channel(16);
    let shared = Arc::new(Shared {
        scheduler: scheduler.clone(),
        tls: scheduler.tls().cloned(),
        token: token()?,
        place: line.place,
        address,
        now: tokio::sync::watch::Sender::new(Now::default()),
        orders,
        changes: std::sync::Mutex::default(),
        helper: Helper::new(line.helper(&module)),
        pod: pod.clone(),
    });
    tokio::spawn(rpc_server::serve(listener, shared.clone()));
    let nanny = Nanny {
        line: line.worker(&module),
        death_timeout: line.death_timeout,
        scheduler,
        registered: pod.metrics.registered(),
        shared,
        ordered,
        life: RestartPolicy::default(),
    };
    nanny.live(signals).await
}

struct Nanny<'a> {
    line: Vec<String>,
    death_timeout: Option<Duration>,
    scheduler: &'a Scheduler,
    registered: Part,
    shared: Arc<Shared>,
    ordered: mpsc::Receiver<Order>,
    life: RestartPolicy,
}

/// Why a worker's process is no more.
enum Over {
    Ended(Ended),
    Leave(Child),
    /// It ended, and the pod has to go.
    Gone,
    Terminated(i32),
}

impl Nanny<'_> {
    /// With one scheduler after the other.
    async fn live(mut self, signals: &mut Leave) -> std::io::Result<Outcome> {
        loop {
            let registered = tokio::select! {
                registered = self.register() => registered,
                () = signals.asked() => return Ok(Outcome::Leave(vec![], None)),
            };
            let Some(mut registered) = registered else {
                return Ok(Outcome::NoScheduler(self.death_timeout.unwrap_or_default()));
            };
            if let Some(outcome) = self.workers(&mut registered, signals).await? {
                return Ok(outcome);
            }
            tracing::warn!("the scheduler is gone; waiting for the next one");
            self.shared.helper.end();
            self.shared.change(Changes::default());
        }
    }

    /// Registers, and has the plugins that the scheduler knows set up.
    async fn register(&self) -> Option<Registered> {
        let with = async || Registered::with(self.scheduler, &self.shared.address).await;
        let (registered, answer) = persist(self.death_timeout, with).await.ok()??;
        for plugin in scheduler_rpc::plugins(&answer) {
            if let Err(error) = self.shared.helper.ask(&self.shared, &plugin).await {
                tracing::warn!(%error, "a plugin for the nanny cannot be set up");
            }
        }
        Some(registered)
    }

    /// One worker after the other. `None`: the scheduler is gone.
    async fn workers(
        &mut self,
        registered: &mut Registered,
        signals: &mut Leave,
    ) -> std::io::Result<Option<Outcome>> {
        loop {
            let ended = match self.worker(registered, signals).await? {
                Over::Leave(child) => return Ok(Some(Outcome::Leave(vec![child], None))),
                Over::Gone => return Ok(Some(Outcome::Leave(vec![], None))),
                Over::Terminated(code) => return Ok(Some(Outcome::Ended(code))),
                Over::Ended(ended) if ended.code == NEEDS_NANNY && !ended.registered => {
                    registered.begun(false).await;
                    return Ok(Some(Outcome::NeedsNanny));
                }
                Over::Ended(ended) => ended,
            };
            registered.begun(false).await;
            let (wait, is_same) = match self.life.after(&ended) {
                Next::Exit(code) => return Ok(Some(Outcome::Ended(code))),
                Next::AnotherScheduler(wait) => (wait, false),
                Next::Again(wait) => {
                    tracing::warn!(code = ended.code, wait = wait.as_secs(), "starting the worker again");
                    self.shared.pod.metrics.restarts.inc();
                    (wait, true)
                }
            };
            let over = self.pause(wait, ended.code, signals).await;
            if over.is_some() || !is_same {
                return Ok(over);
            }
        }
    }

    /// Waits before the next worker; answers how it came out where there is to be none.
    async fn pause(&mut self, wait: Duration, code: i32, signals: &mut Leave) -> Option<Outcome> {
        tokio::select! {
            () = tokio::time::sleep(wait) => None,
            () = signals.asked() => Some(Outcome::Leave(vec![], None)),
            order = self.ordered.recv() => match order {
                // There is none to be ended.
                Some(Order::Kill(_, _, done)) => {
                    drop(done);
                    None
                }
                _ => Some(Outcome::Ended(code)),
            },
        }
    }

    /// One worker, from its start to its end.
    async fn worker(&mut self, registered: &mut Registered, signals: &mut Leave) -> std::io::Result<Over> {
        self.shared.now.send_modify(|now| (now.worker, now.told) = (None, None));
        let running = &self.shared.pod.metrics.running;
        let (mut child, start) = (self.shared.start(&self.line)?.counted(running), Instant::now());
        let (mut now, mut memory) = (self.shared.now.subscribe(), self.shared.now.subscribe());
        let (mut there_now, phase) = (self.shared.now.subscribe(), phase());
        let mut begun = false;
        let mut killed = None;
        let code = loop {
            tokio::select! {
                code = child.ended() => break code,
                () = readiness::watch(self.scheduler, &mut there_now, &mut self.registered, phase) => {}
                () = signals.asked() => return Ok(Over::Leave(child)),
                () = there(&mut now), if !begun => {
                    // Not the session's leader, which may be a wrapper.
                    let pid = self.shared.now.borrow().worker.as_ref().map(|w| w.pid);
                    self.shared.set_worker_pid(pid);
                    registered.begun(true).await;
                    begun = true;
                }
                resident = memory_watchdog::exceeded(&mut memory, &self.shared) => {
                    break terminate::too_big(&self.shared, registered, &mut child, resident).await;
                }
                order = self.ordered.recv() => match order {
                    Some(Order::Kill(within, reason, done)) => {
                        killed = Some(done);
                        tokio::select! {
                            code = terminate::end(&self.shared, &mut child, within, &reason) => break code,
                            () = signals.asked() => return Ok(Over::Leave(child)),
                        }
                    }
                    Some(Order::Terminate(reason)) => {
                        let code = terminate::end(&self.shared, &mut child, TERMINATE, &reason).await;
                        return Ok(Over::Terminated(code));
                    }
                    None => {}
                },
            }
        };
        tokio::select! {
            ended = self.after(registered, code, start.elapsed(), killed) => Ok(Over::Ended(ended)),
            () = signals.asked() => Ok(Over::Gone),
        }
    }

    /// What is known of the end of a worker's process, and what is to be done with what it left.
    async fn after(
        &mut self,
        registered: &mut Registered,
        code: i32,
        lived: Duration,
        killed: Option<oneshot::Sender<()>>,
    ) -> Ended {
        self.shared.set_worker_pid(None);
        self.registered.set(0);
        let Now { worker, told, .. } = self.shared.now.borrow().clone();
        self.shared.now.send_modify(|now| now.worker = None);
        let same_scheduler = registered.is_same().await;
        let ended_by_us = killed.is_some();
        if let Some(worker) = &worker {
            if same_scheduler == Some(true) && (ended_by_us || told.is_none()) {
                registered.unregister(&worker.address).await;
            }
            match scratch_dir::remove(&worker.folder) {
                Err(error) => tracing::warn!(%error, "the dead worker's folder stays"),
                Ok(removed) => tracing::debug!(removed, "the dead worker's folder"),
            }
        }
        if let Some(done) = killed {
            let _ = done.send(());
        }
        Ended { code, registered: worker.is_some(), lived, ended_by_us, told, same_scheduler }
    }
}

/// Waits for the worker to register.
async fn there(now: &mut tokio::sync::watch::Receiver<Now>) {
    // The sender lives as long as the agent.
    let _ = now.wait_for(|now| now.worker.is_some()).await.map(drop);
}
