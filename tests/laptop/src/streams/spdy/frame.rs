//! Frames of SPDY/3.1: from bytes and to bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Most bytes of a control frame; the header blocks of port forwarding have some hundred.
const LARGEST_CONTROL: usize = 64 * 1024;

/// The version in control frames of SPDY/3.1, too.
const VERSION: u16 = 3;

/// Bit in a word of flags and length: the last frame of its stream from its sender.
const FIN: u32 = 1 << 24;

/// Why a stream is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reset {
    ProtocolError = 1,
    RefusedStream = 3,
    Cancel = 5,
}

/// Frames that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    SynStream {
        stream: u32,
        fin: bool,
        block: Bytes,
    },
    /// `SYN_REPLY` or `HEADERS`: read to keep the decompressor in step.
    Headers {
        block: Bytes,
    },
    /// A data frame, or a part of a long one.
    Data {
        stream: u32,
        fin: bool,
        bytes: Bytes,
    },
    RstStream {
        stream: u32,
    },
    Ping {
        id: u32,
    },
    GoAway,
    /// Settings and windows, which the clients of Kubernetes neither send nor heed, and what is unknown.
    Ignored,
}

/// What is no frame.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a control frame of SPDY version {0}")]
    Version(u16),
    #[error("a control frame of {0} bytes")]
    TooLong(usize),
    #[error("a control frame of type {0} with {1} bytes is too short")]
    TooShort(u16, usize),
    #[error("a frame of stream 0")]
    ZeroStream,
}

/// The rest of a data frame.
#[derive(Debug)]
struct Rest {
    stream: u32,
    fin: bool,
    length: usize,
}

/// Takes frames out of bytes as they come.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    rest: Option<Rest>,
}

impl Decoder {
    /// The next frame; nothing while bytes of it are missing.
    pub(super) fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        if let Some(rest) = self.rest.take() {
            return Ok(self.data(rest, buffer));
        }
        let Some((mut word, mut tail)) = head(buffer) else { return Ok(None) };
        let (first, second) = (word.get_u32(), tail.get_u32());
        let length = (second & 0x00ff_ffff) as usize;
        if first >> 31 == 0 {
            if first == 0 {
                return Err(FrameError::ZeroStream);
            }
            buffer.advance(8);
            return Ok(self.data(Rest { stream: first, fin: second & FIN != 0, length }, buffer));
        }
        let version = (first >> 16) as u16 & 0x7fff;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        if length > LARGEST_CONTROL {
            return Err(FrameError::TooLong(length));
        }
        if buffer.len() < 8 + length {
            return Ok(None);
        }
        buffer.advance(8);
        let body = buffer.split_to(length).freeze();
        control((first & 0xffff) as u16, second & FIN != 0, body).map(Some)
    }

    /// As much of a data frame as there is, so that no frame is ever gathered.
    fn data(&mut self, rest: Rest, buffer: &mut BytesMut) -> Option<Frame> {
        let bytes = buffer.split_to(rest.length.min(buffer.len())).freeze();
        let length = rest.length - bytes.len();
        let stream = rest.stream;
        let fin = rest.fin && length == 0;
        let is_nothing = bytes.is_empty() && length > 0;
        if length > 0 {
            self.rest = Some(Rest { length, ..rest });
        }
        (!is_nothing).then_some(Frame::Data { stream, fin, bytes })
    }
}

fn head(buffer: &BytesMut) -> Option<(&[u8], &[u8])> {
    buffer.get(..8).map(|head| head.split_at(4))
}

fn control(kind: u16, fin: bool, mut body: Bytes) -> Result<Frame, FrameError> {
    let needed = match kind {
        1 => 10,
        2 | 6 | 8 => 4,
        3 | 7 => 8,
        _ => return Ok(Frame::Ignored),
    };
    if body.len() < needed {
        return Err(FrameError::TooShort(kind, body.len()));
    }
    let id = body.get_u32();
    let stream = id & 0x7fff_ffff;
    if matches!(kind, 1 | 2 | 3 | 8) && stream == 0 {
        return Err(FrameError::ZeroStream);
    }
    Ok(match kind {
        1 => {
            // The stream it belongs to, its priority and a slot.
            body.advance(6);
            Frame::SynStream { stream, fin, block: body }
        }
        3 => Frame::RstStream { stream },
        6 => Frame::Ping { id },
        7 => Frame::GoAway,
        _ => Frame::Headers { block: body },
    })
}

/// A data frame; `bytes` are fewer than 16 MiB.
pub(super) fn data(stream: u32, fin: bool, bytes: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(8 + bytes.len());
    frame.put_u32(stream & 0x7fff_ffff);
    frame.put_u32(sized(bytes.len()) | if fin { FIN } else { 0 });
    frame.put_slice(bytes);
    frame.freeze()
}

/// The answer to a new stream.
pub(super) fn syn_reply(stream: u32, block: &[u8]) -> Bytes {
    let mut frame = control_head(2, 4 + block.len());
    frame.put_u32(stream);
    frame.put_slice(block);
    frame.freeze()
}

/// Ends a stream both ways.
pub(super) fn reset(stream: u32, why: Reset) -> Bytes {
    let mut frame = control_head(3, 8);
    frame.put_u32(stream);
    frame.put_u32(why as u32);
    frame.freeze()
}

/// The answer to a ping, or a ping.
pub(super) fn ping(id: u32) -> Bytes {
    let mut frame = control_head(6, 4);
    frame.put_u32(id);
    frame.freeze()
}

/// The end of the connection because of what the client sent.
pub(super) fn go_away(last: u32) -> Bytes {
    let mut frame = control_head(7, 8);
    frame.put_u32(last);
    frame.put_u32(1);
    frame.freeze()
}

fn control_head(kind: u16, length: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(8 + length);
    frame.put_u16(0x8000 | VERSION);
    frame.put_u16(kind);
    frame.put_u32(sized(length));
    frame
}

/// Our own frames have some 10 KiB: the mask changes nothing.
fn sized(length: usize) -> u32 {
    (length & 0x00ff_ffff) as u32
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
