//! The table as a document: the same text from the same table.

use std::fmt::Write;

use super::{Expected, Proof, Row, Section, table};

const HEAD: &str =
    "<!-- Made from tests/src/compat: UPDATE_COMPATIBILITY=1 cargo test -p dask-operator-tests --lib -->

# Compatibility with dask-kubernetes

How manifests, clients, values files and habits that were made for dask-kubernetes fare with this operator. What
shows a row stands beside it; a row that names nothing is a statement. For each fixture

- `cargo test` reads it into this project's types;
- the end-to-end tests give it to a real API server, which is told to be strict.

*Accepted* means that. *Runs* means that an end-to-end test runs it with Dask on kind, to the end.
";

/// The document, as it stands in `docs/compatibility.md`.
pub fn document() -> String {
    let mut out = String::from(HEAD);
    for section in table() {
        section_to(&mut out, section);
    }
    out
}

fn section_to(out: &mut String, section: &Section) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\n## {}\n\n", section.title);
    if !section.text.is_empty() {
        let _ = write!(out, "{}\n\n", section.text);
    }
    let _ = writeln!(out, "| {} | with this operator | shown by |", section.column);
    out.push_str("|---|---|---|\n");
    for row in section.rows {
        let _ = writeln!(out, "| {} | {} | {} |", row.what, expected(row.expected), shown_by(row));
    }
}

fn expected(expected: Expected) -> String {
    match expected {
        Expected::Accepted => "accepted".into(),
        Expected::AcceptedWithWarning(words) => format!("accepted, with the warning `{words}`"),
        Expected::Runs(end) => format!("runs: {end}"),
        Expected::Behaves(how) => how.into(),
    }
}

fn shown_by(row: &Row) -> String {
    let fixture = row.path().zip(row.fixture).map(|(path, file)| format!("[{file}](../{path})"));
    let proofs = row.shown_by.iter().map(|Proof(file, text)| format!("[`{text}`](../{file})"));
    fixture.into_iter().chain(proofs).collect::<Vec<_>>().join(", ")
}
