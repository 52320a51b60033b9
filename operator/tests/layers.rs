//! Modules use only those below them, so that each can be read without the ones above: no circles, in the core, in the shell and
//! in the agent.

#![allow(clippy::unwrap_used, reason = "a test")]

mod imports;

use std::{collections::BTreeSet, fs, path::Path};

use imports::Imports;

/// The shell, from what nothing depends on upwards: what it is told and shares, what it knows, what it does.
const SHELL: [&str; 21] = [
    "object_ref",
    "env",
    "clock_jump",
    "fair_shares",
    "telemetry",
    "metrics",
    "health",
    "leadership",
    "queue",
    "store",
    "context",
    "kubernetes",
    "scheduler",
    "apply",
    "reconcile",
    "watch",
    "controller",
    "http",
    "simulate",
    "cli",
    "testing",
];

/// The core: what there is, what can be done about it, how it is made and checked, and the decisions of each kind.
const CORE: [&str; 9] =
    ["model", "plan", "protocol", "resources", "validation", "worker_group", "cluster", "autoscaler", "job"];

/// The agent, from what nothing depends on upwards.
const AGENT: [&str; 20] = [
    "args",
    "proc_session",
    "child",
    "python_module",
    "install",
    "metrics",
    "http",
    "signals",
    "pre_stop",
    "drain_plan",
    "tls",
    "stream",
    "scheduler",
    "address",
    "pod_workers",
    "readiness",
    "drain",
    "nanny",
    "supervisor",
    "fake_scheduler",
];

/// Uses of modules that are not below the one that uses them.
fn upwards(source: &Path, layers: &[&str]) -> Vec<String> {
    let rank = |module: &str| layers.iter().position(|m| *m == module);
    let mut wrong = BTreeSet::new();
    for (file, module) in imports::files(source) {
        let imports = Imports::of(&fs::read_to_string(&file).unwrap());
        let used = imports.paths.iter().filter(|path| path[0] == "crate").filter_map(|path| path.get(1));
        let above = used.filter(|used| **used != module[0] && rank(used) >= rank(&module[0]));
        wrong.extend(above.map(|used| format!("{} uses {used}", file.display())));
    }
    wrong.into_iter().collect()
}

/// Top-level modules, by their files.
fn modules(source: &Path) -> BTreeSet<String> {
    let stems = fs::read_dir(source).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let is_module = path.extension().is_some_and(|e| e == "rs");
        is_module.then(|| path.file_stem().unwrap().to_string_lossy().into_owned())
    });
    stems.filter(|name| name != "lib" && name != "main").collect()
}

#[test]
fn modules_use_only_what_is_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = [("src", &SHELL[..]), ("core/src", &CORE[..]), ("../worker/src", &AGENT[..])];
    for (source, layers) in crates.map(|(source, layers)| (root.join(source), layers)) {
        let named: BTreeSet<String> = layers.iter().map(ToString::to_string).collect();
        assert_eq!(modules(&source), named, "each module has its place in {}", source.display());
        assert_eq!(upwards(&source, layers), Vec::<String>::new());
    }
}
