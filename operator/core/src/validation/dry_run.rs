//! Templates tried on the API server before anything is made of them: what it says, and which field of
//! ours that is about.

mod rejection;

use std::{collections::BTreeMap, time::Duration};

use dask_crds::{Condition, ConditionStatus};

use crate::{
    model::time::Timestamp,
    plan::{
        check::Check,
        conditions::{ACCEPTED, SPEC_WARNING, UNKNOWN_FIELD},
        kind::Kind,
    },
};

pub use rejection::Rejection;

/// Reason of `Accepted`: all of it was tried, and taken.
pub const PROVED: &str = "Valid";
/// Reason of `Accepted`: a part could not be tried.
pub const UNPROVED: &str = "NotTried";

/// Most bytes of verdicts kept; the oldest goes first. Verdicts that push each other out are asked for without end,
/// so it is room for far more than one operator serves: a plain one takes some 200 bytes, and a cluster has three.
const ROOM: usize = 16 << 20;
/// What a verdict takes besides its texts: two entries in maps.
const FRAME: usize = 160;

/// What the API server says of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It would be taken.
    Valid {
        /// Paths of fields that it does not know, and would drop.
        unknown: Vec<String>,
    },
    /// It was refused for what is around it (a quota, a missing service account), or cannot be tried: it may
    /// be taken when it counts.
    Inconclusive,
    /// It would be refused.
    Invalid {
        /// Which fields, and why.
        causes: Vec<(String, String)>,
        /// The whole sentence.
        message: String,
    },
}

/// How long a verdict that is not a plain yes counts before it is asked for again: what it depends on may
/// have changed.
const VALID: Duration = Duration::from_secs(60);

/// Verdicts by key. Losing one costs another request.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    by_key: BTreeMap<String, Kept>,
    /// Keys in the order of their verdicts.
    by_number: BTreeMap<u64, String>,
    count: u64,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Kept {
    number: u64,
    at: Timestamp,
    verdict: Verdict,
}

impl Verdict {
    /// Bytes of its texts.
    fn size(&self) -> usize {
        match self {
            Self::Valid { unknown } => unknown.iter().map(String::len).sum(),
            Self::Inconclusive => 0,
            Self::Invalid { causes, message } => {
                causes.iter().map(|(field, text)| field.len() + text.len()).sum::<usize>() + message.len()
            }
        }
    }
}

impl Verdicts {
    /// Keeps a verdict.
    pub fn insert(&mut self, key: &str, verdict: Verdict, at: Timestamp) {
        self.forget(key);
        self.count += 1;
        self.bytes += size(key, &verdict);
        self.by_number.insert(self.count, key.into());
        self.by_key.insert(key.into(), Kept { number: self.count, at, verdict });
        while self.bytes > ROOM {
            let Some(oldest) = self.by_number.values().next().cloned() else { break };
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, key: &str) {
        if let Some(kept) = self.by_key.remove(key) {
            self.by_number.remove(&kept.number);
            self.bytes = self.bytes.saturating_sub(size(key, &kept.verdict));
        }
    }
}

fn size(key: &str, verdict: &Verdict) -> usize {
    FRAME + 2 * key.len() + verdict.size()
}

/// What several templates come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tried {
    /// Those that were not tried yet.
    pub open: Vec<Check>,
    /// Those to try again some time: nothing waits for it.
    pub again: Vec<Check>,
    /// Complaints about those that would be refused, with the kind of what would be made.
    pub invalid: Vec<(Kind, String)>,
    /// Whether something could not be tried.
    pub unproved: bool,
    /// When to look again at what would be refused.
    pub recheck_after: Option<Duration>,
    /// Fields that would be dropped.
    pub unknown: Vec<String>,
}

/// A template that may have been tried: its key, and how to make the object if it was not.
pub struct Candidate<'a> {
    /// Where its verdict is kept: everything that decides about it goes into the key.
    pub key: String,
    /// Makes what is tried.
    pub check: Box<dyn Fn(String) -> Check + 'a>,
}

impl std::fmt::Debug for Candidate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Candidate").field(&self.key).finish()
    }
}

impl<'a> Candidate<'a> {
    /// A template of a namespace; `hash` stands for all of it.
    pub fn new(kind: Kind, namespace: &str, hash: &str, check: impl Fn(String) -> Check + 'a) -> Self {
        Self { key: format!("{namespace}/{kind:?}/{hash}"), check: Box::new(check) }
    }
}

/// Looks up what the API server says of these.
pub fn look_up(verdicts: &Verdicts, candidates: Vec<Candidate<'_>>, now: Timestamp) -> Tried {
    let mut tried = Tried::default();
    for Candidate { key, check } in candidates {
        let Some(kept) = verdicts.by_key.get(&key) else {
            tried.open.push(check(key));
            continue;
        };
        let left = now.until(kept.at.plus(VALID));
        match &kept.verdict {
            Verdict::Valid { unknown } if unknown.is_empty() => continue,
            Verdict::Valid { unknown } => {
                let check = check(key);
                tried.unknown.extend(unknown.iter().map(|p| check.ours(p)));
                continue;
            }
            Verdict::Inconclusive => tried.unproved = true,
            Verdict::Invalid { causes, message } => {
                let check = check(key.clone());
                tried.invalid.push((check.kind, check.complaint(causes, message)));
                tried.recheck_after =
                    tried.recheck_after.into_iter().chain([left.max(Duration::from_secs(1))]).min();
            }
        }
        if left.is_zero() {
            tried.again.push(check(key));
        }
    }
    tried
}

/// Whether an earlier pass, perhaps of an earlier process, found the same spec in order; then the API server need not be
/// asked again. Conditions say so, if `is_same` says that they are about this spec.
pub fn is_known(conditions: &[Condition], is_same: impl Fn(&Condition) -> bool) -> bool {
    let accepted = conditions.iter().find(|c| c.type_ == ACCEPTED && c.status == ConditionStatus::True);
    let has_unknown = conditions.iter().any(|c| c.type_ == SPEC_WARNING && c.reason == UNKNOWN_FIELD);
    accepted.is_some_and(|c| c.reason == PROVED && is_same(c)) && !has_unknown
}

#[cfg(test)]
mod tests;
