//! One msgpack value that stays bytes: looking at it walks over them and keeps nothing.
//!
//! So what a reply costs is its length and what is kept of it, and never a tree of values, of which one byte
//! can make 32.

use crate::{
    CommError,
    tokens::{Token, Tokens, malformed},
};

/// A well-formed value. Its nesting costs nothing, as nothing here is recursive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    /// Nil, which also stands for what is missing.
    pub const NIL: Raw<'static> = Raw(&[0xc0]);

    /// The one value that `bytes` are.
    ///
    /// # Errors
    /// [`CommError::Malformed`] if they are anything else. Whether texts are UTF-8 is seen when they are read.
    pub fn whole(bytes: &'a [u8]) -> Result<Self, CommError> {
        let mut tokens = Tokens { rest: bytes };
        tokens.skip()?;
        if tokens.rest.is_empty() { Ok(Self(bytes)) } else { Err(malformed("bytes after the end")) }
    }

    /// Its first token; it has one, being well-formed.
    pub fn token(self) -> Token<'a> {
        Tokens { rest: self.0 }.next().unwrap_or(Token::Nil)
    }

    pub fn is_nil(self) -> bool {
        self.token() == Token::Nil
    }

    pub fn as_u64(self) -> Option<u64> {
        match self.token() {
            Token::Unsigned(n) => Some(n),
            Token::Signed(n) => u64::try_from(n).ok(),
            _ => None,
        }
    }

    /// Any number as a float.
    pub fn as_f64(self) -> Option<f64> {
        match self.token() {
            Token::Unsigned(n) => Some(n as f64),
            Token::Signed(n) => Some(n as f64),
            Token::F32(x) => Some(x.into()),
            Token::F64(x) => Some(x),
            _ => None,
        }
    }

    pub fn as_str(self) -> Option<&'a str> {
        match self.token() {
            Token::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn elements(self) -> Option<Elements<'a>> {
        let mut tokens = Tokens { rest: self.0 };
        match tokens.next() {
            Ok(Token::Array(left)) => Some(Elements { tokens, left }),
            _ => None,
        }
    }

    /// The keys and values of a map.
    pub fn entries(self) -> Option<Entries<'a>> {
        let mut tokens = Tokens { rest: self.0 };
        match tokens.next() {
            Ok(Token::Map(len)) => Some(Entries(Elements { tokens, left: 2 * len })),
            _ => None,
        }
    }

    /// The values of a map's text keys, nil for those that are missing, in one walk; a key that comes twice
    /// counts the first time. Nothing of another type has any.
    pub fn fields<const N: usize>(self, keys: [&str; N]) -> [Raw<'a>; N] {
        let mut found: [Option<Raw<'a>>; N] = [None; N];
        for (key, value) in self.entries().into_iter().flatten() {
            let Token::Text(key) = key.token() else { continue };
            if let Some(at) = keys.iter().position(|k| k.as_bytes() == key) {
                found[at].get_or_insert(value);
            }
        }
        found.map(|value| value.unwrap_or(Raw::NIL))
    }

    /// The value of one key, nil if it is missing.
    pub fn field(self, key: &str) -> Raw<'a> {
        let [value] = self.fields([key]);
        value
    }
}

/// The elements of an array.
pub(crate) struct Elements<'a> {
    tokens: Tokens<'a>,
    left: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        self.left = self.left.checked_sub(1)?;
        let before = self.tokens.rest;
        self.tokens.skip().ok()?;
        Some(Raw(&before[..before.len() - self.tokens.rest.len()]))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Elements<'_> {}

/// The keys and values of a map.
pub(crate) struct Entries<'a>(Elements<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = (Raw<'a>, Raw<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.left / 2, Some(self.0.left / 2))
    }
}

impl ExactSizeIterator for Entries<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_map_and_of_anything_else() {
        // {"a": 1, 7: [{"b": 2}], "b": -1, "a": 3}
        let bytes = b"\x84\xa1a\x01\x07\x91\x81\xa1b\x02\xa1b\xff\xa1a\x03";
        let raw = Raw::whole(bytes).unwrap();
        let [a, b, c] = raw.fields(["a", "b", "c"]);
        assert_eq!((a.as_u64(), b.as_f64(), c.is_nil()), (Some(1), Some(-1.0), true));
        assert_eq!(raw.entries().unwrap().len(), 4);
        assert!(Raw::whole(b"\x91\xa1a").unwrap().field("a").is_nil());
    }

    #[test]
    fn nesting_is_walked_over() {
        let mut deep = vec![0x91; 1_000_000];
        deep.push(0xc0);
        let mut map = b"\x82\xa1a".to_vec();
        map.extend(&deep);
        map.extend(b"\xa1b\x07");
        assert_eq!(Raw::whole(&map).unwrap().field("b").as_u64(), Some(7));
        assert!(Raw::whole(&deep[..1_000_000]).is_err(), "cut");
        assert!(Raw::whole(b"\xdd\xff\xff\xff\xff\xc0").is_err(), "it declares more than there is");
        assert!(Raw::whole(b"\xc0\xc0").is_err(), "two values");
        assert!(Raw::whole(b"").is_err());
    }
}
