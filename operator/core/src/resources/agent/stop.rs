//! The end of a worker's container, as far as the agent must be told of it: hooks, their time, and where its words go.

use serde_json::{Map, Value, json};

use crate::{
    model::names,
    resources::{
        agent_plan::{PATH, worker_container::elements},
        pod_defaults,
    },
};

/// Shells that a hook may run a line with.
const SHELLS: [&str; 4] = ["sh", "bash", "dash", "ash"];
/// Longest time that is believed of a hook, seconds: a day, which is longer than any grace period that makes sense.
const MOST: f64 = 86_400.0;

/// A hook that tells the agent to leave, and waits for it, unless the author has a hook: where an image's entry point
/// is the container's first process, it may not hand SIGTERM on.
pub(crate) fn hook(worker: &mut Map<String, Value>) {
    let lifecycle = worker.entry("lifecycle").or_insert_with(|| json!({}));
    if let Some(lifecycle) = lifecycle.as_object_mut() {
        let command = [&format!("{PATH}/{}", names::AGENT), "leave"];
        lifecycle.entry("preStop").or_insert_with(|| json!({"exec": {"command": command}}));
    }
}

/// Tells the agent what the author says of the container's end: how long a hook is known to take, which is part of the
/// grace period, and a place of the termination message.
pub(crate) fn tell(worker: &mut Map<String, Value>) {
    let hook = worker.get("lifecycle").map_or(0, |lifecycle| seconds(&lifecycle["preStop"]));
    if hook > 0 {
        pod_defaults::append_env_of(worker, &[("DASK_AGENT_PRESTOP_SECONDS", &hook.to_string())]);
    }
    let log = worker.get("terminationMessagePath").and_then(Value::as_str).map(String::from);
    if let Some(log) = log.filter(|log| !log.is_empty()) {
        pod_defaults::append_env_of(worker, &[("DASK_AGENT_TERMINATION_LOG", &log)]);
    }
}

/// Whole seconds that a hook is known to take at least: it sleeps so long.
fn seconds(hook: &Value) -> u64 {
    if let Some(seconds) = hook["sleep"]["seconds"].as_u64() {
        return seconds.min(MOST as u64);
    }
    let words: Vec<&str> = elements(&hook["exec"]["command"]).iter().filter_map(Value::as_str).collect();
    let (program, rest) = words.split_first().map_or(("", &[][..]), |(program, rest)| (name(program), rest));
    let slept = match rest {
        [option, line, ..]
            if SHELLS.contains(&program) && option.starts_with('-') && option.ends_with('c') =>
        {
            // What waits in a condition, a loop or the background is not known.
            line.split([';', '\n'])
                .flat_map(|part| part.split("&&"))
                .map(|command| {
                    let words: Vec<&str> = command.split_whitespace().collect();
                    slept(words.strip_prefix(&["exec"]).unwrap_or(&words))
                })
                .sum()
        }
        _ => slept(&words),
    };
    // Between 0 and a day.
    slept.clamp(0.0, MOST).ceil() as u64
}

/// Seconds of `sleep 20`, `sleep 1m 30s`; 0 for any other command.
fn slept(command: &[&str]) -> f64 {
    match command.split_first() {
        Some((program, times)) if name(program) == "sleep" => {
            let times: Option<Vec<f64>> = times.iter().map(|time| in_seconds(time)).collect();
            times.map_or(0.0, |times| times.iter().sum())
        }
        _ => 0.0,
    }
}

/// A time as `sleep` takes it.
fn in_seconds(time: &str) -> Option<f64> {
    let number = time.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &time[number.len()..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => MOST,
        _ => return None,
    };
    number.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0).map(|n| n * unit)
}

fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}
