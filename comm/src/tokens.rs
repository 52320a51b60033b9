//! msgpack as a row of tokens over bytes in memory; nothing is allocated.

use crate::CommError;

/// One token: a scalar, or the beginning of an array or a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    /// A text, perhaps not UTF-8.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// So many values follow; at least as many bytes do.
    Array(usize),
    /// So many keys and values follow; at least twice as many bytes do.
    Map(usize),
}

/// Where reading stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens<'a> {
    pub rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    /// The next token.
    pub fn next(&mut self) -> Result<Token<'a>, CommError> {
        let [marker] = self.array()?;
        Ok(match marker {
            0x00..=0x7f => Token::Unsigned(marker.into()),
            0x80..=0x8f => self.map(usize::from(marker & 0x0f))?,
            0x90..=0x9f => self.list(usize::from(marker & 0x0f))?,
            0xa0..=0xbf => Token::Text(self.bytes(usize::from(marker & 0x1f))?),
            0xc0 => Token::Nil,
            0xc2 => Token::Boolean(false),
            0xc3 => Token::Boolean(true),
            0xc4..=0xc6 => {
                let len = self.length(marker - 0xc4)?;
                Token::Bytes(self.bytes(len)?)
            }
            0xca..=0xd3 => self.number(marker)?,
            0xd9..=0xdb => {
                let len = self.length(marker - 0xd9)?;
                Token::Text(self.bytes(len)?)
            }
            0xdc | 0xdd => {
                let len = self.length(marker - 0xdc + 1)?;
                self.list(len)?
            }
            0xde | 0xdf => {
                let len = self.length(marker - 0xde + 1)?;
                self.map(len)?
            }
            0xe0..=0xff => Token::Signed(marker.cast_signed().into()),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(malformed("a type Dask does not use")),
        })
    }

    /// Walks over one value, however deep it nests.
    pub fn skip(&mut self) -> Result<(), CommError> {
        let mut pending = 1_u64;
        while pending > 0 {
            pending -= 1;
            match self.next()? {
                Token::Array(len) => pending = pending.saturating_add(len as u64),
                Token::Map(len) => pending = pending.saturating_add(2 * len as u64),
                _ => {}
            }
        }
        Ok(())
    }

    fn number(&mut self, marker: u8) -> Result<Token<'a>, CommError> {
        Ok(match marker {
            0xca => Token::F32(f32::from_be_bytes(self.array()?)),
            0xcb => Token::F64(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => Token::Signed(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Token::Signed(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Token::Signed(i32::from_be_bytes(self.array()?).into()),
            _ => Token::Signed(i64::from_be_bytes(self.array()?)),
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

    fn list(&self, len: usize) -> Result<Token<'a>, CommError> {
        if len > self.rest.len() { Err(too_short()) } else { Ok(Token::Array(len)) }
    }

    fn map(&self, len: usize) -> Result<Token<'a>, CommError> {
        if len.saturating_mul(2) > self.rest.len() { Err(too_short()) } else { Ok(Token::Map(len)) }
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], CommError> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or_else(too_short)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CommError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(|| malformed("cut short"))?;
        self.rest = rest;
        Ok(*array)
    }
}

fn too_short() -> CommError {
    malformed("shorter than it declares")
}

pub(crate) fn malformed(what: &str) -> CommError {
    CommError::Malformed(format!("message: {what}"))
}
