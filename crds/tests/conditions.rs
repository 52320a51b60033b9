//! `docs/conditions.md` has every condition type and every reason that the operator's decisions name.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::{collections::BTreeSet, fs, path::Path};

/// Words of that shape that are no reasons.
const OTHERS: [&str; 11] = [
    "Candidate",
    "DaskAutoscaler",
    "DaskCluster",
    "DaskJob",
    "DaskWorkerGroup",
    "Deployment",
    "DisruptionTarget",
    "OnFailure",
    "Pod",
    "Service",
    "ValidatingAdmissionPolicy",
];

/// Functions whose second argument is a reason; the first is a constant.
const SECOND: [&str; 2] = ["yes(", "no("];

#[test]
fn every_type_and_reason_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut words = BTreeSet::new();
    collect(&root.join("operator/core/src"), &mut words);
    for known in ["ScaleDownBlocked", "NotOffered", "Scaled", "NeverStarted", "CreateRejected", "ReservedKey"]
    {
        assert!(words.contains(known), "{known} is not found: the search is wrong");
    }
    let document = fs::read_to_string(root.join("docs/conditions.md")).unwrap();
    let missing: Vec<_> = words
        .iter()
        .filter(|word| !OTHERS.contains(&word.as_str()) && !document.contains(&format!("`{word}`")))
        .collect();
    assert!(missing.is_empty(), "docs/conditions.md lacks {missing:?}");
}

/// The reasons that the sources below this folder name, without those of tests.
fn collect(folder: &Path, words: &mut BTreeSet<String>) {
    const OF_TESTS: [&str; 3] = ["tests", "tests.rs", "testing.rs"];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if OF_TESTS.contains(&name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, words);
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap();
            let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            words.extend(reasons(product));
        }
    }
}

/// String literals in CamelCase that are an argument, a part of a tuple, or a constant.
fn reasons(source: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut parts = source.split('"');
    let mut before = parts.next().unwrap_or_default().to_owned();
    while let (Some(literal), after) = (parts.next(), parts.next()) {
        let is_word = literal.len() > 2
            && literal.starts_with(|c: char| c.is_ascii_uppercase())
            && literal.chars().all(|c| c.is_ascii_alphabetic())
            && literal.contains(|c: char| c.is_ascii_lowercase());
        if is_word && names_a_reason(&before) {
            out.push(literal.to_owned());
        }
        let Some(after) = after else { break };
        before = after.to_owned();
    }
    out
}

/// Whether a reason follows this text.
fn names_a_reason(before: &str) -> bool {
    let before = before.trim_end();
    let constant = before
        .strip_suffix(',')
        .map(|b| b.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':').trim_end());
    before.ends_with('(')
        || before.ends_with(": &str =")
        || before.ends_with("=>")
        || constant.is_some_and(|b| SECOND.iter().any(|call| b.ends_with(call)))
}
