//! The trees of files in ARCHITECTURE.md are what the files' first lines say. `UPDATE=1 cargo test --test architecture` writes
//! them anew.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{env, fs, path::Path};

/// Where the text begins, after a file's name, and where its further lines do.
const COLUMNS: (usize, usize) = (34, 36);
/// The longest line.
const WIDTH: usize = 120;

/// The first sentence of a file, without its dot.
fn says(text: &str) -> String {
    let lines = text.lines().map_while(|l| l.strip_prefix("//!")).take_while(|l| !l.trim().is_empty());
    let paragraph = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let sentence = paragraph.split(". ").next().unwrap_or_default();
    sentence.trim_end_matches(['.', ':']).replace(['[', ']'], "")
}

/// The line of a file, and further ones where it is long.
fn entry(name: &str, depth: usize, text: &str) -> Vec<String> {
    let start = format!("{:1$}{name}", "", depth * 2);
    let mut lines = vec![format!("{start:0$}", COLUMNS.0.max(start.len() + 1))];
    for word in says(text).split_whitespace() {
        let last = lines.last().unwrap();
        let is_first = last.trim().is_empty() || last.ends_with(' ');
        if last.chars().count() + usize::from(!is_first) + word.chars().count() > WIDTH {
            lines.push(" ".repeat(COLUMNS.1));
        } else if !is_first {
            lines.last_mut().unwrap().push(' ');
        }
        lines.last_mut().unwrap().push_str(word);
    }
    lines
}

/// A folder's files by name, each followed by its own folder's.
fn tree(folder: &Path, depth: usize) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.retain(|p| p.extension().is_some_and(|e| e == "rs"));
    names.retain(|p| !p.file_stem().is_some_and(|n| n == "tests" || n == "testing"));
    names.sort_by_key(|p| p.file_stem().map(ToOwned::to_owned));
    let mut lines = Vec::new();
    for file in names {
        let name = file.file_name().unwrap().to_string_lossy();
        lines.extend(entry(&name, depth, &fs::read_to_string(&file).unwrap()));
        let inner = file.with_extension("");
        if inner.is_dir() {
            lines.extend(tree(&inner, depth + 1));
        }
    }
    lines
}

#[test]
fn the_trees_are_what_the_files_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("ARCHITECTURE.md");
    let mut page = fs::read_to_string(&path).unwrap();
    for source in ["operator/core/src", "operator/simulate/src", "operator/src", "worker/src", "comm/src"] {
        let heading = page.find(&format!("### `{source}`")).unwrap();
        let start = heading + page[heading..].find("```\n").unwrap() + 4;
        let end = start + page[start..].find("```").unwrap();
        let tree = tree(&root.join(source), 0).join("\n") + "\n";
        if env::var_os("UPDATE").is_some() {
            page.replace_range(start..end, &tree);
            continue;
        }
        assert_eq!(page[start..end], tree, "{source}: UPDATE=1 writes it anew");
    }
    if env::var_os("UPDATE").is_some() {
        fs::write(path, page).unwrap();
    }
}
