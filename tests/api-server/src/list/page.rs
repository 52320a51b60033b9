//! Tokens of pages: where the next page of a list begins.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::{status::Status, store::Key};

/// In the form that a real server gives it.
#[derive(Deserialize, Serialize)]
struct Token {
    v: String,
    /// Negative: whatever there is by then.
    rv: i64,
    start: String,
}

const FORM: &str = "meta.k8s.io/v1";

/// The token for what comes after an object, at a version or as it is by then.
pub(super) fn token(version: Option<u64>, namespace: &str, name: &str) -> String {
    let rv = version.map_or(-1, |version| i64::try_from(version).unwrap_or(i64::MAX));
    let token = Token { v: FORM.into(), rv, start: format!("{namespace}/{name}\0") };
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

/// The version of a token, and the object after which its page begins.
pub(super) fn read(token: &str) -> Result<(Option<u64>, Key), Status> {
    let bad = |why: String| {
        Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
    };
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .map_err(|_| bad("illegal base64 data at input byte 0".into()))?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|error| bad(unreadable(&bytes, &error)))?;
    if token.v != FORM {
        return Err(bad(format!("server does not recognize this encoded version {:?}", token.v)));
    }
    let start = token.start.trim_end_matches('\0');
    let (namespace, name) = start.split_once('/').unwrap_or(("", start));
    Ok((u64::try_from(token.rv).ok(), (namespace.into(), name.into())))
}

fn unreadable(bytes: &[u8], error: &serde_json::Error) -> String {
    match bytes.first() {
        Some(first) if error.classify() == Category::Syntax && !first.is_ascii() => {
            format!("invalid character '\\u{first:04x}' looking for beginning of value")
        }
        _ => crate::decode::go(bytes, error),
    }
}
