//! One connection: handshake, messages and requests, closed for good after anything unclear.
//!
//! Dask's protocol has no message ids: after a lost or half-read reply the next one could not be told apart,
//! so such a connection only answers [`CommError::Closed`].

use crate::handshake::{self, Hello, within};
use crate::{Budget, CommError, Message, budget::Share, frames, message, raw::Raw};
use bytes::Bytes;
use rmpv::Value;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub use crate::limits::{Limits, Timeouts};

/// A connection after its handshake, over any stream (TCP, TLS, a pipe).
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    limits: Limits,
    timeouts: Timeouts,
    budget: Option<Budget>,
    peer: Hello,
    usable: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// The client's side of the handshake.
    ///
    /// # Errors
    /// Those of [`handshake::exchange`].
    pub async fn handshake(stream: S, limits: Limits, timeouts: Timeouts) -> Result<Self, CommError> {
        Self::open(stream, limits, timeouts).await
    }

    /// The server's side of the handshake, right after accepting `stream`.
    ///
    /// # Errors
    /// Those of [`handshake::exchange`].
    pub async fn accept(stream: S, limits: Limits, timeouts: Timeouts) -> Result<Self, CommError> {
        Self::open(stream, limits, timeouts).await
    }

    async fn open(mut stream: S, limits: Limits, timeouts: Timeouts) -> Result<Self, CommError> {
        let peer = handshake::exchange(&mut stream, &Hello::default(), &limits, &timeouts).await?;
        Ok(Self { stream, limits, timeouts, budget: None, peer, usable: true })
    }

    /// What the peer said of itself.
    pub fn peer(&self) -> &Hello {
        &self.peer
    }

    /// The times this connection allows its peer.
    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Longest answer from now on, bytes, and whose memory it shares; without a budget it has its own.
    pub fn allow(&mut self, max_message_bytes: usize, budget: Option<Budget>) {
        self.limits.max_message_bytes = max_message_bytes;
        self.budget = budget;
    }

    /// Whether further calls can succeed.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Asks the peer to do `op` and waits for its answer at most [`Timeouts::request`].
    ///
    /// # Errors
    /// [`CommError::Remote`] if the peer says it failed, [`CommError::Closed`] after an earlier failure; any
    /// other error, and dropping the future, closes the connection.
    pub async fn request(&mut self, op: &str, args: Vec<(&str, Value)>) -> Result<Value, CommError> {
        self.request_within(op, args, self.timeouts.request).await
    }

    /// [`Connection::request`] with a limit of its own.
    ///
    /// # Errors
    /// As [`Connection::request`].
    pub async fn request_within(
        &mut self,
        op: &str,
        args: Vec<(&str, Value)>,
        limit: Duration,
    ) -> Result<Value, CommError> {
        let (frames, _share) = self.exchange(op, args, limit).await?;
        let raw = frames.first().cloned().unwrap_or_default();
        let reply = Message::from_frames(frames, &self.limits)?.head;
        self.usable = true;
        failure(op, Raw::whole(&raw)?)?;
        Ok(reply)
    }

    /// [`Connection::request_within`] for an answer of which `read` keeps what matters.
    pub(crate) async fn ask<T>(
        &mut self,
        op: &str,
        args: Vec<(&str, Value)>,
        limit: Duration,
        read: impl FnOnce(Raw<'_>) -> Result<T, CommError> + Send,
    ) -> Result<T, CommError> {
        let (frames, _share) = self.exchange(op, args, limit).await?;
        let reply = Raw::whole(frames.first().map_or(&[], |f| f))?;
        self.usable = true;
        failure(op, reply)?;
        read(reply)
    }

    /// The frames of the peer's answer. The connection is of no use until they are known to be a message.
    async fn exchange(
        &mut self,
        op: &str,
        args: Vec<(&str, Value)>,
        limit: Duration,
    ) -> Result<(Vec<Bytes>, Share), CommError> {
        let wire = frames::encode(&[message::encode(&request_value(op, args))?]);
        self.take_use()?;
        let exchange = async {
            self.stream.write_all(&wire).await?;
            self.stream.flush().await?;
            frames::read_shared(&mut self.stream, &[], &self.limits, self.budget.as_ref()).await
        };
        within(&format!("request {op}"), limit, exchange).await
    }

    /// The next message; `None` once the peer has closed between two messages.
    ///
    /// Waits for its first byte without limit (the future may be dropped until then), and for the rest at
    /// most [`Timeouts::request`].
    ///
    /// # Errors
    /// Any but [`CommError::Closed`] closes the connection.
    pub async fn read_message(&mut self) -> Result<Option<Message>, CommError> {
        if !self.usable {
            return Err(CommError::Closed);
        }
        let mut first = [0];
        let got = self.stream.read(&mut first).await;
        self.usable = false;
        if got? == 0 {
            return Ok(None);
        }
        let rest = frames::read(&mut self.stream, Some(first[0]), &self.limits);
        let frames = within("message read", self.timeouts.request, rest).await?;
        let message = Message::from_frames(frames, &self.limits)?;
        self.usable = true;
        Ok(Some(message))
    }

    /// Sends one message, in at most [`Timeouts::request`].
    ///
    /// # Errors
    /// Any but [`CommError::Closed`] closes the connection.
    pub async fn write_message(&mut self, value: &Value) -> Result<(), CommError> {
        self.write_frames(&[message::encode(value)?]).await
    }

    /// Sends a message with its payload as it was received, in at most [`Timeouts::request`].
    ///
    /// # Errors
    /// Any but [`CommError::Closed`] closes the connection.
    pub async fn pass_on(&mut self, message: &Message) -> Result<(), CommError> {
        let head = Bytes::from(message::encode(&message.head)?);
        let frames: Vec<Bytes> = std::iter::once(head).chain(message.payload.iter().cloned()).collect();
        self.write_frames(&frames).await
    }

    async fn write_frames<F: AsRef<[u8]>>(&mut self, frames: &[F]) -> Result<(), CommError> {
        let wire = frames::encode(frames);
        self.take_use()?;
        within("message write", self.timeouts.request, async {
            self.stream.write_all(&wire).await?;
            Ok(self.stream.flush().await?)
        })
        .await?;
        self.usable = true;
        Ok(())
    }

    /// Marks the connection closed until what follows has succeeded: it may fail or be dropped at any point.
    fn take_use(&mut self) -> Result<(), CommError> {
        if std::mem::replace(&mut self.usable, false) { Ok(()) } else { Err(CommError::Closed) }
    }
}

/// A request as the peer expects it: its arguments beside the name of the operation.
fn request_value(op: &str, args: Vec<(&str, Value)>) -> Value {
    let control = [(Value::from("op"), Value::from(op)), ("reply".into(), true.into())];
    Value::Map(control.into_iter().chain(args.into_iter().map(|(name, arg)| (name.into(), arg))).collect())
}

/// An error if the reply says that the peer failed; a handler's own errors carry their text under other names.
fn failure(op: &str, reply: Raw<'_>) -> Result<(), CommError> {
    let [status, text, exception, message] =
        reply.fields(["status", "exception_text", "exception", "message"]);
    let Some(status @ ("uncaught-error" | "error")) = status.as_str() else { return Ok(()) };
    let text = [text, exception, message].into_iter().find_map(Raw::as_str);
    Err(CommError::remote(op, text.unwrap_or(status)))
}
