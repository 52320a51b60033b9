//! What happened, in words: compared between two runs of a seed, and read to understand a failure.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube_memory_api_server::Change;
use serde_json::Value;

use crate::clock::SimClock;

/// The story of a run.
#[derive(Clone, Debug)]
pub struct Trace {
    clock: SimClock,
    lines: Arc<Mutex<String>>,
    verbose: bool,
}

/// Most fields told of one change.
const FIELDS: usize = 6;

impl Trace {
    /// An empty story, told in the time of this clock; `verbose`: with what each change changed.
    pub fn new(clock: &SimClock, verbose: bool) -> Self {
        Self { clock: clock.clone(), lines: Arc::default(), verbose }
    }

    /// Whether changes are told field by field.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Tells of a change field by field.
    pub fn change(&self, change: &Change) {
        let null = Value::Null;
        let before = change.before.as_deref().unwrap_or(&null);
        let after = change.after.as_deref().unwrap_or(&null);
        let mut fields = Vec::new();
        if change.before.is_some() && change.after.is_some() {
            differences(before, after, &mut String::new(), &mut fields);
        }
        self.say(
            "  store",
            format_args!("{:?} {} {} {}", change.verb, change.resource, change.name, fields.join(", ")),
        );
    }

    /// Adds a line.
    pub fn say(&self, who: &str, what: std::fmt::Arguments<'_>) {
        let at = self.clock.elapsed();
        let mut lines = self.lock();
        // Writing to a String does not fail.
        let _ = writeln!(lines, "{:>5}.{:03} {who:<10} {what}", at.as_secs(), at.subsec_millis());
    }

    /// All of it.
    pub fn text(&self) -> String {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fields in which two values differ, with what they are now.
pub fn differences(before: &Value, after: &Value, path: &mut String, out: &mut Vec<String>) {
    if before == after || out.len() >= FIELDS || path == ".metadata.resourceVersion" {
        return;
    }
    let (Value::Object(b), Value::Object(a)) = (before, after) else {
        out.push(format!("{path} = {after}"));
        return;
    };
    let keys: std::collections::BTreeSet<&String> = b.keys().chain(a.keys()).collect();
    for key in keys {
        let length = path.len();
        path.push('.');
        path.push_str(key);
        differences(b.get(key).unwrap_or(&Value::Null), a.get(key).unwrap_or(&Value::Null), path, out);
        path.truncate(length);
    }
}
