//! Files and functions of the operator are short, and functions take few parameters. Tests are left out.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{fs, path::Path};

use syn::{FnArg, Pat, Signature, visit::Visit};

/// Most lines of code of a file, comments and empty lines left out.
const FILE: usize = 300;
/// Most lines of a function, its signature left out.
const FUNCTION: usize = 50;
/// Most parameters, the receiver left out.
const PARAMETERS: usize = 4;

/// What is too long or takes too much in one file.
struct Found<'a> {
    file: &'a Path,
    wrong: Vec<String>,
}

impl Found<'_> {
    fn function(&mut self, signature: &Signature, block: Option<&syn::Block>) {
        let at =
            format!("{}:{} {}", self.file.display(), signature.ident.span().start().line, signature.ident);
        let parameters: Vec<_> = signature.inputs.iter().filter(|a| matches!(a, FnArg::Typed(_))).collect();
        if parameters.len() > PARAMETERS {
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

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.function(&item.sig, Some(&item.block));
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        self.function(&item.sig, item.default.as_ref());
        syn::visit::visit_trait_item_fn(self, item);
    }
}

fn is_of_tests(name: &str) -> bool {
    matches!(name.trim_end_matches(".rs"), "tests" | "testing")
}

fn look_into(folder: &Path, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() {
            if !is_of_tests(&name) {
                look_into(&path, wrong);
            }
        } else if name.ends_with(".rs") && !is_of_tests(&name) {
            let text = fs::read_to_string(&path).unwrap();
            let is_code = |l: &&str| !l.trim().is_empty() && !l.trim_start().starts_with("//");
            let lines = text.lines().filter(is_code).count();
            if lines > FILE {
                wrong.push(format!("{} has {lines} lines", path.display()));
            }
            let mut found = Found { file: &path, wrong: Vec::new() };
            found.visit_file(&syn::parse_file(&text).unwrap());
            wrong.extend(found.wrong);
        }
    }
}

#[test]
fn files_and_functions_are_short() {
    let shell = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for source in ["src", "core/src", "../comm/src", "../crds/src"] {
        look_into(&shell.join(source), &mut wrong);
    }
    assert!(wrong.is_empty(), "{}\n{} of them", wrong.join("\n"), wrong.len());
}
