//! Typed, bounded access to decoded values.

use crate::CommError;
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
pub fn text(value: &Value, what: &'static str) -> Result<String, CommError> {
    short(value.as_str().ok_or_else(|| wrong(what, value))?, what)
}

/// A Dask address such as `tcp://10.0.0.1:8786`.
pub fn address(value: &Value, what: &'static str) -> Result<String, CommError> {
    let address = text(value, what)?;
    let shaped =
        address.split_once("://").is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if !shaped || address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(CommError::Malformed(format!("{what}: not an address: {address:?}")));
    }
    Ok(address)
}

/// A count or a size: missing and nil are 0, floats (psutil gives some) lose their fraction.
pub fn count(value: Option<&Value>, what: &'static str) -> Result<u64, CommError> {
    match value {
        None | Some(Value::Nil) => Ok(0),
        Some(value) => {
            let float = || value.as_f64().filter(|f| (0.0..u64::MAX as f64).contains(f)).map(|f| f as u64);
            value.as_u64().or_else(float).ok_or_else(|| wrong(what, value))
        }
    }
}

/// A point in time or a duration, seconds; missing is 0.
pub fn seconds(value: Option<&Value>, what: &'static str) -> Result<f64, CommError> {
    match value {
        None | Some(Value::Nil) => Ok(0.0),
        Some(value) => value.as_f64().filter(|f| f.is_finite()).ok_or_else(|| wrong(what, value)),
    }
}

/// The value is not what `what` must be.
pub fn wrong(what: &str, value: &Value) -> CommError {
    let kind = match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "a boolean",
        Value::Integer(_) => "an integer out of range",
        Value::F32(_) | Value::F64(_) => "a float out of place",
        Value::String(_) => "a text",
        Value::Binary(_) | Value::Ext(..) => "bytes",
        Value::Array(_) => "an array",
        Value::Map(_) => "a map",
    };
    CommError::Malformed(format!("{what}: unexpectedly {kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(address(&"tls://[::1]:80".into(), "x").unwrap(), "tls://[::1]:80");
        for bad in ["", "w0", "://x", "tcp://", "tcp://a b", "tcp://a\n"] {
            assert!(matches!(address(&bad.into(), "x"), Err(CommError::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn counts_are_not_negative() {
        assert_eq!(count(None, "x").unwrap(), 0);
        assert_eq!(count(Some(&12.9.into()), "x").unwrap(), 12);
        assert_eq!(count(Some(&u64::MAX.into()), "x").unwrap(), u64::MAX);
        for bad in
            [Value::from(-1), (-0.5).into(), f64::NAN.into(), f64::INFINITY.into(), 1e30.into(), "1".into()]
        {
            assert!(count(Some(&bad), "x").is_err(), "{bad:?}");
        }
    }
}
