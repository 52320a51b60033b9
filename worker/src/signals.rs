//! Signals: those that ask the pod to go, and those that are the worker's own.

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// The signals that ask the pod to go: SIGTERM, and SIGINT as a terminal sends it. Each clone hears of all of them.
#[derive(Clone)]
pub struct Leave(watch::Receiver<()>);

impl Leave {
    /// From now on.
    ///
    /// # Errors
    /// The system does not tell of signals.
    pub fn new() -> std::io::Result<Self> {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (ask, leave) = Self::asked_by();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                }
                ask.send_replace(());
            }
        });
        Ok(leave)
    }

    /// What another part of the program asks for.
    pub fn asked_by() -> (watch::Sender<()>, Self) {
        let (ask, asked) = watch::channel(());
        (ask, Self(asked))
    }

    /// Returns when one came.
    pub async fn asked(&mut self) {
        // The sender is never dropped, so `changed()` cannot fail.
        let _ = self.0.changed().await;
    }
}

/// Hands signals on that mean something to a program or nothing; never returns.
pub async fn hand_on(pid: Pid) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut first = signal(SignalKind::user_defined1())?;
    let mut second = signal(SignalKind::user_defined2())?;
    loop {
        let signal = tokio::select! {
            _ = hangup.recv() => Signal::HUP,
            _ = first.recv() => Signal::USR1,
            _ = second.recv() => Signal::USR2,
        };
        kill_process(pid, signal)?;
    }
}
