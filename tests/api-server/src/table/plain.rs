//! The rows of kinds that have little to tell.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{age, text};
use crate::{kinds::Builtin, meta};

/// The cells of an object of such a kind.
pub(super) fn cells(builtin: Builtin, object: &Value, now: Timestamp) -> Vec<Value> {
    let keys = |at: &str| object.get(at).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    let between = match builtin {
        Builtin::Namespace => vec![json!(text(object, "/status/phase"))],
        Builtin::ConfigMap => vec![json!(keys("data") + keys("binaryData"))],
        Builtin::Secret => vec![json!(text(object, "/type")), json!(keys("data"))],
        Builtin::ServiceAccount => vec![json!(meta::list(object, "/secrets").len())],
        Builtin::ResourceQuota => quota(object).into(),
        Builtin::Lease => vec![json!(text(object, "/spec/holderIdentity"))],
        _ => Vec::new(),
    };
    let last = match builtin {
        // The only one that tells the time itself.
        Builtin::Definition => json!(meta::text(object, "creationTimestamp")),
        _ => age::of(object, now),
    };
    let mut cells = vec![json!(meta::text(object, "name"))];
    cells.extend(between);
    cells.push(last);
    cells
}

/// Requests and limits, used and allowed.
fn quota(object: &Value) -> [Value; 2] {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    let hard = object.pointer("/status/hard").and_then(Value::as_object);
    for (name, most) in hard.into_iter().flatten() {
        let used = object["status"]["used"][name].as_str().unwrap_or("0");
        let told = format!("{name}: {used}/{}", most.as_str().unwrap_or_default());
        if name.starts_with("limits.") { limits.push(told) } else { requests.push(told) }
    }
    [json!(requests.join(", ")), json!(limits.join(", "))]
}
