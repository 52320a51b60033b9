//! The row of an event.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{age, number, text};
use crate::meta;

/// The cells of an event.
pub(super) fn cells(event: &Value, now: Timestamp) -> Vec<Value> {
    let first_of = |places: &[&str]| {
        let times = places.iter().map(|at| text(event, at));
        times.into_iter().find(|t| !t.is_empty()).unwrap_or_default().to_string()
    };
    let first = first_of(&["/firstTimestamp", "/eventTime"]);
    let series = event.get("series").filter(|s| s.is_object());
    let (last, count) = match series {
        Some(series) => (text(series, "/lastObservedTime").to_string(), number(series, "/count")),
        None => {
            (first_of(&["/lastTimestamp", "/firstTimestamp", "/eventTime"]), number(event, "/count").max(1))
        }
    };
    let (kind, name) =
        (text(event, "/involvedObject/kind").to_lowercase(), text(event, "/involvedObject/name"));
    vec![
        json!(age::since(&last, now)),
        json!(text(event, "/type")),
        json!(text(event, "/reason")),
        json!(if name.is_empty() { kind } else { format!("{kind}/{name}") }),
        json!(text(event, "/involvedObject/fieldPath")),
        json!(source(event)),
        json!(text(event, "/message").trim()),
        json!(age::since(&first, now)),
        json!(count),
        json!(meta::text(event, "name")),
    ]
}

/// Who told it, and from where.
fn source(event: &Value) -> String {
    let either = |old: &str, new: &str| match text(event, old) {
        "" => text(event, new).to_string(),
        text => text.to_string(),
    };
    let who = either("/source/component", "/reportingComponent");
    let place = either("/source/host", "/reportingInstance");
    if place.is_empty() { who } else { format!("{who}, {place}") }
}
