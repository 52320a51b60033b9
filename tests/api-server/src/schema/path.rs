//! Where in an object a walk is: a chain on the stack that becomes a text only where something is wrong.

use std::fmt::Write as _;

/// One step down.
#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    /// A field: `.name`.
    Field(&'a str),
    /// An element of a list: `[3]`.
    Index(usize),
    /// A key of a map, where the API server writes it so: `[name]`.
    Key(&'a str),
}

/// A place in an object.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    before: Option<&'a Path<'a>>,
    step: Step<'a>,
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Path<'static> = Path { before: None, step: Step::Root };

    pub(super) fn field(&'a self, name: &'a str) -> Path<'a> {
        Path { before: Some(self), step: Step::Field(name) }
    }

    pub(super) fn index(&'a self, index: usize) -> Path<'a> {
        Path { before: Some(self), step: Step::Index(index) }
    }

    pub(super) fn key(&'a self, key: &'a str) -> Path<'a> {
        Path { before: Some(self), step: Step::Key(key) }
    }

    pub(super) fn is_root(&self) -> bool {
        self.before.is_none()
    }

    /// The text in messages.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// The text of a field: the root is told as the API server tells it.
    pub(super) fn field_text(&self) -> String {
        if self.is_root() { "<nil>".to_owned() } else { self.text() }
    }

    fn write(&self, text: &mut String) {
        if let Some(before) = self.before {
            before.write(text);
        }
        match self.step {
            Step::Root => {}
            Step::Field(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            // Writing into a text cannot fail.
            Step::Index(index) => drop(write!(text, "[{index}]")),
            Step::Key(key) => drop(write!(text, "[{key}]")),
        }
    }
}
