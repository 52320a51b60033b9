//! Modules use only those below them, so that each can be read without the ones above: no circles, in the core, in the shell and
//! in the agent.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, visit::Visit};

/// The shell, from what nothing depends on upwards: what it is told and shares, what it knows, what it does.
const SHELL: [&str; 20] = [
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

/// Top-level modules of the crate that a file uses, outside of its tests.
#[derive(Default)]
struct Used(BTreeSet<String>);

impl<'a> Visit<'a> for Used {
    fn visit_item(&mut self, item: &'a Item) {
        let attributes = match item {
            Item::Mod(ItemMod { attrs, .. }) | Item::Use(ItemUse { attrs, .. }) => attrs.as_slice(),
            _ => &[],
        };
        if !attributes.iter().any(is_of_tests) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        if let UseTree::Path(path) = &item.tree
            && path.ident == "crate"
        {
            self.first_of(&path.tree);
        }
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        let mut segments = path.segments.iter().map(|s| s.ident.to_string());
        if segments.next().as_deref() == Some("crate") {
            self.0.extend(segments.next());
        }
        syn::visit::visit_path(self, path);
    }
}

impl Used {
    fn first_of(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => drop(self.0.insert(path.ident.to_string())),
            UseTree::Name(name) => drop(self.0.insert(name.ident.to_string())),
            UseTree::Rename(name) => drop(self.0.insert(name.ident.to_string())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.first_of(tree)),
            UseTree::Glob(_) => {}
        }
    }
}

fn is_of_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|i| i == "test")
}

/// All files of a module: its own, and those of its folder but for tests.
fn files(source: &Path, module: &str) -> Vec<PathBuf> {
    let mut found = vec![source.join(module).with_extension("rs")];
    let mut folders = vec![source.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_of_tests = path.file_stem().is_some_and(|name| name == "tests" || name == "testing");
            match path.is_dir() {
                _ if is_of_tests => {}
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
                false => {}
            }
        }
    }
    found
}

/// Uses of modules that are not below the one that uses them.
fn upwards(source: &Path, layers: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, module) in layers.iter().enumerate() {
        for file in files(source, module) {
            let mut used = Used::default();
            used.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
            let above = used.0.iter().filter(|m| *m != module && layers[at..].contains(&m.as_str()));
            wrong.extend(above.map(|m| format!("{} uses {m}", file.display())));
        }
    }
    wrong
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

#[test]
fn a_use_is_found_wherever_it_stands() {
    let text = "use crate::{a::A, b}; fn f() { crate::c::g() } #[cfg(test)] mod tests { use crate::d; }";
    let mut used = Used::default();
    used.visit_file(&syn::parse_file(text).unwrap());
    assert_eq!(used.0.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
}
