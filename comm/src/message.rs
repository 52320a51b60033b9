//! Messages: a msgpack value in the first frame, opaque payload in the others.
//!
//! The decoder takes arbitrary bytes: nesting, sizes and the memory the result needs are checked before
//! anything is allocated. It is for who passes messages on (the agent's nanny); replies that are read are
//! never decoded as a whole.

use crate::{
    CommError, Limits,
    tokens::{Token, Tokens, malformed},
};
use bytes::Bytes;
use rmpv::Value;

/// Memory a decoded message may take, in multiples of [`Limits::max_message_bytes`]: one byte of msgpack can
/// become a whole [`Value`].
const MEMORY_FACTOR: usize = 4;

/// A received message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The message proper.
    pub head: Value,
    /// What the head's placeholders point at (pickles, buffers), never interpreted here.
    pub payload: Vec<Bytes>,
}

impl Message {
    /// A message from its frames.
    ///
    /// # Errors
    /// What [`decode`] answers for the first frame.
    pub fn from_frames(mut frames: Vec<Bytes>, limits: &Limits) -> Result<Self, CommError> {
        if frames.is_empty() {
            return Err(malformed("no frames"));
        }
        let head = decode(&frames.remove(0), limits)?;
        Ok(Self { head, payload: frames })
    }
}

/// A value as msgpack bytes.
///
/// # Errors
/// [`CommError::Malformed`] if the value cannot be written (more than 2^32 elements).
pub fn encode(value: &Value) -> Result<Vec<u8>, CommError> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).map_err(|e| malformed(&e.to_string()))?;
    Ok(out)
}

/// The one value that `bytes` are.
///
/// # Errors
/// [`CommError::Malformed`] if they are anything else (text that is not UTF-8 and extension types included:
/// Dask sends neither), [`CommError::TooLarge`] if it nests or grows over `limits`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Value, CommError> {
    let max_depth = limits.max_depth.min(Limits::DEPTH_CEILING);
    let budget = limits.max_message_bytes.saturating_mul(MEMORY_FACTOR);
    let mut decoder = Decoder { tokens: Tokens { rest: bytes }, budget, memory: 0, max_depth };
    let value = decoder.value(0)?;
    if decoder.tokens.rest.is_empty() { Ok(value) } else { Err(malformed("bytes after the end")) }
}

/// Where decoding stands.
struct Decoder<'a> {
    tokens: Tokens<'a>,
    /// Most memory the result may take, bytes.
    budget: usize,
    /// Memory the result takes so far, bytes.
    memory: usize,
    max_depth: usize,
}

impl Decoder<'_> {
    /// One value that is inside `depth` arrays and maps.
    fn value(&mut self, depth: usize) -> Result<Value, CommError> {
        Ok(match self.tokens.next()? {
            Token::Nil => Value::Nil,
            Token::Boolean(yes) => Value::Boolean(yes),
            Token::Unsigned(n) => n.into(),
            Token::Signed(n) => n.into(),
            Token::F32(x) => Value::F32(x),
            Token::F64(x) => Value::F64(x),
            Token::Text(text) => {
                self.charge(text.len())?;
                Value::from(std::str::from_utf8(text).map_err(|_| malformed("text: not UTF-8"))?)
            }
            Token::Bytes(bytes) => {
                self.charge(bytes.len())?;
                Value::Binary(bytes.to_vec())
            }
            Token::Array(len) => self.list(len, depth)?,
            Token::Map(len) => self.map(len, depth)?,
        })
    }

    fn list(&mut self, len: usize, depth: usize) -> Result<Value, CommError> {
        self.enter(len.saturating_mul(size_of::<Value>()), depth)?;
        let mut list = Vec::with_capacity(len);
        for _ in 0..len {
            list.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(list))
    }

    fn map(&mut self, len: usize, depth: usize) -> Result<Value, CommError> {
        self.enter(len.saturating_mul(size_of::<(Value, Value)>()), depth)?;
        let mut map = Vec::with_capacity(len);
        for _ in 0..len {
            map.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        Ok(Value::Map(map))
    }

    /// Whether an array or a map may begin whose own memory is so many bytes.
    fn enter(&mut self, bytes: usize, depth: usize) -> Result<(), CommError> {
        if depth >= self.max_depth {
            let limit = self.max_depth as u64;
            return Err(CommError::TooLarge { what: "nesting", got: limit + 1, limit });
        }
        self.charge(bytes)
    }

    fn charge(&mut self, bytes: usize) -> Result<(), CommError> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > self.budget {
            let (got, limit) = (self.memory as u64, self.budget as u64);
            return Err(CommError::TooLarge { what: "decoded message", got, limit });
        }
        Ok(())
    }
}
