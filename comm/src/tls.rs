//! Whether a peer that has no hello for us speaks TLS. Nothing here speaks it.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The first bytes of a TLS record that carries an alert, of any version.
pub(crate) const ALERT: [u8; 2] = [0x15, 0x03];
/// The same of one that carries a handshake.
const HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// A `ClientHello` of TLS 1.2 without extensions (RFC 5246, 7.4.1.2). Every server of TLS answers it: with a
/// hello of its own, or with an alert.
const CLIENT_HELLO: [u8; 54] =
    *b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03dask-operator asks: is this TLS?\
    \x00\x00\x06\xc0\x2f\xc0\x2b\x00\x9c\x01\x00";

/// Whether the peer at the other end of `stream`, just opened, answers a hello of TLS within `limit`.
pub async fn answers<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, limit: Duration) -> bool {
    let talk = async {
        stream.write_all(&CLIENT_HELLO).await?;
        stream.flush().await?;
        let mut first = [0; 2];
        stream.read_exact(&mut first).await.map(|_| first)
    };
    matches!(tokio::time::timeout(limit, talk).await, Ok(Ok(ALERT | HANDSHAKE)))
}
