//! Talking to the scheduler: where it is, and whether it is there at all.

use std::{net::IpAddr, time::Duration};

use dask_comm::{CommError, Connection, Limits, SchedulerClient, Timeouts};
use thiserror::Error;
use tokio::net::TcpStream;

/// Bounds on what a scheduler may make us read; an identity is about 1 KiB a worker.
const LIMITS: Limits = Limits { max_message_bytes: 32 << 20, max_frames: 64, max_depth: 32 };
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Between two looks whether it is still there.
const PROBE: Duration = Duration::from_millis(300);
/// Looks in a row that must fail before it counts as gone.
const FAILED: u32 = 2;

/// Why a scheduler cannot be asked.
#[derive(Debug, Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error("no scheduler at {address}: {source}")]
    Nobody {
        /// Where it should be.
        address: String,
        /// What the connection said.
        source: std::io::Error,
    },
    /// The conversation failed.
    #[error("the scheduler at {address} does not answer as it should: {source}")]
    Comm {
        /// Where it is.
        address: String,
        /// What went wrong.
        source: CommError,
    },
}

/// Where a scheduler is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduler {
    /// Host and port, as `host:port` or `[v6]:port`.
    host: String,
}

/// A scheduler that is asked, and our own address as it sees it.
#[derive(Debug)]
pub struct Conversation {
    /// Asks it.
    pub client: SchedulerClient<TcpStream>,
    /// Our own address.
    pub own: IpAddr,
}

impl Scheduler {
    /// The scheduler at this address, if it is one that this program can talk to: `tcp://host:port`.
    pub fn at(address: &str) -> Option<Self> {
        let host = address.strip_prefix("tcp://")?.trim_end_matches('/');
        let (name, port) = host.rsplit_once(':')?;
        (!name.is_empty() && port.parse::<u16>().is_ok()).then(|| Self { host: host.into() })
    }

    async fn dial(&self) -> std::io::Result<TcpStream> {
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        tokio::time::timeout(CONNECT, TcpStream::connect(&self.host)).await.unwrap_or_else(|_| Err(late()))
    }

    /// Connects; a retirement may then take up to `retire`.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn connect(&self, retire: Duration) -> Result<Conversation, AskError> {
        let (connection, own) = self.open_within(Timeouts { retire, ..Timeouts::default() }).await?;
        Ok(Conversation { client: connection.into(), own })
    }

    /// Connects, for messages of all kinds; our own address as it sees it.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn open(&self) -> Result<(Connection<TcpStream>, IpAddr), AskError> {
        self.open_within(Timeouts::default()).await
    }

    async fn open_within(&self, timeouts: Timeouts) -> Result<(Connection<TcpStream>, IpAddr), AskError> {
        let nobody = |source| AskError::Nobody { address: self.host.clone(), source };
        let stream = self.dial().await.map_err(nobody)?;
        let own = stream.local_addr().map_err(nobody)?.ip().to_canonical();
        let connection = Connection::handshake(stream, LIMITS, timeouts).await;
        Ok((connection.map_err(|source| self.failed(source))?, own))
    }

    /// A conversation with it failed.
    pub fn failed(&self, source: CommError) -> AskError {
        AskError::Comm { address: self.host.clone(), source }
    }

    /// Returns when nobody listens there any more. A scheduler that is busy still does: its system takes connections.
    pub async fn lost(&self) {
        let mut failed = 0;
        while failed < FAILED {
            tokio::time::sleep(PROBE).await;
            failed = if self.dial().await.is_ok() { 0 } else { failed + 1 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_understood() {
        for good in ["tcp://a.b.svc:8786", "tcp://[::1]:8786", "tcp://10.0.0.1:1/"] {
            assert!(Scheduler::at(good).is_some(), "{good}");
        }
        for bad in ["tls://a:1", "a:1", "tcp://a", "tcp://:1", "tcp://a:x", ""] {
            assert!(Scheduler::at(bad).is_none(), "{bad}");
        }
    }
}
