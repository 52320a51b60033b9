//! The hello both sides send at once when a connection opens.

use crate::{CommError, Limits, Timeouts, frames, message, raw::Raw, tls, tokens::Token, typed};
use rmpv::Value;
use std::{io::ErrorKind, time::Duration};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest hello, bytes; a real one has 66.
const LONGEST: usize = 4 << 10;

/// Pickle protocol we name: the newest, which every Python since 3.8 speaks; we never unpickle ourselves.
const PICKLE_PROTOCOL: u64 = 5;
/// Python version we name, the oldest the supported Dask releases run on; peers only note it.
const PYTHON: [u64; 3] = [3, 9, 0];

/// What a side says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Compression wanted; used only if both sides name the same one.
    pub compression: Option<String>,
    /// Python version, e.g. `[3, 11, 7]`; informational, may be missing.
    pub python: Option<Vec<u64>>,
    /// Newest pickle protocol understood; the lower of both sides is used.
    pub pickle_protocol: u64,
}

impl Default for Hello {
    /// Ours: without compression, so the peer never compresses.
    fn default() -> Self {
        Self { compression: None, python: Some(PYTHON.to_vec()), pickle_protocol: PICKLE_PROTOCOL }
    }
}

impl Hello {
    /// The hello as a message value, keys in Python's order.
    pub fn to_value(&self) -> Value {
        let mut map =
            vec![("compression".into(), self.compression.as_deref().map_or(Value::Nil, Value::from))];
        if let Some(python) = &self.python {
            map.push(("python".into(), Value::Array(python.iter().map(|&n| n.into()).collect())));
        }
        map.push(("pickle-protocol".into(), self.pickle_protocol.into()));
        Value::Map(map)
    }

    /// Reads a peer's hello.
    ///
    /// # Errors
    /// [`CommError::Malformed`] if a key every Dask sends is missing or of another type.
    pub fn read(bytes: &[u8]) -> Result<Self, CommError> {
        let malformed = |what: &str| CommError::Malformed(format!("hello: {what}"));
        let hello = Raw::whole(bytes)?;
        let mut names = hello.entries().into_iter().flatten().filter_map(|(key, _)| key.as_str());
        if !names.any(|name| name == "compression") {
            return Err(malformed("compression"));
        }
        let [compression, protocol, python] = hello.fields(["compression", "pickle-protocol", "python"]);
        let compression = match compression.token() {
            Token::Nil => None,
            Token::Text(_) => Some(typed::text(compression, "hello: compression")?),
            _ => return Err(malformed("compression")),
        };
        let pickle_protocol = protocol.as_u64().ok_or_else(|| malformed("pickle-protocol"))?;
        let python = python.elements().map(|parts| parts.take(3).filter_map(Raw::as_u64).collect());
        Ok(Self { compression, python, pickle_protocol })
    }
}

/// Says `ours` and hears the peer's hello; client and server do the same, each writing before it reads.
///
/// # Errors
/// [`CommError::Timeout`] if a step takes longer than `timeouts.handshake`, [`CommError::NoHello`] and
/// [`CommError::SpeaksTls`] if the peer is none that speaks Dask's protocol in the clear, and what reading a
/// message and [`Hello::read`] can answer.
pub async fn exchange<S>(
    stream: &mut S,
    ours: &Hello,
    limits: &Limits,
    timeouts: &Timeouts,
) -> Result<Hello, CommError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let wire = frames::encode(&[message::encode(&ours.to_value())?]);
    within("handshake write", timeouts.handshake, async {
        stream.write_all(&wire).await?;
        Ok(stream.flush().await?)
    })
    .await?;
    let limits = Limits { max_message_bytes: limits.max_message_bytes.min(LONGEST), ..*limits };
    let frames = within("handshake read", timeouts.handshake, hear(stream, &limits)).await?;
    Hello::read(frames.first().map_or(&[], |f| f))
}

/// The frames of the peer's hello.
async fn hear<S: AsyncRead + Unpin>(stream: &mut S, limits: &Limits) -> Result<Vec<bytes::Bytes>, CommError> {
    let mut first = [0; 2];
    match stream.read(&mut first[..1]).await {
        Ok(0) => return Err(CommError::NoHello),
        Err(e) if e.kind() == ErrorKind::ConnectionReset => return Err(CommError::NoHello),
        other => other?,
    };
    stream.read_exact(&mut first[1..]).await?;
    if first == tls::ALERT {
        return Err(CommError::SpeaksTls);
    }
    Ok(frames::read_shared(stream, &first, limits, None).await?.0)
}

/// `work`, given up after `limit`.
pub(crate) async fn within<T>(
    step: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, CommError>>,
) -> Result<T, CommError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(CommError::Timeout { step: step.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mandatory_keys() {
        for missing in ["compression", "pickle-protocol"] {
            let Value::Map(mut map) = Hello::default().to_value() else { panic!("not a map") };
            map.retain(|(key, _)| key.as_str() != Some(missing));
            let bytes = message::encode(&Value::Map(map)).unwrap();
            assert!(matches!(Hello::read(&bytes), Err(CommError::Malformed(_))));
        }
        let without_python = Hello { python: None, compression: Some("lz4".into()), pickle_protocol: 4 };
        let bytes = message::encode(&without_python.to_value()).unwrap();
        assert_eq!(Hello::read(&bytes).unwrap(), without_python);
    }
}
