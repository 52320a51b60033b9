//! Small worlds: every way, and random ways, of one worker group through a few faults, in the pure core alone.
//!
//! A world is one group of at most four workers with its API server, watches that may run behind, kubelets, a
//! scheduler, an autoscaler and an operator that may end at any write. It is quiet when it begins; a [`Script`]
//! says what happens then, one event for each second. At every step the rules of `rules.rs` must hold, and when
//! the script is over the world must come to rest as it is wanted, and stay so.
//!
//! - [`search`] tries every script with so many events at any of so many steps, depth first. Worlds that are
//!   equal but for the moment (`fingerprint.rs`) go on alike, and are searched once.
//! - [`explore`] makes scripts of seeds, longer and with more events.
//! - [`replay`] runs a script again and tells what happens in it.
//!
//! A script that fails is made as short as it can be. It is written in words, such as
//! `3to1,person,data . . crash-after=1 answer-lost`.
//!
//! What it leaves out: writes of an operator's former process that come after its successor has listed all pods
//! (for a moment there may be more pods than wanted), and schedulers that refuse a worker whose earlier call,
//! which are not waited for any more, they carry out.

mod api;
mod apply;
mod apply_event;
mod dask;
mod event;
mod exhaustive;
mod fingerprint;
mod fixtures;
mod operator;
mod random_scripts;
mod rules;
mod runner;
mod script;
mod settle;
mod world;

pub use event::{Answer, Event, Fate, Target};
pub use exhaustive::{Bounds, Counted, beginnings, search};
pub use random_scripts::{Progress, script};
pub use rules::Broken;
pub use runner::{Failure, Replay, Runner};
pub use script::{Script, Start};

/// Why a script cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first word says how the world begins.
    #[error("script: {0:?} is no beginning; write for example 3to1,person,data")]
    Start(String),
    /// The other words are events.
    #[error("script: {0:?} is no event; `.` is nothing, `wait=5` is five seconds")]
    Event(String),
}

/// Random walks from this seed on until told to end, or until one fails.
pub fn explore(seed: u64, until: impl Fn() -> bool, report: &mut dyn FnMut(&Progress)) -> Option<Failure> {
    random_scripts::walks(seed, until, report)
}

/// Runs a script, and tells what happens.
///
/// # Errors
/// Words that are no script.
pub fn replay(text: &str) -> Result<Replay, Error> {
    Ok(Runner::default().tell(&text.parse()?))
}
