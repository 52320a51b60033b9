//! A template that is to be tried on the API server.

use serde_json::Value;

use crate::plan::{conditions::shorten, kind::Kind};

/// Most complaints that are told of one template.
pub(crate) const TOLD: usize = 4;

/// One template to be tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Namespace and hash of what is tried.
    pub key: String,
    /// Kind of the object that would be made.
    pub kind: Kind,
    /// Namespace of the object that would be made.
    pub namespace: String,
    /// The whole object, as JSON: as values it would take many times the memory.
    pub body: String,
    /// Where the spec is that the object is made of.
    pub root: &'static str,
    /// From paths in the object that would be made to paths below `root`, the longest first.
    pub paths: Vec<(&'static str, &'static str)>,
    /// A list in the object whose first element is ours, and the author's come after it.
    pub ours_first: Option<&'static str>,
}

impl Check {
    /// The object that would be made of a template. Its owner is left out: it may not exist.
    pub fn new(key: String, kind: Kind, mut body: Value, paths: &[(&'static str, &'static str)]) -> Self {
        if let Some(meta) = body["metadata"].as_object_mut() {
            meta.remove("ownerReferences");
        }
        let namespace = body["metadata"]["namespace"].as_str().unwrap_or_default().to_string();
        let body = body.to_string();
        Self { key, kind, namespace, body, root: "", paths: paths.to_vec(), ours_first: None }
    }

    /// The spec that the object is made of is part of another one.
    #[must_use]
    pub fn below(self, root: &'static str) -> Self {
        Self { root, ..self }
    }

    /// The first element of this list is not the author's.
    #[must_use]
    pub fn with_ours_first(self, list: &'static str) -> Self {
        Self { ours_first: Some(list), ..self }
    }

    /// The path as if our element of a list were not there; `None`, where it is about that one.
    fn authors(&self, path: &str) -> Option<String> {
        let in_list = |list: &str| {
            let (index, rest) = path.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?;
            Some((format!("{list}["), index.parse::<usize>().ok()?, rest))
        };
        match self.ours_first.and_then(in_list) {
            Some((_, 0, _)) => None,
            Some((list, index, rest)) => Some(format!("{list}{}]{rest}", index - 1)),
            None => Some(path.into()),
        }
    }

    /// The path of ours that a path of the API server's means.
    pub fn ours(&self, path: &str) -> String {
        let Some(path) = self.authors(path) else { return format!("{path} (added by the operator)") };
        let path = path.as_str();
        let found = self.paths.iter().find_map(|(theirs, ours)| Some((ours, path.strip_prefix(theirs)?)));
        found.map_or_else(|| path.to_string(), |(ours, rest)| format!("{}{ours}{rest}", self.root))
    }

    /// What to say of complaints, each a path and a text.
    pub fn complaint(&self, causes: &[(String, String)], whole: &str) -> String {
        let mut told: Vec<String> = Vec::new();
        // What we add repeats what the author says: it is told once.
        let is_authors = |(path, _): &&(String, String)| self.authors(path).is_some();
        let has_authors = causes.iter().any(|c| is_authors(&c));
        for (path, text) in causes.iter().filter(|c| !has_authors || is_authors(c)) {
            let line = format!("{}: {text}", self.ours(path));
            if !told.contains(&line) {
                told.push(line);
            }
        }
        let more = told.len().saturating_sub(TOLD);
        told.truncate(TOLD);
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        if told.is_empty() {
            told.push(whole.to_string());
        }
        shorten(&told.join("; "), 600)
    }
}
