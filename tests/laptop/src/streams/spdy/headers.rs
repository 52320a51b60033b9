//! Header blocks of SPDY/3: names and values, compressed over the whole connection.

use bytes::Buf;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::dictionary::DICTIONARY;

/// Most bytes of a block before compression: a compressed bomb is not inflated.
const LARGEST: usize = 16 * 1024;

/// Most headers of a block.
const MOST: usize = 64;

/// What is no header block.
#[derive(Debug, thiserror::Error)]
pub(super) enum HeadersError {
    #[error("headers cannot be decompressed: {0}")]
    Decompress(#[from] flate2::DecompressError),
    #[error("headers cannot be compressed: {0}")]
    Compress(#[from] flate2::CompressError),
    #[error("headers end before their end")]
    TooShort,
    #[error("headers of more than {LARGEST} bytes or {MOST} names")]
    TooLong,
    #[error("bytes after the headers")]
    TooMuch,
    #[error("the compressed headers end as if there were never more")]
    Ended,
    #[error("headers in no UTF-8")]
    NoText,
    #[error("the header {0} twice")]
    Twice(String),
}

/// Names, in lower case, and values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of a header.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn parse(mut block: &[u8]) -> Result<Self, HeadersError> {
        let count = number(&mut block)?;
        if count > MOST {
            return Err(HeadersError::TooLong);
        }
        let mut headers = Self(Vec::with_capacity(count));
        for _ in 0..count {
            let name = text(&mut block)?;
            let value = text(&mut block)?;
            if headers.get(&name).is_some() {
                return Err(HeadersError::Twice(name));
            }
            headers.0.push((name, value));
        }
        if block.is_empty() { Ok(headers) } else { Err(HeadersError::TooMuch) }
    }
}

fn number(block: &mut &[u8]) -> Result<usize, HeadersError> {
    let number = block.try_get_u32().map_err(|_| HeadersError::TooShort)?;
    usize::try_from(number).map_err(|_| HeadersError::TooLong)
}

fn text(block: &mut &[u8]) -> Result<String, HeadersError> {
    let length = number(block)?;
    let (text, rest) = block.split_at_checked(length).ok_or(HeadersError::TooShort)?;
    *block = rest;
    std::str::from_utf8(text).map(ToString::to_string).map_err(|_| HeadersError::NoText)
}

/// Reads the header blocks of one connection, which must be all and in their order.
#[derive(Debug)]
pub(super) struct Inflate(Decompress);

impl Inflate {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    pub(super) fn headers(&mut self, block: &[u8]) -> Result<Headers, HeadersError> {
        Headers::parse(&self.inflate(block)?)
    }

    fn inflate(&mut self, mut block: &[u8]) -> Result<Vec<u8>, HeadersError> {
        let (mut inflated, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let (read, written) = (self.0.total_in(), self.0.total_out());
            let result = self.0.decompress(block, &mut piece, FlushDecompress::Sync);
            let read = (self.0.total_in() - read) as usize;
            let written = (self.0.total_out() - written) as usize;
            block = block.get(read..).unwrap_or_default();
            inflated.extend_from_slice(piece.get(..written).unwrap_or_default());
            if inflated.len() > LARGEST {
                return Err(HeadersError::TooLong);
            }
            match result {
                Err(error) if error.needs_dictionary().is_some() => {
                    self.0.set_dictionary(DICTIONARY)?;
                }
                Err(error) => return Err(error.into()),
                Ok(Status::StreamEnd) => return Err(HeadersError::Ended),
                Ok(_) if block.is_empty() && written < piece.len() => return Ok(inflated),
                Ok(_) if read == 0 && written == 0 => return Err(HeadersError::TooShort),
                Ok(_) => {}
            }
        }
    }
}

/// Writes the header blocks of one connection, in the order in which they are sent.
#[derive(Debug)]
pub(super) struct Deflate(Compress);

impl Deflate {
    pub(super) fn new() -> Result<Self, HeadersError> {
        let mut compress = Compress::new(Compression::fast(), true);
        compress.set_dictionary(DICTIONARY)?;
        Ok(Self(compress))
    }

    /// Headers in a block.
    pub(super) fn block(&mut self, headers: &[(&str, &str)]) -> Result<Vec<u8>, HeadersError> {
        let mut plain = Vec::new();
        put(&mut plain, headers.len());
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            put(&mut plain, text.len());
            plain.extend_from_slice(text.as_bytes());
        }
        // Room for what compression can add, so that one call flushes all of it.
        let mut block = Vec::with_capacity(plain.len() * 2 + 64);
        let before = self.0.total_in();
        self.0.compress_vec(&plain, &mut block, FlushCompress::Sync)?;
        let is_all = self.0.total_in() - before == plain.len() as u64 && block.len() < block.capacity();
        if is_all { Ok(block) } else { Err(HeadersError::TooLong) }
    }
}

/// Our own headers are short.
fn put(plain: &mut Vec<u8>, number: usize) {
    plain.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_one_after_the_other() {
        let (mut deflate, mut inflate) = (Deflate::new().unwrap(), Inflate::new());
        for id in ["0", "1", "2", "3"] {
            let long = "x".repeat(5000);
            let block = deflate.block(&[("port", "8786"), ("requestid", id), ("long", &long)]).unwrap();
            let headers = inflate.headers(&block).unwrap();
            assert_eq!(headers.get("requestid"), Some(id));
            assert_eq!(headers.get("long"), Some(long.as_str()));
            assert_eq!(headers.get("streamtype"), None);
            let empty = deflate.block(&[]).unwrap();
            assert_eq!(inflate.headers(&empty).unwrap(), Headers(Vec::new()));
        }
    }

    /// The checksum that every implementation of SPDY/3 sends for its dictionary.
    #[test]
    fn the_dictionary_is_that_of_the_protocol() {
        let block = Deflate::new().unwrap().block(&[]).unwrap();
        assert_eq!(block.get(2..6), Some(&[0xe3, 0xc6, 0xa7, 0xc2][..]));
    }

    #[test]
    fn what_is_too_large_or_wrong_is_an_error() {
        let bomb = "x".repeat(LARGEST);
        let block = Deflate::new().unwrap().block(&[("bomb", &bomb)]).unwrap();
        assert!(matches!(Inflate::new().headers(&block), Err(HeadersError::TooLong)));
        let block = Deflate::new().unwrap().block(&[("a", "1"), ("a", "2")]).unwrap();
        assert!(matches!(Inflate::new().headers(&block), Err(HeadersError::Twice(_))));
        let block = Deflate::new().unwrap().block(&[("port", "8786")]).unwrap();
        for length in 0..block.len() - 5 {
            assert!(Inflate::new().headers(&block[..length]).is_err(), "of {length} bytes");
        }
    }

    #[test]
    fn garbage_is_an_error() {
        let good = Deflate::new().unwrap().block(&[("port", "8786"), ("streamtype", "data")]).unwrap();
        for at in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            let _ = Inflate::new().headers(&bad);
        }
        assert!(Inflate::new().headers(b"never compressed").is_err());
        for block in
            [&[0, 0, 0, 9][..], &[0, 0, 1, 0], &[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff], &[0, 0, 0, 0, 0]]
        {
            assert!(Headers::parse(block).is_err(), "{block:?}");
        }
    }
}
