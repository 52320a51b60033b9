//! Which streams belong together: one for the bytes of a connection, one for its errors.

use std::collections::HashMap;

use bytes::Bytes;
use tokio::sync::mpsc::Receiver;

use super::headers::Headers;

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Error,
}

/// What a client wants of a new stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub kind: Kind,
    pub port: u16,
    /// What both streams of a pair have in common.
    pub request: String,
}

/// What no stream is for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PairError {
    #[error("the header {0} is required")]
    Missing(&'static str),
    #[error("{0:?} is no port")]
    Port(String),
    #[error("{0:?} is no type of a stream")]
    Kind(String),
    #[error("the {0:?} stream of request {1:?} is there already")]
    Twice(Kind, String),
}

impl Asked {
    /// Reads the headers of a stream.
    pub(super) fn read(stream: u32, headers: &Headers) -> Result<Self, PairError> {
        let given = |name| headers.get(name).filter(|v| !v.is_empty()).ok_or(PairError::Missing(name));
        let (port, kind) = (given("port")?, given("streamtype")?);
        let number = port.parse().ok().filter(|port| *port > 0);
        let kind = match kind {
            "data" => Kind::Data,
            "error" => Kind::Error,
            _ => return Err(PairError::Kind(kind.into())),
        };
        let request = match (given("requestid"), kind) {
            (Ok(id), _) => id.to_string(),
            // Clients that name none open the stream of errors first, and that of data right after it.
            (Err(_), Kind::Error) => stream.to_string(),
            (Err(_), Kind::Data) => stream.saturating_sub(2).to_string(),
        };
        Ok(Self { kind, port: number.ok_or_else(|| PairError::Port(port.into()))?, request })
    }
}

/// Two streams that are there.
#[derive(Debug)]
pub(super) struct Pair {
    pub port: u16,
    pub data: u32,
    pub error: u32,
    pub from: Receiver<Bytes>,
}

#[derive(Debug, Default)]
struct Half {
    data: Option<(u32, u16, Receiver<Bytes>)>,
    error: Option<u32>,
}

/// Streams that wait for the other one.
#[derive(Debug, Default)]
pub(super) struct Pairs(HashMap<String, Half>);

impl Pairs {
    /// A new stream for errors, and what it completes.
    pub(super) fn error(&mut self, request: String, stream: u32) -> Result<Option<Pair>, PairError> {
        let half = self.0.entry(request.clone()).or_default();
        if half.error.is_some() {
            return Err(PairError::Twice(Kind::Error, request));
        }
        half.error = Some(stream);
        Ok(self.complete(request))
    }

    /// A new stream for data, and what it completes.
    pub(super) fn data(
        &mut self,
        asked: Asked,
        stream: u32,
        from: Receiver<Bytes>,
    ) -> Result<Option<Pair>, PairError> {
        let half = self.0.entry(asked.request.clone()).or_default();
        if half.data.is_some() {
            return Err(PairError::Twice(Kind::Data, asked.request));
        }
        half.data = Some((stream, asked.port, from));
        Ok(self.complete(asked.request))
    }

    /// A stream has ended before there was the other one.
    pub(super) fn forget(&mut self, stream: u32) {
        for half in self.0.values_mut() {
            half.data.take_if(|(data, ..)| *data == stream);
            half.error.take_if(|error| *error == stream);
        }
        self.0.retain(|_, half| half.data.is_some() || half.error.is_some());
    }

    fn complete(&mut self, request: String) -> Option<Pair> {
        match self.0.remove(&request)? {
            Half { data: Some((data, port, from)), error: Some(error) } => {
                Some(Pair { port, data, error, from })
            }
            half => {
                self.0.insert(request, half);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::streams::spdy::headers::{Deflate, Inflate};

    fn asked(stream: u32, headers: &[(&str, &str)]) -> Result<Asked, PairError> {
        let block = Deflate::new().unwrap().block(headers).unwrap();
        Asked::read(stream, &Inflate::new().headers(&block).unwrap())
    }

    #[test]
    fn headers_tell_what_a_stream_is_for() {
        let given = asked(1, &[("port", "8786"), ("streamtype", "data"), ("requestid", "7")]);
        assert_eq!(given, Ok(Asked { kind: Kind::Data, port: 8786, request: "7".into() }));
        let (error, data) = (
            asked(5, &[("port", "1"), ("streamtype", "error")]).unwrap(),
            asked(7, &[("port", "1"), ("streamtype", "data")]).unwrap(),
        );
        assert_eq!(error.request, data.request);
        assert_eq!(asked(1, &[("port", "1")]), Err(PairError::Missing("streamtype")));
        assert_eq!(asked(1, &[("streamtype", "data")]), Err(PairError::Missing("port")));
        assert_eq!(asked(1, &[("port", "1"), ("streamtype", "x")]), Err(PairError::Kind("x".into())));
        for port in ["0", "65536", "-1", "http"] {
            let error = asked(1, &[("port", port), ("streamtype", "data")]);
            assert_eq!(error, Err(PairError::Port(port.into())));
        }
    }

    #[test]
    fn pairs_are_complete_in_either_order_and_never_twice() {
        let data = |request: &str| Asked { kind: Kind::Data, port: 1, request: request.into() };
        let from = || mpsc::channel(1).1;
        let mut pairs = Pairs::default();
        assert!(pairs.error("a".into(), 1).unwrap().is_none());
        assert!(pairs.data(data("b"), 3, from()).unwrap().is_none());
        assert_eq!(pairs.error("a".into(), 5).unwrap_err(), PairError::Twice(Kind::Error, "a".into()));
        let pair = pairs.data(data("a"), 7, from()).unwrap().unwrap();
        assert_eq!((pair.error, pair.data), (1, 7));
        assert!(pairs.data(data("b"), 9, from()).is_err());
        pairs.forget(3);
        assert!(pairs.0.is_empty());
    }
}
