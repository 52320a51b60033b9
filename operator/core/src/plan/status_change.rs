//! How soon a status that differs is written: what a person or a program acts on at once, counts at most once a second.

use std::time::Duration;

use serde_json::Value;

/// Counts are written at most this often for one object.
pub const PACE: Duration = Duration::from_secs(1);
/// What moves while pods come and go.
const COUNTS: [&str; 8] =
    ["replicas", "workers", "target", "waitingTasks", "desired", "created", "ready", "retiring"];

/// Whether `diff` to the status `old` is written at once: more than counts differs, and more than the words of a condition
/// that stays as it was.
pub fn is_urgent(diff: &Value, old: &Value) -> bool {
    let essence = |conditions: &Value| -> Vec<[Value; 3]> {
        let list = conditions.as_array().into_iter().flatten();
        list.map(|c| [c["type"].clone(), c["status"].clone(), c["reason"].clone()]).collect()
    };
    diff.as_object().into_iter().flatten().any(|(key, value)| match key.as_str() {
        "conditions" => essence(value) != essence(&old["conditions"]),
        key => !COUNTS.contains(&key),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_and_words_can_wait() {
        let condition = |reason: &str, message: &str| json!([{"type": "Ready", "status": "True", "reason": reason, "message": message}]);
        let old =
            json!({"conditions": condition("A", "3 of 4"), "workers": {"ready": 3}, "phase": "Running"});
        for (diff, urgent) in [
            (json!({"workers": {"ready": 4}, "replicas": 4}), false),
            (json!({"conditions": condition("A", "4 of 4")}), false),
            (json!({"conditions": condition("B", "3 of 4")}), true),
            (json!({"conditions": []}), true),
            (json!({"phase": "Error"}), true),
        ] {
            assert_eq!(is_urgent(&diff, &old), urgent, "{diff}");
        }
    }
}
