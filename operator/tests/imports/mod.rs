//! What a file of a crate imports from the rest of the crate, outside of its tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, visit::Visit};

/// Paths from `crate`, `super` or `self` on that a file uses, and what its `use` items call them.
#[derive(Default)]
pub struct Imports {
    /// Each path, segment by segment.
    pub paths: Vec<Vec<String>>,
    /// Names that `use` items bring in, with their paths.
    pub names: Vec<(String, Vec<String>)>,
}

impl Imports {
    /// Of the text of a file.
    pub fn of(text: &str) -> Self {
        let mut found = Self::default();
        found.visit_file(&syn::parse_file(text).unwrap());
        found
    }

    fn add(&mut self, tree: &UseTree, mut path: Vec<String>) {
        let (name, leaf) = match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                return self.add(&inner.tree, path);
            }
            UseTree::Group(group) => return group.items.iter().for_each(|t| self.add(t, path.clone())),
            UseTree::Glob(_) => ("*".to_string(), None),
            UseTree::Name(n) if n.ident == "self" => (path.last().cloned().unwrap_or_default(), None),
            UseTree::Name(n) => (n.ident.to_string(), Some(n.ident.to_string())),
            UseTree::Rename(n) => (n.rename.to_string(), Some(n.ident.to_string())),
        };
        path.extend(leaf);
        self.names.push((name, path.clone()));
        self.paths.push(path);
    }
}

impl<'a> Visit<'a> for Imports {
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
        self.add(&item.tree, Vec::new());
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.paths.push(path.segments.iter().map(|s| s.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }
}

fn is_of_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|i| i == "test")
}

/// The files below a folder and their modules' paths from the crate's root, but for tests.
pub fn files(source: &Path) -> Vec<(PathBuf, Vec<String>)> {
    let mut found = Vec::new();
    let mut folders = vec![(source.to_path_buf(), Vec::new())];
    while let Some((folder, module)) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let is_root = module.is_empty() && matches!(name.as_str(), "lib" | "main" | "bin");
            if is_root || name == "tests" || name == "testing" {
                continue;
            }
            let inner = [module.as_slice(), &[name]].concat();
            match path.is_dir() {
                true => folders.push((path, inner)),
                false if path.extension().is_some_and(|e| e == "rs") => found.push((path, inner)),
                false => {}
            }
        }
    }
    found
}
