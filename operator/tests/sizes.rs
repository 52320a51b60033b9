//! Files and functions are short, and functions take few parameters: in the whole workspace, tests included.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use syn::{FnArg, Pat, Signature, visit::Visit};

/// Most lines of code of a file, comments and empty lines left out.
const FILE: usize = 300;
/// Most lines of a function, its signature left out.
const FUNCTION: usize = 50;
/// Most parameters, the receiver left out. What a trait of others asks for is its own matter.
const PARAMETERS: usize = 4;

/// What is too long or takes too much in one file.
struct Found<'a> {
    file: &'a Path,
    /// Whether the functions are those of a trait, which says what they take.
    of_trait: bool,
    wrong: Vec<String>,
}

impl Found<'_> {
    fn function(&mut self, signature: &Signature, block: Option<&syn::Block>) {
        let at =
            format!("{}:{} {}", self.file.display(), signature.ident.span().start().line, signature.ident);
        let parameters: Vec<_> = signature.inputs.iter().filter(|a| matches!(a, FnArg::Typed(_))).collect();
        if parameters.len() > PARAMETERS && !self.of_trait {
            self.wrong.push(format!("{at} takes {} parameters", parameters.len()));
        }
        let is_tuple = |a: &&&FnArg| matches!(a, FnArg::Typed(t) if matches!(*t.pat, Pat::Tuple(_)));
        let tuples: usize = parameters.iter().filter(is_tuple).map(|_| 1).sum();
        if tuples > 0 && parameters.len() + tuples > PARAMETERS {
            self.wrong.push(format!("{at} takes parameters in tuples"));
        }
        let lines = block
            .map_or(0, |b| b.brace_token.span.close().start().line - b.brace_token.span.open().start().line);
        if lines > FUNCTION {
            self.wrong.push(format!("{at} has {lines} lines"));
        }
    }
}

impl<'a> Visit<'a> for Found<'_> {
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.function(&item.sig, Some(&item.block));
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        self.of_trait = item.trait_.is_some();
        syn::visit::visit_item_impl(self, item);
        self.of_trait = false;
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.function(&item.sig, Some(&item.block));
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        self.function(&item.sig, item.default.as_ref());
        syn::visit::visit_trait_item_fn(self, item);
    }
}

fn look_into(folder: &Path, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() {
            // What was built, and what is no source of ours.
            if name != "target" && !name.starts_with('.') {
                look_into(&path, wrong);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap();
            let is_code = |l: &&str| !l.trim().is_empty() && !l.trim_start().starts_with("//");
            let lines = text.lines().filter(is_code).count();
            if lines > FILE {
                wrong.push(format!("{} has {lines} lines", path.display()));
            }
            let mut found = Found { file: &path, of_trait: false, wrong: Vec::new() };
            found.visit_file(&syn::parse_file(&text).unwrap());
            wrong.extend(found.wrong);
        }
    }
}

#[test]
fn files_and_functions_are_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrong = Vec::new();
    for folder in ["comm", "crds", "operator", "tests", "worker"] {
        look_into(&root.join(folder), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}\n{} of them", wrong.join("\n"), wrong.len());
}
