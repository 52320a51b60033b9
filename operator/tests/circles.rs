//! No file is part of a circle of imports, nor is a folder: each can be read before what uses it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod imports;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use imports::Imports;

type Module = Vec<String>;

/// The modules of a crate.
struct Crate(BTreeMap<Module, Imports>);

impl Crate {
    fn read(source: &Path) -> Self {
        let files = imports::files(source).into_iter();
        Self(files.map(|(file, module)| (module, Imports::of(&fs::read_to_string(file).unwrap()))).collect())
    }

    /// A path as it is seen from the crate's root, if it leads into the crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Module> {
        let up = path.iter().take_while(|s| *s == "super").count();
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([module, &path[1..]].concat()),
            "super" => Some([&module[..module.len().checked_sub(up)?], &path[up..]].concat()),
            // Only a module's own children have names without a root.
            first => {
                let child = [module, &[first.to_string()]].concat();
                self.0.contains_key(&child).then(|| [module, path].concat())
            }
        }
    }

    /// The file that has what the path leads to; through what a folder's own file hands on.
    fn file(&self, path: &[String]) -> Option<Module> {
        let length = (1..=path.len()).rev().find(|n| self.0.contains_key(&path[..*n]))?;
        let (module, rest) = path.split_at(length);
        let handed_on = rest.first().and_then(|name| {
            let names = &self.0[module].names;
            let target = names.iter().find(|(n, _)| n == name).map(|(_, path)| path)?;
            self.file(&self.absolute(module, target)?)
        });
        Some(handed_on.unwrap_or_else(|| module.to_vec()))
    }

    /// What each file uses; a file and those that it is divided into count as one where one of them is above the other.
    fn uses(&self) -> Vec<(&Module, Module)> {
        let all = self.0.iter().flat_map(|(module, imports)| imports.paths.iter().map(move |p| (module, p)));
        let found =
            all.filter_map(|(module, path)| Some((module, self.file(&self.absolute(module, path)?)?)));
        found.filter(|(from, to)| !from.starts_with(to) && !to.starts_with(from)).collect()
    }

    /// Circles among the files of one folder, what is below each being part of it.
    fn circles(&self) -> BTreeSet<String> {
        let mut folders: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (from, to) in self.uses() {
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            let uses = folders.entry(from[..common].to_vec()).or_default();
            uses.entry(from[common].clone()).or_default().insert(to[common].clone());
        }
        let found = folders.iter().flat_map(|(folder, uses)| {
            uses.keys()
                .filter(|m| reached(uses, m).contains(*m))
                .map(|m| [folder.join("::"), m.clone()].join("::"))
        });
        found.collect()
    }
}

/// All that a module uses, directly or not.
fn reached(uses: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&String> = uses.get(from).into_iter().flatten().collect();
    while let Some(module) = next.pop() {
        if seen.insert(module.clone()) {
            next.extend(uses.get(module).into_iter().flatten());
        }
    }
    seen
}

#[test]
fn no_file_and_no_folder_is_part_of_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for source in
        ["operator/src", "operator/core/src", "operator/simulate/src", "worker/src", "comm/src", "crds/src"]
    {
        assert_eq!(Crate::read(&root.join(source)).circles(), BTreeSet::new(), "{source}");
    }
}

#[test]
fn a_circle_through_what_a_folder_hands_on_is_found() {
    let module = |path: &str| path.split("::").map(String::from).collect();
    let files = [
        ("a", "mod b; mod c; mod d; pub use b::B;"),
        ("a::b", "use super::c::C;"),
        ("a::c", "use crate::a::B;"),
        ("a::d", "use super::B;"),
    ];
    let all = Crate(files.map(|(path, text)| (module(path), Imports::of(text))).into());
    assert_eq!(all.circles().into_iter().collect::<Vec<_>>(), ["a::b", "a::c"]);
}

#[test]
fn an_import_is_found_wherever_it_stands() {
    let text = "use crate::{a::A, b}; fn f() { crate::c::g() } #[cfg(test)] mod tests { use crate::d; }";
    let paths: Vec<_> = Imports::of(text).paths.iter().map(|p| p.join("::")).collect();
    assert_eq!(paths, ["crate::a::A", "crate::b", "crate::c::g"]);
}
