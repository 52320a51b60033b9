//! One connection of SPDY: its streams, and the pod's ports that they lead to.

use std::{collections::HashMap, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::{
    sync::mpsc::{self, Sender, error::TrySendError},
    task::{AbortHandle, JoinSet},
};

use super::{
    frame::{self, Decoder, Frame, FrameError, Reset},
    headers::{Deflate, HeadersError, Inflate},
    pairs::{Asked, Kind, Pair, PairError, Pairs},
};
use crate::streams::{
    pod::{Pod, WAITING},
    wire::Wire,
};

/// Most streams at once, of which each connection takes two.
const MOST: usize = 1024;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Headers(#[from] HeadersError),
    #[error("the client is gone")]
    Gone,
}

/// A stream that is open.
enum Open {
    /// Nothing is expected from the client.
    Error,
    /// Without a sender once the client has sent its end.
    Data { to: Option<Sender<Bytes>>, carried: Option<Carried> },
}

/// What carries the bytes of a stream.
struct Carried {
    error: u32,
    task: AbortHandle,
}

struct Session {
    pod: Arc<Pod>,
    outgoing: Sender<Bytes>,
    decoder: Decoder,
    inflate: Inflate,
    deflate: Deflate,
    streams: HashMap<u32, Open>,
    pairs: Pairs,
    /// Tell the streams that they have ended, of data and of errors.
    tasks: JoinSet<(u32, u32)>,
    /// Numbers of streams only grow.
    last: u32,
}

/// Serves one connection until its client ends it, or sends what is not SPDY.
pub(in crate::streams) async fn serve(wire: Wire, pod: Pod) {
    let (mut incoming, outgoing, mut writer) = wire.start();
    let mut session = match Session::new(pod, outgoing) {
        Ok(session) => session,
        Err(error) => return tracing::warn!(%error, "no connection to a pod"),
    };
    let mut buffer = BytesMut::new();
    loop {
        tokio::select! {
            bytes = incoming.next() => {
                let Some(Ok(bytes)) = bytes else { break };
                buffer.extend_from_slice(&bytes);
                match session.take(&mut buffer).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::debug!(%error, "a connection to a pod ends");
                        // Who is gone is told nothing.
                        let _ = session.send(frame::go_away(session.last)).await;
                        break;
                    }
                }
            },
            Some(Ok((data, error))) = session.tasks.join_next() => session.ended(data, error),
            () = writer.ended() => break,
        }
    }
    session.tasks.shutdown().await;
    drop(session);
    writer.finish(incoming).await;
}

impl Session {
    fn new(pod: Pod, outgoing: Sender<Bytes>) -> Result<Self, HeadersError> {
        Ok(Self {
            pod: Arc::new(pod),
            outgoing,
            decoder: Decoder::default(),
            inflate: Inflate::new(),
            deflate: Deflate::new()?,
            streams: HashMap::new(),
            pairs: Pairs::default(),
            tasks: JoinSet::new(),
            last: 0,
        })
    }

    /// All whole frames; false if the client says that it goes.
    async fn take(&mut self, buffer: &mut BytesMut) -> Result<bool, SessionError> {
        while let Some(frame) = self.decoder.next(buffer)? {
            match frame {
                Frame::SynStream { stream, fin, block } => self.opened(stream, fin, &block).await?,
                // Not of interest, but later ones are compressed with what it says.
                Frame::Headers { block } => drop(self.inflate.headers(&block)?),
                Frame::Data { stream, fin, bytes } => self.data(stream, fin, bytes).await?,
                Frame::RstStream { stream } => self.reset(stream).await?,
                // Even ones are answers to pings of a server.
                Frame::Ping { id } if id % 2 == 1 => self.send(frame::ping(id)).await?,
                Frame::Ping { .. } | Frame::Ignored => {}
                Frame::GoAway => return Ok(false),
            }
        }
        Ok(true)
    }

    async fn send(&self, frame: Bytes) -> Result<(), SessionError> {
        self.outgoing.send(frame).await.map_err(|_| SessionError::Gone)
    }

