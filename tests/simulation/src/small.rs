//! Small worlds: every way, and random ways, of one worker group through a few faults, in the pure core alone.

mod api;
mod carry;
mod dask;
mod event;
mod fingerprint;
mod fixtures;
mod happen;
mod operator;
mod rules;
mod run;
mod script;
mod settle;
mod tree;
mod walk;
mod world;

pub use event::{Answer, Event, Fate, Target};
pub use rules::Broken;
pub use run::{Failure, Replay, Runner};
pub use script::{Script, Start};
pub use tree::{Bounds, Counted, beginnings, search};
pub use walk::{Progress, script, walks};

/// Why a script cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first word says how the world begins.
    #[error("script: {0:?} is no beginning; write for example 3to1,person,data")]
    Start(String),
    /// The other words are events.
    #[error("script: {0:?} is no event; `.` is nothing, `wait=5` is five seconds")]
    Event(String),
    /// What the world is made of does not fit the kinds any more.
    #[error("fixtures: {0}; correct tests/simulation/src/small/fixtures.rs")]
    Fixture(#[from] serde_json::Error),
    /// The world does not even begin as it must.
    #[error("the beginning: {0}")]
    Broken(#[from] Broken),
}

/// Random walks from this seed on until told to end.
///
/// # Errors
/// A world that does not begin as it must.
pub fn explore(
    seed: u64,
    until: impl Fn() -> bool,
    report: &mut dyn FnMut(&Progress),
) -> Result<Option<Failure>, Error> {
    walks(seed, until, report)
}

/// Runs a script, and tells what happens.
///
/// # Errors
/// Words that are no script.
pub fn replay(text: &str) -> Result<Replay, Error> {
    Runner::default().tell(&text.parse()?)
}
