//! Talking to the scheduler: where it is, and whether it is there at all.

mod connection;

use std::{sync::Arc, time::Duration};

use dask_comm::{CommError, Connection, Limits, Timeouts};
use thiserror::Error;
use tokio::net::TcpStream;

pub use self::connection::{Client, SharedConnection};
use crate::{
    stream::{self, Stream},
    tls::Tls,
};

/// Bounds on what a scheduler may make us read; an identity is about 1 KiB a worker.
pub const LIMITS: Limits = Limits { max_message_bytes: 32 << 20, max_frames: 64, max_depth: 32 };
/// Bounds on what comes by way of the nanny, which may be whole folders: who sends it may run anything here anyhow.
pub const BULK: Limits = Limits { max_message_bytes: 1 << 30, max_frames: 16 << 10, max_depth: 64 };
/// Longest time for such a message.
pub const BULK_TIME: Duration = Duration::from_secs(120);

/// Why a scheduler cannot be asked.
#[derive(Debug, Error)]
pub enum AskError {
    /// No process listens there.
    #[error("no scheduler at {address}: {source}")]
    NotListening {
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

/// Where a scheduler is, and the conversation with it, which all clones share.
#[derive(Clone, Debug)]
pub struct Scheduler {
    /// Host and port, as `host:port` or `[v6]:port`.
    host: String,
    /// How connections are secured, to it and to its workers.
    tls: Option<Tls>,
    connection: Arc<SharedConnection>,
}

impl AskError {
    /// Whether it shows a certificate that is not believed: asking again is of no use.
    pub fn is_distrust(&self) -> bool {
        let Self::NotListening { source, .. } = self else { return false };
        let inner = source.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
        matches!(inner, Some(rustls::Error::InvalidCertificate(_)))
    }

    /// Whether something there takes connections and keeps them, and did not say anything in time.
    pub fn is_slow(&self) -> bool {
        matches!(self, Self::Comm { source: CommError::Timeout { .. }, .. })
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
        (!name.is_empty() && port.parse::<u16>().is_ok()).then(|| Self {
            host: host.into(),
            tls,
            connection: Arc::default(),
        })
    }

    /// The scheme of its address, and of its workers'.
    pub fn scheme(&self) -> &'static str {
        stream::scheme(self.tls())
    }

    /// How connections are secured.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its address, as Dask writes it.
    pub fn address(&self) -> String {
        format!("{}://{}", self.scheme(), self.host)
    }

    /// The conversation with it.
    pub fn connection(&self) -> &SharedConnection {
        &self.connection
    }

    /// Opens a connection of its own, for messages of all sizes.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn open_bulk(&self) -> Result<Connection<Stream>, AskError> {
        let timeouts = Timeouts { request: BULK_TIME, ..Timeouts::default() };
        let stream = stream::reach(&self.host).await.map_err(|source| self.not_listening(source))?;
        self.greet(stream, BULK, timeouts).await
    }

    /// Makes a connection of a stream: its security, and Dask's greetings.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn greet(
        &self,
        stream: TcpStream,
        limits: Limits,
        timeouts: Timeouts,
    ) -> Result<Connection<Stream>, AskError> {
        let sni = self.tls.as_ref().and_then(|tls| tls.sni.as_deref());
        let secured = stream::secure(stream, self.tls.as_ref(), sni.unwrap_or(&self.host)).await;
        let stream = secured.map_err(|source| match source.kind() {
            std::io::ErrorKind::TimedOut => {
                self.failed(CommError::Timeout { step: "handshake of TLS".into() })
            }
            _ => self.not_listening(source),
        })?;
        let connection = Connection::handshake(stream, limits, timeouts).await;
        connection.map_err(|source| self.failed(source))
    }

    /// No connection can be made.
    pub fn not_listening(&self, source: std::io::Error) -> AskError {
        AskError::NotListening { address: self.host.clone(), source }
    }

    /// A conversation with it failed.
    pub fn failed(&self, source: CommError) -> AskError {
        AskError::Comm { address: self.host.clone(), source }
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
