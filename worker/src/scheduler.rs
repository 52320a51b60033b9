//! Talking to the scheduler: where it is, and whether it is there at all.

use std::{net::IpAddr, time::Duration};

use dask_comm::{CommError, Connection, Limits, SchedulerClient, Timeouts};
use futures::FutureExt;
use thiserror::Error;
use tokio::io::AsyncReadExt;

use crate::{
    stream::{self, Stream},
    tls::Tls,
};

/// Bounds on what a scheduler may make us read; an identity is about 1 KiB a worker.
const LIMITS: Limits = Limits { max_message_bytes: 32 << 20, max_frames: 64, max_depth: 32 };
/// Bounds on what comes by way of the nanny, which may be whole folders: who sends it may run anything here anyhow.
pub const BULK: Limits = Limits { max_message_bytes: 1 << 30, max_frames: 16 << 10, max_depth: 64 };
/// Longest time for such a message.
pub const BULK_TIME: Duration = Duration::from_secs(120);
/// Between two looks whether it is still there.
const PROBE: Duration = Duration::from_millis(300);
/// Looks in a row that must fail before it counts as gone.
const FAILED: u32 = 2;
/// Among so many looks at a connection that stays open there is one whether another can be made: a node that is
/// gone closes nothing.
const ALSO_DIALED: u32 = 16;

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

impl AskError {
    /// Whether it shows a certificate that is not believed: asking again is of no use.
    pub fn is_distrust(&self) -> bool {
        let Self::Nobody { source, .. } = self else { return false };
        let inner = source.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
        matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
    }
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
        let (connection, own) = self.open_with(LIMITS, Timeouts { retire, ..Timeouts::default() }).await?;
        Ok(Conversation { client: connection.into(), own })
    }

    /// Connects, for messages of all kinds; our own address as it sees it.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn open(&self) -> Result<(Connection<Stream>, IpAddr), AskError> {
        self.open_with(LIMITS, Timeouts::default()).await
    }

    /// Connects, for messages of all sizes.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn open_bulk(&self) -> Result<Connection<Stream>, AskError> {
        let timeouts = Timeouts { request: BULK_TIME, ..Timeouts::default() };
        Ok(self.open_with(BULK, timeouts).await?.0)
    }

    async fn open_with(
        &self,
        limits: Limits,
        timeouts: Timeouts,
    ) -> Result<(Connection<Stream>, IpAddr), AskError> {
        let nobody = |source| AskError::Nobody { address: self.host.clone(), source };
        let (stream, own) = self.dial().await.map_err(nobody)?;
        let connection = Connection::handshake(stream, limits, timeouts).await;
        Ok((connection.map_err(|source| self.failed(source))?, own))
    }

    /// A conversation with it failed.
    pub fn failed(&self, source: CommError) -> AskError {
        AskError::Comm { address: self.host.clone(), source }
    }

    /// Returns when nobody listens there any more. A scheduler that is busy still does: its system takes connections.
    pub async fn lost(&self) {
        // One that has TLS takes note of each connection without a handshake: one that stays open tells as well.
        let mut line = None;
        let (mut failed, mut probes) = (0, 0_u32);
        while failed < FAILED {
            tokio::time::sleep(PROBE).await;
            probes += 1;
            if line.as_mut().is_some_and(is_open) && !probes.is_multiple_of(ALSO_DIALED) {
                continue;
            }
            failed = if stream::reach(&self.host).await.is_ok() { 0 } else { failed + 1 };
            if failed == 0 && self.tls.is_some() && line.as_mut().is_none_or(|line| !is_open(line)) {
                line = self.dial().await.ok().map(|(stream, _)| stream);
            }
        }
    }
}

/// Whether the other side has not closed it. Nothing is expected on it but Dask's greeting, which is thrown away.
fn is_open(stream: &mut Stream) -> bool {
    let mut bytes = [0; 1024];
    loop {
        match stream.read(&mut bytes).now_or_never() {
            None => return true,
            Some(Ok(n)) if n > 0 => {}
            Some(_) => return false,
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
