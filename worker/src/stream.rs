//! Streams between Dask's processes: TCP, and TLS where the cluster has it.

use std::{io, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tokio_util::either::Either;

use crate::tls::Tls;

/// Longest wait for a connection, and for its handshake.
const CONNECT: Duration = Duration::from_secs(2);
/// The same for one that somebody else makes.
const ACCEPT: Duration = Duration::from_secs(10);

/// A stream.
pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The scheme of addresses.
pub fn scheme(tls: Option<&Tls>) -> &'static str {
    if tls.is_some() { "tls" } else { "tcp" }
}

/// Connects to `host:port`, and says nothing.
///
/// # Errors
/// Nobody listens there.
pub async fn reach(host: &str) -> io::Result<TcpStream> {
    let connected = timeout(CONNECT, TcpStream::connect(host)).await;
    connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Connects to `host:port`; our own address as the other side sees it.
///
/// # Errors
/// Nobody listens there, or it shows no certificate that is believed.
pub async fn connect(
    host: &str,
    tls: Option<&Tls>,
    sni: Option<&str>,
) -> io::Result<(Stream, std::net::IpAddr)> {
    let stream = reach(host).await?;
    let own = stream.local_addr()?.ip().to_canonical();
    let Some(tls) = tls else { return Ok((Either::Left(stream), own)) };
    let connector = TlsConnector::from(tls.client.clone());
    let secured = connector.connect(name(sni.unwrap_or(host)), stream);
    let secured = timeout(CONNECT, secured).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    Ok((Either::Right(Box::new(secured.into())), own))
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

/// The name to ask for. It decides nothing where nobody has several certificates.
fn name(host: &str) -> ServerName<'static> {
    let plain = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let any = || ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
    ServerName::try_from(plain.to_owned()).unwrap_or_else(|_| any())
}
