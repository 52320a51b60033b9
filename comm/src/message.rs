//! Messages: a msgpack value in the first frame, opaque payload in the others.
//!
//! The decoder takes arbitrary bytes: nesting, sizes and the memory the result needs are checked before
//! anything is allocated.

use crate::{CommError, Limits};
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
    let mut decoder = Decoder { rest: bytes, budget, memory: 0, max_depth };
    let value = decoder.value(0)?;
    if decoder.rest.is_empty() { Ok(value) } else { Err(malformed("bytes after the end")) }
}

/// Where decoding stands.
struct Decoder<'a> {
    rest: &'a [u8],
    /// Most memory the result may take, bytes.
    budget: usize,
    /// Memory the result takes so far, bytes.
    memory: usize,
    max_depth: usize,
}

impl<'a> Decoder<'a> {
    /// One value that is inside `depth` arrays and maps.
    fn value(&mut self, depth: usize) -> Result<Value, CommError> {
        let [marker] = self.array()?;
        Ok(match marker {
            0x00..=0x7f => Value::from(marker),
            0x80..=0x8f => self.map(usize::from(marker & 0x0f), depth)?,
            0x90..=0x9f => self.list(usize::from(marker & 0x0f), depth)?,
            0xa0..=0xbf => self.text(usize::from(marker & 0x1f))?,
            0xc0 => Value::Nil,
            0xc2 => Value::Boolean(false),
            0xc3 => Value::Boolean(true),
            0xc4..=0xc6 => {
                let len = self.length(marker - 0xc4)?;
                Value::Binary(self.bytes(len)?.to_vec())
            }
            0xca..=0xd3 => self.number(marker)?,
            0xd9..=0xdb => {
                let len = self.length(marker - 0xd9)?;
                self.text(len)?
            }
            0xdc | 0xdd => {
                let len = self.length(marker - 0xdc + 1)?;
                self.list(len, depth)?
            }
            0xde | 0xdf => {
                let len = self.length(marker - 0xde + 1)?;
                self.map(len, depth)?
            }
            0xe0..=0xff => Value::from(marker.cast_signed()),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(malformed("a type Dask does not use")),
        })
    }

    fn number(&mut self, marker: u8) -> Result<Value, CommError> {
        Ok(match marker {
            0xca => Value::F32(f32::from_be_bytes(self.array()?)),
            0xcb => Value::F64(f64::from_be_bytes(self.array()?)),
            0xcc => u8::from_be_bytes(self.array()?).into(),
            0xcd => u16::from_be_bytes(self.array()?).into(),
            0xce => u32::from_be_bytes(self.array()?).into(),
            0xcf => u64::from_be_bytes(self.array()?).into(),
            0xd0 => i8::from_be_bytes(self.array()?).into(),
            0xd1 => i16::from_be_bytes(self.array()?).into(),
            0xd2 => i32::from_be_bytes(self.array()?).into(),
            _ => i64::from_be_bytes(self.array()?).into(),
        })
    }

    /// A length in 1, 2 or 4 bytes (`width` 0, 1 or 2).
    fn length(&mut self, width: u8) -> Result<usize, CommError> {
        let length = match width {
            0 => u32::from(u8::from_be_bytes(self.array()?)),
            1 => u32::from(u16::from_be_bytes(self.array()?)),
            _ => u32::from_be_bytes(self.array()?),
        };
        usize::try_from(length).map_err(|_| malformed("length"))
    }

    fn text(&mut self, len: usize) -> Result<Value, CommError> {
        let text = std::str::from_utf8(self.bytes(len)?).map_err(|_| malformed("text: not UTF-8"))?;
        Ok(Value::from(text))
    }

    fn list(&mut self, len: usize, depth: usize) -> Result<Value, CommError> {
        self.enter(len, 1, size_of::<Value>(), depth)?;
        let mut list = Vec::with_capacity(len);
        for _ in 0..len {
            list.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(list))
    }

    fn map(&mut self, len: usize, depth: usize) -> Result<Value, CommError> {
        self.enter(len, 2, size_of::<(Value, Value)>(), depth)?;
        let mut map = Vec::with_capacity(len);
        for _ in 0..len {
            map.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        Ok(Value::Map(map))
    }

    /// Whether `len` elements of at least `least` bytes and `size` bytes of memory each may follow.
    fn enter(&mut self, len: usize, least: usize, size: usize, depth: usize) -> Result<(), CommError> {
        if depth >= self.max_depth {
            let limit = self.max_depth as u64;
            return Err(CommError::TooLarge { what: "nesting", got: limit + 1, limit });
        }
        if len.saturating_mul(least) > self.rest.len() {
            return Err(malformed("shorter than it declares"));
        }
        self.charge(len.saturating_mul(size))
    }

    /// The next `len` bytes, about to be copied.
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], CommError> {
        let (bytes, rest) =
            self.rest.split_at_checked(len).ok_or_else(|| malformed("shorter than it declares"))?;
        self.rest = rest;
        self.charge(len)?;
        Ok(bytes)
    }

    fn charge(&mut self, bytes: usize) -> Result<(), CommError> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > self.budget {
            let (got, limit) = (self.memory as u64, self.budget as u64);
            return Err(CommError::TooLarge { what: "decoded message", got, limit });
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CommError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(|| malformed("cut short"))?;
        self.rest = rest;
        Ok(*array)
    }
}

fn malformed(what: &str) -> CommError {
    CommError::Malformed(format!("message: {what}"))
}
