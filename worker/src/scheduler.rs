//! Talking to the scheduler: where it is, and whether it is there at all.

use std::{net::IpAddr, time::Duration};

use dask_comm::{CommError, Connection, Limits, SchedulerClient, Timeouts};
use thiserror::Error;

use crate::{
    stream::{self, Stream},
    tls::Tls,
};

/// Bounds on what a scheduler may make us read; an identity is about 1 KiB a worker.
const LIMITS: Limits = Limits { max_message_bytes: 32 << 20, max_frames: 64, max_depth: 32 };
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
#[derive(Clone, Debug)]
pub struct Scheduler {
    /// Host and port, as `host:port` or `[v6]:port`.
    host: String,
    /// How connections are secured, to it and to its workers.
    tls: Option<Tls>,
}

/// A scheduler that is asked, and our own address as it sees it.
#[derive(Debug)]
pub struct Conversation {
    /// Asks it.
    pub client: SchedulerClient<Stream>,
    /// Our own address.
    pub own: IpAddr,
}

impl Scheduler {
    /// The scheduler at this address, if it is one that this program can talk to: `tcp://host:port`, or with `tls` also
    /// `tls://host:port`.
    pub fn at(address: &str, tls: Option<Tls>) -> Option<Self> {
        let (scheme, host) = address.split_once("://")?;
        let tls = match scheme {
            "tcp" => None,
            "tls" => Some(tls?),
            _ => return None,
        };
        let host = host.trim_end_matches('/');
        let (name, port) = host.rsplit_once(':')?;
        (!name.is_empty() && port.parse::<u16>().is_ok()).then(|| Self { host: host.into(), tls })
    }

    /// The scheme of its address, and of its workers'.
    pub fn scheme(&self) -> &'static str {
        stream::scheme(self.tls())
    }

    /// How connections are secured.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    async fn dial(&self) -> std::io::Result<(Stream, IpAddr)> {
        let sni = self.tls.as_ref().and_then(|tls| tls.sni.as_deref());
        stream::connect(&self.host, self.tls.as_ref(), sni).await
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
    pub async fn open(&self) -> Result<(Connection<Stream>, IpAddr), AskError> {
        self.open_within(Timeouts::default()).await
    }

    async fn open_within(&self, timeouts: Timeouts) -> Result<(Connection<Stream>, IpAddr), AskError> {
        let nobody = |source| AskError::Nobody { address: self.host.clone(), source };
        let (stream, own) = self.dial().await.map_err(nobody)?;
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
            assert!(Scheduler::at(good, None).is_some(), "{good}");
        }
        for bad in ["tls://a:1", "a:1", "tcp://a", "tcp://:1", "tcp://a:x", ""] {
            assert!(Scheduler::at(bad, None).is_none(), "{bad}");
        }
    }
}
