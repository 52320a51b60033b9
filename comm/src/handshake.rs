//! The hello both sides send at once when a connection opens.

use crate::{CommError, Limits, Timeouts, frames, message, typed};
use rmpv::Value;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

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
    pub fn from_value(value: &Value) -> Result<Self, CommError> {
        let malformed = |what: &str| CommError::Malformed(format!("hello: {what}"));
        let compression = match typed::field(value, "compression") {
            Some(Value::Nil) => None,
            Some(Value::String(name)) => {
                Some(typed::short(name.as_str().unwrap_or_default(), "hello: compression")?)
            }
            _ => return Err(malformed("compression")),
        };
        let pickle_protocol = typed::field(value, "pickle-protocol")
            .and_then(Value::as_u64)
            .ok_or_else(|| malformed("pickle-protocol"))?;
        let python = typed::field(value, "python")
            .and_then(Value::as_array)
            .map(|parts| parts.iter().take(3).filter_map(Value::as_u64).collect());
        Ok(Self { compression, python, pickle_protocol })
    }
}

/// Says `ours` and hears the peer's hello; client and server do the same, each writing before it reads.
///
/// # Errors
/// [`CommError::Timeout`] if a step takes longer than `timeouts.handshake`, and what reading a message and
/// [`Hello::from_value`] can answer.
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
    let frames = within("handshake read", timeouts.handshake, frames::read(stream, None, limits)).await?;
    Hello::from_value(&message::decode(frames.first().map_or(&[], |f| f), limits)?)
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
            assert!(matches!(Hello::from_value(&Value::Map(map)), Err(CommError::Malformed(_))));
        }
        let without_python = Hello { python: None, compression: Some("lz4".into()), pickle_protocol: 4 };
        assert_eq!(Hello::from_value(&without_python.to_value()).unwrap(), without_python);
    }
}
