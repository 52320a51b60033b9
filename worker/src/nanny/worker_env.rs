//! The environment that new workers get: what a Nanny sets before it starts one, and what its plugins changed.

use std::{collections::BTreeMap, path::PathBuf};

use dask_comm::{Value, field};
use dask_worker_line::Place;

use crate::python_module::NEEDS_NANNY;

/// What `distributed.nanny.pre-spawn-environ` is by default, each where it is not set: threads of Dask are the
/// parallelism, and freed memory goes back to the system.
const UNSET: [(&str, &str); 4] = [
    ("MALLOC_TRIM_THRESHOLD_", "65536"),
    ("OMP_NUM_THREADS", "1"),
    ("MKL_NUM_THREADS", "1"),
    ("OPENBLAS_NUM_THREADS", "1"),
];
/// Set by each Nanny, so that hashes are the same on all workers (`distributed/nanny.py`).
const HASH_SEED: (&str, &str) = ("PYTHONHASHSEED", "6640");
/// Most variables or folders a helper may set.
const MOST: usize = 4096;

/// What a process of Python is told of its nanny and itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own<'a> {
    /// Where its nanny is.
    pub nanny: &'a str,
    /// What proves to the nanny that it belongs to this pod.
    pub token: &'a str,
    /// Which one of several workers it is.
    pub place: Option<Place>,
    /// Worker processes that were started before it in this pod, the first one not counted.
    pub restarts: u64,
    /// Processes of this container that the kernel ended.
    pub oom_kills: i64,
}

/// What the plugins and functions of the nanny changed in the helper's process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Variables.
    env: BTreeMap<String, String>,
    /// Folders of modules, to be looked at first.
    path: Vec<String>,
    /// The working directory.
    pub cwd: Option<PathBuf>,
}

impl Changes {
    /// As the helper tells them.
    pub fn of(message: &Value) -> Self {
        let text = |v: &Value| v.as_str().map(String::from);
        let env = field(message, "env").and_then(Value::as_map).into_iter().flatten().take(MOST);
        let path = field(message, "path").and_then(Value::as_array).into_iter().flatten().take(MOST);
        Self {
            env: env.filter_map(|(k, v)| Some((text(k)?, text(v)?))).filter(|(k, _)| is_name(k)).collect(),
            path: path.filter_map(text).collect(),
            cwd: field(message, "cwd").and_then(text).map(PathBuf::from),
        }
    }

    /// The variables of a new process of Python, over those of the agent, which `is_set` tells.
    pub fn env(&self, own: &Own<'_>, is_set: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
        let unset = UNSET.into_iter().filter(|(name, _)| !is_set(name));
        let preset: BTreeMap<_, _> = unset.chain([HASH_SEED]).map(|(k, v)| (k.into(), v.into())).collect();
        let given = serde_json::json!({
            "preset": preset, "env": self.env, "path": self.path, "refused": NEEDS_NANNY,
            "place": own.place.map(|p| (p.index, p.of, p.says_threads)),
            "counts": {"restarts": own.restarts, "oom_kills": own.oom_kills},
        });
        let own = [("DASK_AGENT_NANNY", own.nanny), ("DASK_AGENT_TOKEN", own.token)];
        let own = own.map(|(k, v)| (k.to_owned(), v.to_owned()));
        let given = ("DASK_AGENT_GIVEN".to_owned(), given.to_string());
        preset.into_iter().chain(self.env.clone()).chain(own).chain([given]).collect()
    }
}

/// Whether the system takes it as a variable's name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(k, v)| (Value::from(*k), v.clone())).collect())
    }

    #[test]
    fn what_its_author_set_stays_and_what_a_plugin_set_wins() {
        let told = map(&[
            ("env", map(&[("A", "1".into()), ("OMP_NUM_THREADS", "4".into()), ("x=y", "1".into())])),
            ("path", Value::Array(vec!["/uploaded".into(), 7.into()])),
            ("cwd", Value::Nil),
        ]);
        let changes = Changes::of(&told);
        let env = changes.env(&Own::default(), |name| name == "MKL_NUM_THREADS");
        assert_eq!((env["A"].as_str(), env["OMP_NUM_THREADS"].as_str()), ("1", "4"));
        assert_eq!(env["PYTHONHASHSEED"], "6640");
        assert!(!env.contains_key("MKL_NUM_THREADS") && !env.contains_key("x=y"));
        assert!(env["DASK_AGENT_GIVEN"].contains(r#""path":["/uploaded"]"#), "{env:?}");
    }

    #[test]
    fn rubbish_changes_nothing() {
        for rubbish in [Value::Nil, map(&[("env", 1.into()), ("path", "x".into()), ("cwd", 2.into())])] {
            assert_eq!(Changes::of(&rubbish), Changes::default());
        }
    }
}
