//! Streams between Dask's processes: TCP, and TLS where the cluster has it.

use std::{io, time::Duration};

use rustix::net::sockopt;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tokio_util::either::Either;

use crate::tls::Tls;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Longest wait for the handshake of TLS.
const ACCEPT: Duration = Duration::from_secs(10);
/// A connection on which nothing is heard for this long is asked whether it is there (`distributed/comm/tcp.py`, as the
/// following ones).
const KEEP_IDLE: Duration = Duration::from_secs(10);
/// Between two such questions.
const KEEP_INTERVAL: Duration = Duration::from_secs(2);
/// So many without an answer are the end.
const KEEP_COUNT: u32 = 10;
/// Data that the other side's system does not take note of for this long is the end, too.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// A stream.
pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The scheme of addresses.
pub fn scheme(tls: Option<&Tls>) -> &'static str {
    if tls.is_some() { "tls" } else { "tcp" }
}

/// Connects to `host:port`, and says nothing. A peer that is gone without a word, as with its node, is noticed by the system:
/// what the other side does not take note of, and what stays silent, ends as Dask's own connections do.
///
/// # Errors
/// No process listens there.
pub async fn reach(host: &str) -> io::Result<TcpStream> {
    let connected = timeout(CONNECT, TcpStream::connect(host)).await;
    let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, KEEP_IDLE)?;
    sockopt::set_tcp_keepintvl(&stream, KEEP_INTERVAL)?;
    sockopt::set_tcp_keepcnt(&stream, KEEP_COUNT)?;
    let unacknowledged = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(&stream, unacknowledged)?;
    Ok(stream)
}

/// Secures a connection that we made, where there is TLS; `name` is that of the other side, with or without its port.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`], or the other side shows no certificate that is believed.
pub async fn secure(stream: TcpStream, tls: Option<&Tls>, host: &str) -> io::Result<Stream> {
    let Some(tls) = tls else { return Ok(Either::Left(stream)) };
    let secured = TlsConnector::from(tls.client.clone()).connect(name(host), stream);
    let secured = timeout(ACCEPT, secured).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    Ok(Either::Right(Box::new(secured.into())))
}

/// Takes a connection.
///
/// # Errors
/// The other side shows no certificate that is believed.
pub async fn accept(stream: TcpStream, tls: Option<&Tls>) -> io::Result<Stream> {
    stream.set_nodelay(true)?;
    let Some(tls) = tls else { return Ok(Either::Left(stream)) };
    let secured = TlsAcceptor::from(tls.server.clone()).accept(stream);
    let secured = timeout(ACCEPT, secured).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    Ok(Either::Right(Box::new(secured.into())))
}

/// The name to ask for. It matters only where a server has several certificates.
fn name(host: &str) -> ServerName<'static> {
    let plain = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let any = || ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
    ServerName::try_from(plain.to_owned()).unwrap_or_else(|_| any())
}
