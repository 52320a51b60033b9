//! Ages, as Kubernetes writes them: short, and the less exact the longer ago.

use jiff::Timestamp;
use serde_json::{Value, json};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// The age of an object, as a cell.
pub(super) fn of(object: &Value, now: Timestamp) -> Value {
    json!(since(crate::meta::text(object, "creationTimestamp"), now))
}

/// How long ago a time is.
pub(super) fn since(time: &str, now: Timestamp) -> String {
    if time.is_empty() {
        return "<unknown>".into();
    }
    match time.parse::<Timestamp>() {
        Ok(then) => short(now.duration_since(then)),
        Err(_) => "<invalid>".into(),
    }
}

/// A duration, as short as Kubernetes has it.
pub(super) fn short(duration: jiff::SignedDuration) -> String {
    let all = duration.as_secs();
    let two = |whole: i64, unit: &str, rest: i64, small: &str| {
        if rest == 0 { format!("{whole}{unit}") } else { format!("{whole}{unit}{rest}{small}") }
    };
    match all {
        // Clocks differ a little.
        -1 => "0s".into(),
        _ if all < 0 => "<invalid>".into(),
        _ if all < 2 * MINUTE => format!("{all}s"),
        _ if all < 10 * MINUTE => two(all / MINUTE, "m", all % MINUTE, "s"),
        _ if all < 3 * HOUR => format!("{}m", all / MINUTE),
        _ if all < 8 * HOUR => two(all / HOUR, "h", all % HOUR / MINUTE, "m"),
        _ if all < 2 * DAY => format!("{}h", all / HOUR),
        _ if all < 8 * DAY => two(all / DAY, "d", all % DAY / HOUR, "h"),
        _ if all < 2 * YEAR => format!("{}d", all / DAY),
        _ if all < 8 * YEAR => two(all / YEAR, "y", all % YEAR / DAY, "d"),
        _ => format!("{}y", all / YEAR),
    }
}
