//! Short stable hashes of names and of JSON.

use std::io;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Ten hex digits (40 bits) of the SHA-256 of `parts`, each followed by a zero byte.
pub fn short(parts: &[&str]) -> String {
    hex(&digest(parts), 5)
}

/// Ten hex digits of the hash of what is written as JSON. A JSON value's keys are sorted, so their order does not
/// matter.
pub fn of_json(value: &impl Serialize) -> String {
    let mut hash = Hashing(Sha256::new());
    // What has texts as keys can be written, and nothing stops it here.
    if serde_json::to_writer(&mut hash, value).is_err() {
        return short(&[""]);
    }
    hash.0.update([0]);
    hex(&hash.0.finalize(), 5)
}

/// Hashes what is written to it, so that nothing of it need be kept.
struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A number from the hash of `parts`.
pub fn number(parts: &[&str]) -> u64 {
    digest(parts).iter().take(8).fold(0, |n, b| (n << 8) | u64::from(*b))
}

fn digest(parts: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().to_vec()
}

fn hex(bytes: &[u8], n: usize) -> String {
    bytes.iter().take(n).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let a: Value = serde_json::from_str(r#"{"a":1,"b":{"c":2,"d":3}}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"b":{"d":3,"c":2},"a":1}"#).unwrap();
        assert_eq!(of_json(&a), of_json(&b));
        assert_eq!(of_json(&a).len(), 10);
        assert_eq!(of_json(&a), short(&[&a.to_string()]), "as if it were written out");
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(short(&["ab", "c"]), short(&["a", "bc"]));
    }
}