    async fn opened(&mut self, stream: u32, fin: bool, block: &[u8]) -> Result<(), SessionError> {
        let headers = self.inflate.headers(block)?;
        if stream.is_multiple_of(2) || stream <= self.last {
            return self.send(frame::reset(stream, Reset::ProtocolError)).await;
        }
        self.last = stream;
        if self.streams.len() >= MOST {
            return self.send(frame::reset(stream, Reset::RefusedStream)).await;
        }
        let opened = Asked::read(stream, &headers).and_then(|asked| self.paired(stream, fin, asked));
        match opened {
            Ok(pair) => {
                let block = self.deflate.block(&[])?;
                self.send(frame::syn_reply(stream, &block)).await?;
                // Not before the reply: a client drops what it gets earlier.
                pair.into_iter().for_each(|pair| self.forward(pair));
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, stream, "a stream is refused");
                self.send(frame::reset(stream, Reset::Cancel)).await
            }
        }
    }

    fn paired(&mut self, stream: u32, fin: bool, asked: Asked) -> Result<Option<Pair>, PairError> {
        let (open, pair) = match asked.kind {
            Kind::Error => (Open::Error, self.pairs.error(asked.request, stream)?),
            Kind::Data => {
                let (to, from) = mpsc::channel(WAITING);
                let to = (!fin).then_some(to);
                (Open::Data { to, carried: None }, self.pairs.data(asked, stream, from)?)
            }
        };
        self.streams.insert(stream, open);
        Ok(pair)
    }

    fn forward(&mut self, pair: Pair) {
        let (data, error) = (pair.data, pair.error);
        let task = self.tasks.spawn(forward(self.pod.clone(), pair, self.outgoing.clone()));
        if let Some(Open::Data { carried, .. }) = self.streams.get_mut(&data) {
            *carried = Some(Carried { error, task });
        }
    }

    /// Waits for the pod to read: there are no windows, so all streams wait as they do for a kubelet.
    async fn data(&mut self, stream: u32, fin: bool, bytes: Bytes) -> Result<(), SessionError> {
        let Some(Open::Data { to, carried }) = self.streams.get_mut(&stream) else { return Ok(()) };
        let Some(sender) = to else { return Ok(()) };
        if !bytes.is_empty() {
            if carried.is_some() {
                // A pod that takes no more has ended its connection, which its client learns elsewhere.
                let _ = sender.send(bytes).await;
            } else if let Err(TrySendError::Full(_)) = sender.try_send(bytes) {
                // It would never be read if the other stream of the pair did not come.
                self.streams.remove(&stream);
                self.pairs.forget(stream);
                return self.send(frame::reset(stream, Reset::Cancel)).await;
            }
        }
        if fin {
            *to = None;
        }
        Ok(())
    }

    async fn reset(&mut self, stream: u32) -> Result<(), SessionError> {
        self.pairs.forget(stream);
        if let Some(Open::Data { carried: Some(carried), .. }) = self.streams.remove(&stream) {
            carried.task.abort();
            self.streams.remove(&carried.error);
            // The client waits for its end.
            self.send(frame::data(carried.error, true, b"")).await?;
        }
        Ok(())
    }

    fn ended(&mut self, data: u32, error: u32) {
        self.streams.remove(&data);
        self.streams.remove(&error);
    }
}

/// Carries one connection, and ends both of its streams.
async fn forward(pod: Arc<Pod>, pair: Pair, to: Sender<Bytes>) -> (u32, u32) {
    let Pair { port, data, error, from } = pair;
    let last = match pod.forward(port, from, &to, |bytes| frame::data(data, false, bytes)).await {
        Ok(()) => [frame::data(data, true, b""), frame::data(error, true, b"")],
        Err(told) => [frame::data(error, true, told.as_bytes()), frame::reset(data, Reset::Cancel)],
    };
    for frame in last {
        if to.send(frame).await.is_err() {
            break;
        }
    }
    (data, error)
}
