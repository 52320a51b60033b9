//! Reading of the scheduler's replies to the operations of [`crate::SchedulerClient`].

use crate::{CommError, DistributedVersion, typed};
use rmpv::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Largest believable number of workers wanted.
const MAX_TARGET: u64 = 1_000_000;

/// Parts of the names of the tasks that move data between workers in a P2P shuffle, rechunk or join; the same
/// in 2024.1.0 to 2026.8.0. Fusing tasks may put other names around them.
const P2P_PREFIXES: [&str; 4] =
    ["shuffle-barrier", "shuffle-transfer", "rechunk-transfer", "hash-join-transfer"];

/// `adaptive_target`: how many workers are wanted.
pub fn target(reply: &Value) -> Result<u32, CommError> {
    let target = reply.as_u64().filter(|&n| n <= MAX_TARGET).and_then(|n| u32::try_from(n).ok());
    target.ok_or_else(|| match reply {
        Value::Integer(_) | Value::F32(_) | Value::F64(_) => {
            CommError::Implausible(format!("adaptive target: {reply}"))
        }
        other => CommError::Implausible(typed::wrong("adaptive target", other).to_string()),
    })
}

/// `workers_to_close`: at most `n` addresses.
pub fn to_close(reply: &Value, n: usize) -> Result<Vec<String>, CommError> {
    let list = reply.as_array().ok_or_else(|| typed::wrong("workers to close", reply))?;
    if list.len() > n {
        return Err(CommError::Implausible(format!(
            "workers to close: {} where {n} were asked for",
            list.len()
        )));
    }
    list.iter().map(|address| typed::address(address, "workers to close")).collect()
}

/// `processing`: number of tasks of each of `wanted` that the reply has.
pub fn processing(reply: &Value, wanted: &[String]) -> Result<BTreeMap<String, usize>, CommError> {
    let map = reply.as_map().ok_or_else(|| typed::wrong("processing", reply))?;
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    let mut counts = BTreeMap::new();
    for (address, keys) in map {
        let Some(address) = address.as_str().filter(|a| wanted.contains(a)) else { continue };
        let keys = keys.as_array().ok_or_else(|| typed::wrong("processing", keys))?;
        counts.insert(address.to_owned(), keys.len());
    }
    Ok(counts)
}

/// `ncores_running`: which of `asked` take tasks.
pub fn running(reply: &Value, asked: &[String]) -> Result<BTreeSet<String>, CommError> {
    let map = reply.as_map().ok_or_else(|| typed::wrong("running workers", reply))?;
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    Ok(map.iter().filter_map(|(a, _)| a.as_str()).filter(|a| asked.contains(a)).map(String::from).collect())
}

/// `retire_workers`: which of `asked` were accepted.
pub fn retired(reply: &Value, asked: &[String]) -> Result<BTreeSet<String>, CommError> {
    let map = reply.as_map().ok_or_else(|| typed::wrong("retired workers", reply))?;
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    map.iter()
        .map(|(address, _)| match address.as_str() {
            Some(address) if asked.contains(address) => Ok(address.to_owned()),
            _ => Err(CommError::Implausible("retired workers: one that was not asked for".into())),
        })
        .collect()
}

/// `get_task_prefix_states`: whether a P2P operation has begun and is not through.
///
/// Its transfer tasks stay in memory until its barrier is through, and the barrier until every output is
/// read, so one of them is being processed or in memory all the time. A waiting one alone means that the
/// operation has not begun.
pub fn p2p_active(reply: &Value) -> Result<bool, CommError> {
    let prefixes = reply.as_map().ok_or_else(|| typed::wrong("task prefix states", reply))?;
    for (prefix, states) in prefixes {
        let Some(prefix) = prefix.as_str() else { continue };
        if !P2P_PREFIXES.iter().any(|part| prefix.contains(part)) {
            continue;
        }
        for state in ["processing", "memory"] {
            if typed::count(typed::field(states, state), "task prefix states")? > 0 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// `check_idle`: since when the scheduler is idle, nil while it is not.
pub fn idle_since(reply: &Value) -> Result<Option<f64>, CommError> {
    match reply {
        Value::Nil => Ok(None),
        Value::Integer(_) | Value::F32(_) | Value::F64(_) => {
            typed::seconds(Some(reply), "idle since").map(Some)
        }
        other => Err(typed::wrong("idle since", other)),
    }
}

/// `versions`: that of the scheduler's `distributed`.
pub fn version(reply: &Value) -> Result<Option<DistributedVersion>, CommError> {
    if !reply.is_map() {
        return Err(typed::wrong("versions", reply));
    }
    let package = typed::field(reply, "packages").and_then(|packages| typed::field(packages, "distributed"));
    Ok(package.and_then(Value::as_str).and_then(DistributedVersion::parse))
}
