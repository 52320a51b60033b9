//! What was written for dask-kubernetes, and how this operator takes it: one table, from which the tests read what to
//! expect and `docs/compatibility.md` is made (`UPDATE_COMPATIBILITY=1 cargo test -p dask-operator-tests --lib`).

mod behaviour;
mod objects;
mod render;
#[cfg(test)]
mod tests;
mod versions;

use std::path::PathBuf;

pub use render::document;

use crate::settings;

/// Where the fixtures are, from the top of the checkout.
pub const FIXTURES: &str = "tests/compat";

/// A part of the table.
#[derive(Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What a reader should know first.
    pub text: &'static str,
    /// What the first column holds.
    pub column: &'static str,
    /// Its rows.
    pub rows: &'static [Row],
}

/// One thing that works as with dask-kubernetes, or does not.
#[derive(Debug)]
pub struct Row {
    /// A name for it, which no other row has.
    pub id: &'static str,
    /// What it is.
    pub what: &'static str,
    /// The manifest in [`FIXTURES`], if it is one.
    pub fixture: Option<&'static str>,
    /// What this operator makes of it.
    pub expected: Expected,
    /// Tests, or lines of a file, that show it.
    pub shown_by: &'static [Proof],
}

/// What this operator makes of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The API server takes the object, even where it is told to be strict.
    Accepted,
    /// The API server takes it and warns with these words; where it is told to be strict, it refuses with them.
    AcceptedWithWarning(&'static str),
    /// The API server takes it, and it runs to this end.
    Runs(&'static str),
    /// As these words say.
    Behaves(&'static str),
}

/// A file, from the top of the checkout, and a test or a text in it.
#[derive(Debug, Clone, Copy)]
pub struct Proof(pub &'static str, pub &'static str);

impl Row {
    const fn object(id: &'static str, what: &'static str, fixture: &'static str) -> Self {
        Self { id, what, fixture: Some(fixture), expected: Expected::Accepted, shown_by: &[] }
    }

    const fn says(
        id: &'static str,
        what: &'static str,
        how: &'static str,
        shown_by: &'static [Proof],
    ) -> Self {
        Self { id, what, fixture: None, expected: Expected::Behaves(how), shown_by }
    }

    const fn warned(self, words: &'static str) -> Self {
        Self { expected: Expected::AcceptedWithWarning(words), ..self }
    }

    const fn runs(self, end: &'static str, shown_by: &'static [Proof]) -> Self {
        Self { expected: Expected::Runs(end), shown_by, ..self }
    }

    /// The fixture's path from the top of the checkout.
    pub fn path(&self) -> Option<String> {
        self.fixture.map(|file| format!("{FIXTURES}/{file}"))
    }
}

/// The whole table, in the order of the document.
pub fn table() -> Vec<&'static Section> {
    [objects::SECTIONS, versions::SECTIONS, behaviour::SECTIONS].into_iter().flatten().collect()
}

/// Rows that are objects, with their fixtures' paths from the top of the checkout.
pub fn objects() -> Vec<(&'static Row, String)> {
    let rows = table().into_iter().flat_map(|section| section.rows);
    rows.filter_map(|row| Some((row, row.path()?))).collect()
}

/// The document that is made of the table.
pub fn document_path() -> PathBuf {
    settings::repository().join("docs/compatibility.md")
}
