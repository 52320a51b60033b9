//! Typed, bounded access to decoded values.

use crate::{CommError, raw::Raw, tokens::Token};
use rmpv::Value;

/// Longest text kept of a peer's names, hosts, addresses and statuses, characters.
pub const MAX_TEXT: usize = 256;

/// The value of a map's string key; `None` if there is none or `value` is no map.
pub fn field<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let (_, found) = value.as_map()?.iter().find(|(k, _)| k.as_str() == Some(key))?;
    Some(found)
}

/// `text`, if it is at most [`MAX_TEXT`] characters.
pub fn short(text: &str, what: &'static str) -> Result<String, CommError> {
    // Bytes bound the characters, so only long texts are counted.
    let got = if text.len() <= MAX_TEXT { 0 } else { text.chars().count() };
    if got > MAX_TEXT {
        return Err(CommError::TooLarge { what, got: got as u64, limit: MAX_TEXT as u64 });
    }
    Ok(text.to_owned())
}

/// A short text.
pub(crate) fn text(value: Raw<'_>, what: &'static str) -> Result<String, CommError> {
    short(value.as_str().ok_or_else(|| wrong(what, value))?, what)
}

/// A Dask address such as `tcp://10.0.0.1:8786`.
pub(crate) fn address(value: Raw<'_>, what: &'static str) -> Result<String, CommError> {
    let address = text(value, what)?;
    let shaped =
        address.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if !shaped || address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(CommError::Malformed(format!("{what}: not an address: {address:?}")));
    }
    Ok(address)
}

/// A count or a size: missing and nil are 0, floats (psutil gives some) lose their fraction.
pub(crate) fn count(value: Raw<'_>, what: &'static str) -> Result<u64, CommError> {
    if value.is_nil() {
        return Ok(0);
    }
    let float = || value.as_f64().filter(|f| (0.0..u64::MAX as f64).contains(f)).map(|f| f as u64);
    value.as_u64().or_else(float).ok_or_else(|| wrong(what, value))
}

/// A point in time or a duration, seconds; missing is 0.
pub(crate) fn seconds(value: Raw<'_>, what: &'static str) -> Result<f64, CommError> {
    if value.is_nil() {
        return Ok(0.0);
    }
    value.as_f64().filter(|f| f.is_finite()).ok_or_else(|| wrong(what, value))
}

/// The value is not what `what` must be.
pub(crate) fn wrong(what: &str, value: Raw<'_>) -> CommError {
    let kind = match value.token() {
        Token::Nil => "nil",
        Token::Boolean(_) => "a boolean",
        Token::Unsigned(_) | Token::Signed(_) => "an integer out of range",
        Token::F32(_) | Token::F64(_) => "a float out of place",
        Token::Text(text) if std::str::from_utf8(text).is_err() => "a text that is not UTF-8",
        Token::Text(_) => "a text",
        Token::Bytes(_) => "bytes",
        Token::Array(_) => "an array",
        Token::Map(_) => "a map",
    };
    CommError::Malformed(format!("{what}: unexpectedly {kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;

    fn raw<T>(value: Value, look: impl FnOnce(Raw<'_>) -> T) -> T {
        look(Raw::whole(&message::encode(&value).unwrap()).unwrap())
    }

    #[test]
    fn texts_are_bounded_in_characters() {
        assert_eq!(short(&"é".repeat(256), "x").unwrap().chars().count(), 256);
        assert!(matches!(
            short(&"é".repeat(257), "x"),
            Err(CommError::TooLarge { got: 257, limit: 256, .. })
        ));
    }

    #[test]
    fn addresses_have_a_scheme() {
        assert_eq!(raw("tls://[::1]:80".into(), |r| address(r, "x")).unwrap(), "tls://[::1]:80");
        for bad in ["", "w0", "://x", "tcp://", "tcp://a b", "tcp://a\n"] {
            assert!(matches!(raw(bad.into(), |r| address(r, "x")), Err(CommError::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn counts_are_not_negative() {
        assert_eq!(count(Raw::NIL, "x").unwrap(), 0);
        assert_eq!(raw(12.9.into(), |r| count(r, "x")).unwrap(), 12);
        assert_eq!(raw(u64::MAX.into(), |r| count(r, "x")).unwrap(), u64::MAX);
        for bad in
            [Value::from(-1), (-0.5).into(), f64::NAN.into(), f64::INFINITY.into(), 1e30.into(), "1".into()]
        {
            assert!(raw(bad.clone(), |r| count(r, "x")).is_err(), "{bad:?}");
        }
    }
}
