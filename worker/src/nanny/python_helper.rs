//! The helper: a Python process, started when something needs one, that runs plugins and functions for the nanny.

use std::time::Duration;

use dask_comm::{CommError, Connection, Message};
use thiserror::Error;
use tokio::sync::{Mutex, oneshot};

use super::Shared;
use crate::{child::Child, stream::Stream};

/// How long it may take to start.
const START: Duration = Duration::from_secs(60);
/// How long a plugin or a function may take: an installation of packages takes minutes.
const WORK: Duration = Duration::from_secs(3600);

/// What keeps the helper from doing what it should.
#[derive(Debug, Error)]
pub enum HelperError {
    /// It cannot be started.
    #[error("cannot start Python for what needs a Nanny: {0}")]
    Start(std::io::Error),
    /// It ended.
    #[error("Python for what needs a Nanny ended with code {0}; its log tells why")]
    Ended(i32),
    /// It did not come.
    #[error("Python for what needs a Nanny did not start within {} s", START.as_secs())]
    Late,
    /// It broke.
    #[error("Python for what needs a Nanny does not answer: {0}")]
    Comm(#[from] CommError),
}

/// The helper, or none.
#[derive(Debug)]
pub struct Helper {
    /// What starts it.
    line: Vec<String>,
    /// One request after the other: it has one connection.
    running: Mutex<Option<Running>>,
    /// Who waits for the connection of one that starts.
    awaited: std::sync::Mutex<Option<oneshot::Sender<Connection<Stream>>>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    connection: Connection<Stream>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill();
    }
}

impl Helper {
    /// None yet; `line` starts it.
    pub fn new(line: Vec<String>) -> Self {
        Self { line, running: Mutex::default(), awaited: std::sync::Mutex::default() }
    }

    /// Takes over the connection of a helper that came.
    pub fn takes(&self, connection: Connection<Stream>) {
        // One that comes too late ends with its connection.
        if let Some(awaited) = self.awaited().take() {
            let _ = awaited.send(connection);
        }
    }

    /// Has it do what the message asks for; its answer.
    ///
    /// # Errors
    /// See [`HelperError`].
    pub async fn ask(&self, shared: &Shared, message: &Message) -> Result<Message, HelperError> {
        let mut slot = self.running.lock().await;
        let running = match slot.as_mut() {
            Some(running) if running.connection.is_usable() => running,
            _ => {
                *slot = None;
                slot.insert(self.start(shared).await?)
            }
        };
        running.connection.pass_on(message).await?;
        let answer = tokio::select! {
            answer = tokio::time::timeout(WORK, running.connection.read_message()) => answer,
            code = running.child.ended() => return Err(HelperError::Ended(code)),
        };
        let late = || CommError::Timeout { step: "the helper's work".into() };
        answer.unwrap_or_else(|_| Err(late()))?.ok_or(CommError::Closed).map_err(HelperError::from)
    }

    async fn start(&self, shared: &Shared) -> Result<Running, HelperError> {
        tracing::info!("starting Python for what needs a Nanny");
        let mut child = shared.start(&self.line).map_err(HelperError::Start)?;
        let (awaited, came) = oneshot::channel();
        *self.awaited() = Some(awaited);
        tokio::select! {
            Ok(connection) = came => Ok(Running { child, connection }),
            code = child.ended() => Err(HelperError::Ended(code)),
            () = tokio::time::sleep(START) => {
                child.kill();
                Err(HelperError::Late)
            }
        }
    }

    fn awaited(&self) -> std::sync::MutexGuard<'_, Option<oneshot::Sender<Connection<Stream>>>> {
        self.awaited.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Ends it: another scheduler knows nothing of what it did.
    pub fn end(&self) {
        // One that works ends with its connection to that scheduler.
        if let Ok(mut slot) = self.running.try_lock() {
            *slot = None;
        }
    }
}
