//! Programs of Dask that newer releases do not have any more.

use dask_crds::PodSpecJson;
use serde_json::Value;

use crate::resources::agent_plan::worker_container::{elements, words};

/// Programs that distributed has had until 2025, and what takes their place in all releases since 2022.10.
const RENAMED: [(&str, &str); 2] = [("dask-worker", "dask worker"), ("dask-scheduler", "dask scheduler")];

/// What to do where a container of this pod crashes and runs such a program; nothing otherwise. An image of an older
/// release has it, so this is no fault by itself.
pub(crate) fn remedy(spec: &PodSpecJson) -> String {
    let containers = elements(spec.0.get("containers").unwrap_or(&Value::Null));
    let words: Vec<String> = containers.iter().flat_map(words).collect();
    let is_named = |program: &str| words.iter().any(|word| word.rsplit('/').next() == Some(program));
    let found = RENAMED.iter().find(|(old, _)| is_named(old));
    found.map_or_else(String::new, |(old, new)| {
        format!(
            "; new releases of distributed (2026.8) have no program {old}: if it is not found, write `{new}`"
        )
    })
}
