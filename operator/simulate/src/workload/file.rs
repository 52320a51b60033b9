//! Workloads of one's own: a task, or a loss of workers, in each line, as JSON.
//!
//! ```json
//! {"key": "load-1", "at": 0, "seconds": 2.5}
//! {"key": "fit-1", "seconds": 60, "inputs": ["load-1"], "resources": {"GPU": 1}, "bytes": 1000000}
//! {"prefix": "score", "at": 30, "seconds": 0.5, "count": 200}
//! {"lose_one_in": 3, "at": 120}
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::workload::{Kind, Loss, Task, Workload};

/// Most tasks of a workload.
const MOST: usize = 1_000_000;
/// The longest that a task takes, and the latest that it comes, seconds: thirty days.
const LONGEST: f64 = 30.0 * 86_400.0;

/// What is wrong with a workload's file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A line is no task.
    #[error("line {line}: {why}; see `dask-operator simulate --help` for what a line has")]
    NoTask {
        /// Its number.
        line: usize,
        /// What is wrong, as the reader of JSON says it.
        why: serde_json::Error,
    },
    /// A value is out of bounds.
    #[error("line {line}: {field}: {value} must be {rule}")]
    Value {
        /// The line's number.
        line: usize,
        /// The field's name.
        field: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        rule: &'static str,
    },
    /// There is nothing to do.
    #[error("the file has no task: write one in each line, such as {{\"at\": 0, \"seconds\": 2.5}}")]
    Empty,
}

/// One line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: Option<String>,
    prefix: Option<String>,
    #[serde(default)]
    at: f64,
    seconds: Option<f64>,
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    resources: BTreeMap<String, f64>,
    #[serde(default)]
    bytes: u64,
    count: Option<usize>,
    lose_one_in: Option<usize>,
}

/// Reads a workload.
///
/// # Errors
/// A line is no task, or has a value that none can have.
pub fn read(name: &str, text: &str) -> Result<Workload, FileError> {
    let mut workload = Workload { name: name.into(), ..Workload::default() };
    let mut places = BTreeMap::new();
    for (n, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let number = n + 1;
        let line: Line = serde_json::from_str(text).map_err(|why| FileError::NoTask { line: number, why })?;
        let wrong = |field, value: String, rule| FileError::Value { line: number, field, value, rule };
        let at = milliseconds(line.at)
            .ok_or_else(|| wrong("at", line.at.to_string(), "a number of seconds from 0 to 2,592,000"))?;
        if let Some(one_in) = line.lose_one_in {
            if one_in == 0 {
                return Err(wrong("lose_one_in", one_in.to_string(), "1 (all workers) or more"));
            }
            workload.losses.push(Loss { at, one_in });
            continue;
        }
        add(&mut workload, &mut places, at, line)
            .map_err(|(field, value, rule)| wrong(field, value, rule))?;
    }
    if workload.tasks.is_empty() { Err(FileError::Empty) } else { Ok(workload) }
}

/// A field, what it says, and what it may say.
type Wrong = (&'static str, String, &'static str);

fn add(
    workload: &mut Workload,
    places: &mut BTreeMap<String, usize>,
    at: u64,
    line: Line,
) -> Result<(), Wrong> {
    let seconds = line.seconds.unwrap_or(-1.0);
    let rule = "there, and a number of seconds from 0 to 2,592,000";
    let takes = milliseconds(seconds).ok_or_else(|| ("seconds", seconds.to_string(), rule))?;
    let count = line.count.unwrap_or(1);
    if count == 0 || workload.tasks.len() + count > MOST {
        return Err(("count", count.to_string(), "at least 1, and at most 1,000,000 in all lines"));
    }
    let mut inputs = Vec::new();
    for key in &line.inputs {
        let place = places.get(key);
        inputs.push(*place.ok_or_else(|| ("inputs", format!("{key:?}"), "the key of a line before"))?);
    }
    if let Some((name, amount)) = line.resources.iter().find(|(_, a)| !(a.is_finite() && **a > 0.0)) {
        return Err(("resources", format!("{name}: {amount}"), "more than 0"));
    }
    let key = line.key.unwrap_or_default();
    let prefix = line.prefix.unwrap_or_else(|| prefix(&key));
    let kind = workload.kind(Kind { prefix, resources: line.resources.into_iter().collect() });
    if workload.kinds.len() > 192 {
        return Err(("prefix", workload.kinds[kind].prefix.clone(), "one of at most 192 kinds of tasks"));
    }
    if !key.is_empty() && places.insert(key.clone(), workload.tasks.len()).is_some() {
        return Err(("key", format!("{key:?}"), "another one in each line"));
    }
    let task = Task { at, takes, kind, inputs, bytes: line.bytes };
    workload.tasks.extend(std::iter::repeat_n(task, count));
    Ok(())
}

/// The first part of a key, less its number.
fn prefix(key: &str) -> String {
    match key.rsplit_once('-') {
        Some((prefix, number)) if number.chars().all(|c| c.is_ascii_digit()) => prefix.into(),
        _ if key.is_empty() => "task".into(),
        _ => key.into(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within bounds")]
fn milliseconds(seconds: f64) -> Option<u64> {
    (0.0..=LONGEST).contains(&seconds).then(|| (seconds * 1000.0).round() as u64)
}

#[cfg(test)]
mod tests;
