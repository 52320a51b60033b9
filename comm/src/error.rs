//! What can go wrong on a Dask connection.

use thiserror::Error;

/// How many bytes of a remote error text are kept.
pub const MAX_REMOTE_TEXT: usize = 1024;

/// A failure of a connection or of one request on it.
#[derive(Debug, Error)]
pub enum CommError {
    /// The stream broke, or ended in the middle of a message.
    #[error("connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The peer did not do its part of `step` in time.
    #[error("timed out in {step}")]
    Timeout {
        /// What was being done, e.g. `handshake read` or `request identity`.
        step: String,
    },
    /// The peer sent (or declared) more than the limits allow.
    #[error("{what} too large: {got}, at most {limit} allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// What the peer sent or declared; `u64::MAX` when it does not fit.
        got: u64,
        /// The limit.
        limit: u64,
    },
    /// The bytes or the value are not what the protocol says.
    #[error("malformed {0}")]
    Malformed(String),
    /// The peer answered that the operation failed; the connection stays usable.
    #[error("{op} failed remotely: {text}")]
    Remote {
        /// The operation asked for.
        op: String,
        /// The peer's own words: one line, at most [`MAX_REMOTE_TEXT`] bytes.
        text: String,
    },
    /// The peer has no such operation: it answered nil where the operation never does.
    #[error("{op} is not supported by the peer")]
    Unsupported {
        /// The operation asked for.
        op: String,
    },
    /// Well-formed, but no sane scheduler says this.
    #[error("implausible {0}")]
    Implausible(String),
    /// The peer ended the connection before the first byte of its hello, which every Dask sends at once. A
    /// scheduler that speaks TLS does that.
    #[error("the peer closed the connection without a hello")]
    NoHello,
    /// The peer answered the hello with an alert of TLS.
    #[error("the peer speaks TLS")]
    SpeaksTls,
    /// An earlier failure, a cancelled request or the peer closed this connection.
    #[error("connection is closed")]
    Closed,
}

impl CommError {
    /// A remote failure; `text` is cut to [`MAX_REMOTE_TEXT`] bytes and made one line, as it ends up in logs.
    pub fn remote(op: &str, text: &str) -> Self {
        let end =
            (0..=MAX_REMOTE_TEXT.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        let text = text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self::Remote { op: op.to_owned(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_text_is_one_short_line() {
        // 2 bytes a character: 1024 is a boundary only without the leading ASCII one.
        let CommError::Remote { text, .. } = CommError::remote("x", &format!("\n{}", "é".repeat(2000)))
        else {
            panic!("not a remote error");
        };
        assert_eq!(text.len(), 1023);
        assert!(text.starts_with(" é"));
    }

    #[test]
    fn remote_text_cannot_steer_a_terminal() {
        // CSI, as one character of C1, begins an escape sequence like ESC [ does.
        let text = CommError::remote("x", "a\u{1b}[2J\u{9b}31m\u{85}b").to_string();
        assert_eq!(text, "x failed remotely: a [2J 31m b");
    }
}
