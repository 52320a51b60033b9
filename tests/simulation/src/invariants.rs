//! What must hold at every write and at every moment, whatever goes wrong. ARCHITECTURE.md lists
//! the invariants by the names that are given here.
//!
//! The judge reads the API server's journal and the schedulers' own books, and nothing of the operator's.

mod autoscaling;
mod history;
mod ownership;
mod removal;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kube_memory_api_server::{Change, Verb};

use crate::dask::{Dask, Retired};
use history::Books;

/// What is wrong, and when it was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which invariant.
    pub rule: &'static str,
    /// What happened.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

/// Watches a world.
#[derive(Debug)]
pub struct Judge {
    books: Books,
    found: Vec<Violation>,
    all: BTreeSet<String>,
    /// How many operators may write at the same time.
    pub writers: usize,
    /// Creates and deletes of the operators, by resource.
    pub counts: BTreeMap<(&'static str, String), u64>,
}

/// What was true when an operator wrote.
struct Moment<'a> {
    books: &'a Books,
    dask: &'a Dask,
    now: Duration,
    /// Only one operator may write.
    is_alone: bool,
}

impl Judge {
    /// Who decides on what was true this long ago does no wrong: requests and watches take their time.
    pub fn new(allowance: Duration) -> Self {
        Self {
            books: Books::new(allowance),
            found: Vec::new(),
            all: BTreeSet::new(),
            writers: 1,
            counts: BTreeMap::new(),
        }
    }

    /// A change on the API server.
    pub fn saw(&mut self, change: &Change, now: Duration, dask: &Dask) {
        if change.user.starts_with("operator-") {
            self.count(change);
            let mut found = Vec::new();
            let moment = Moment { books: &self.books, dask, now, is_alone: self.writers == 1 };
            ownership::check(&self.books, change, now, &mut found);
            removal::check(&moment, change, &mut found);
            autoscaling::check(&moment, change, &mut found);
            if moment.is_alone {
                ownership::surplus(&self.books, change, now, &mut found);
            }
            self.found.extend(found);
        }
        self.books.note(change, now);
    }

    /// A scheduler was asked to let workers go.
    pub fn retired(&mut self, call: &Retired, now: Duration) {
        // Two that write at the same time may take back what the other one has just chosen.
        let since = (self.writers > 1).then(|| now.saturating_sub(self.books.allowance));
        removal::asked(&self.books, call, since, &mut self.found);
    }

    /// A worker's agent let its process end with data that no other worker has, though another worker could have taken it.
    pub fn lost(&mut self, pod: &str) {
        let what = format!("the agent of {pod} ended with data that others could have taken");
        self.found.push(Violation { rule: "last-copy-stays", what });
    }

    /// What was found since the last time.
    pub fn take_found(&mut self) -> Vec<Violation> {
        let found = std::mem::take(&mut self.found);
        self.all.extend(found.iter().map(ToString::to_string));
        found
    }

    /// All that was found.
    pub fn violations(&self) -> Vec<String> {
        self.all.iter().cloned().collect()
    }

    fn count(&mut self, change: &Change) {
        let verb = match change.verb {
            Verb::Create => "creates",
            Verb::Delete => "deletes",
            _ => return,
        };
        if change.resource.as_ref() != "events" {
            *self.counts.entry((verb, change.resource.to_string())).or_default() += 1;
        }
    }
}
