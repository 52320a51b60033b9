//! An upgraded connection as pieces of bytes: as they come, or in messages of a WebSocket.

use std::{io, pin::Pin, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::{Sink, SinkExt, Stream, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{sync::mpsc, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::{
    codec::{BytesCodec, Framed},
    task::AbortOnDropHandle,
};

/// Most bytes of a message; kr8s sends what it reads at once, at most 1 MiB.
const LARGEST: usize = 4 * 1024 * 1024;

/// Frames that may wait for the client to read.
const WAITING: usize = 16;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

/// How long a client may take to read the end of a connection, and to end it, too.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the client sends.
pub(super) type Incoming = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What it gets, and nothing at the end.
type Outgoing = Pin<Box<dyn Sink<Option<Bytes>, Error = io::Error> + Send>>;

/// Both directions; with a WebSocket, each piece is one binary message.
pub(super) struct Wire {
    incoming: Incoming,
    outgoing: Outgoing,
}

impl Wire {
    /// Bytes as they come.
    pub(super) fn plain(upgraded: Upgraded) -> Self {
        let framed = Framed::with_capacity(TokioIo::new(upgraded), BytesCodec::new(), PIECE);
        let (outgoing, incoming) = framed.split();
        Self {
            incoming: incoming.map(|b| b.map(BytesMut::freeze)).boxed(),
            outgoing: Box::pin(outgoing.with(async |bytes: Option<Bytes>| Ok(bytes.unwrap_or_default()))),
        }
    }

    /// Messages of a WebSocket.
    pub(super) async fn messages(upgraded: Upgraded) -> Self {
        let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        let (outgoing, incoming) = socket.split();
        let outgoing = outgoing.sink_map_err(io::Error::other);
        Self {
            incoming: incoming.filter_map(async |m| payload(m).transpose()).boxed(),
            outgoing: Box::pin(outgoing.with(async |bytes| Ok::<_, io::Error>(message(bytes)))),
        }
    }

    /// Starts to send what is put into the channel.
    pub(super) fn start(self) -> (Incoming, mpsc::Sender<Bytes>, Writer) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let task = tokio::spawn(write(receiver, self.outgoing));
        (self.incoming, sender, Writer(Some(AbortOnDropHandle::new(task))))
    }
}

/// kubectl takes it for an error if a WebSocket ends without a code.
fn message(bytes: Option<Bytes>) -> Message {
    let normal = || CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
    bytes.map_or_else(|| Message::Close(Some(normal())), Message::Binary)
}

fn payload(message: tungstenite::Result<Message>) -> io::Result<Option<Bytes>> {
    match message {
        Ok(Message::Binary(bytes)) => Ok(Some(bytes)),
        Ok(Message::Text(_)) => Err(io::Error::new(io::ErrorKind::InvalidData, "a message of text")),
        Ok(_) => Ok(None),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// What sends to the client; nothing once it has ended.
pub(super) struct Writer(Option<AbortOnDropHandle<()>>);

impl Writer {
    /// Returns when nothing is sent any more: neither side has anything to send, or the client is gone.
    pub(super) async fn ended(&mut self) {
        if let Some(task) = &mut self.0 {
            // How it ended does not matter.
            let _ = task.await;
        }
        self.0 = None;
    }

    /// Lets the client read what was sent, which a connection that is cut may lose.
    pub(super) async fn finish(mut self, mut incoming: Incoming) {
        let is_sent = timeout(FAREWELL, self.ended()).await.is_ok();
        if is_sent {
            let ends = async { while let Some(Ok(_)) = incoming.next().await {} };
            // Who does not end by then is cut off.
            let _ = timeout(FAREWELL, ends).await;
        }
    }
}

/// Sends until neither side has anything to send, or the client is gone.
async fn write(mut frames: mpsc::Receiver<Bytes>, mut outgoing: Outgoing) {
    while let Some(frame) = frames.recv().await {
        if outgoing.feed(Some(frame)).await.is_err() {
            return;
        }
        if frames.is_empty() && outgoing.flush().await.is_err() {
            return;
        }
    }
    // The client may have closed it already.
    let _ = outgoing.send(None).await;
    let _ = outgoing.close().await;
}
