//! Reading of the scheduler's replies to the operations of [`crate::SchedulerClient`].

use crate::{CommError, DistributedVersion, raw::Raw, tokens::Token, typed};
use std::collections::BTreeSet;

/// Largest believable number of workers wanted.
const MAX_TARGET: u64 = 1_000_000;

/// Parts of the names of the tasks that move data between workers in a P2P shuffle, rechunk or join; the same
/// in 2024.1.0 to 2026.8.0. Fusing tasks may put other names around them.
const P2P_PREFIXES: [&str; 4] =
    ["shuffle-barrier", "shuffle-transfer", "rechunk-transfer", "hash-join-transfer"];

/// `adaptive_target`: how many workers are wanted.
pub fn target(reply: Raw<'_>) -> Result<u32, CommError> {
    let target = reply.as_u64().filter(|&n| n <= MAX_TARGET).and_then(|n| u32::try_from(n).ok());
    target.ok_or_else(|| match reply.as_f64() {
        Some(number) => CommError::Implausible(format!("adaptive target: {number}")),
        None => CommError::Implausible(typed::wrong("adaptive target", reply).to_string()),
    })
}

/// `workers_to_close`: at most `n` addresses.
pub fn to_close(reply: Raw<'_>, n: usize) -> Result<Vec<String>, CommError> {
    let list = reply.elements().ok_or_else(|| typed::wrong("workers to close", reply))?;
    if list.len() > n {
        return Err(CommError::Implausible(format!(
            "workers to close: {} where {n} were asked for",
            list.len()
        )));
    }
    list.map(|address| typed::address(address, "workers to close")).collect()
}

/// `ncores_running`: which of `asked` take tasks.
pub fn running(reply: Raw<'_>, asked: &[String]) -> Result<BTreeSet<String>, CommError> {
    let map = reply.entries().ok_or_else(|| typed::wrong("running workers", reply))?;
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    Ok(map.filter_map(|(a, _)| a.as_str()).filter(|a| asked.contains(a)).map(String::from).collect())
}

/// `retire_workers`: which of `asked` were accepted.
pub fn retired(reply: Raw<'_>, asked: &[String]) -> Result<BTreeSet<String>, CommError> {
    let map = reply.entries().ok_or_else(|| typed::wrong("retired workers", reply))?;
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    map.map(|(address, _)| match address.as_str() {
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
pub fn p2p_active(reply: Raw<'_>) -> Result<bool, CommError> {
    let prefixes = reply.entries().ok_or_else(|| typed::wrong("task prefix states", reply))?;
    for (prefix, states) in prefixes {
        let Some(prefix) = prefix.as_str() else { continue };
        if !P2P_PREFIXES.iter().any(|part| prefix.contains(part)) {
            continue;
        }
        for state in states.fields(["processing", "memory"]) {
            if typed::count(state, "task prefix states")? > 0 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// `check_idle`: since when the scheduler is idle, nil while it is not.
pub fn idle_since(reply: Raw<'_>) -> Result<Option<f64>, CommError> {
    match reply.token() {
        Token::Nil => Ok(None),
        _ => typed::seconds(reply, "idle since").map(Some),
    }
}

/// `versions`: that of the scheduler's `distributed`.
pub fn version(reply: Raw<'_>) -> Result<Option<DistributedVersion>, CommError> {
    if reply.entries().is_none() {
        return Err(typed::wrong("versions", reply));
    }
    let package = reply.field("packages").field("distributed");
    Ok(package.as_str().and_then(DistributedVersion::parse))
}
