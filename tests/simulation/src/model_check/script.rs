//! A script: how a small world begins, and what happens in it.

use std::{fmt, str::FromStr};

use super::{Error, event::Event};

/// How a world begins: quiet, with this many workers, each with a result that no other worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Workers that are there.
    pub workers: u8,
    /// The size that is asked for at the first step; by the scheduler, if there is an autoscaler.
    pub wanted: u8,
    /// Whether an autoscaler decides.
    pub autoscaled: bool,
    /// Whether workers hold results.
    pub data: bool,
}

/// How a world begins, and what happens in it, one event for each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// How it begins.
    pub start: Start,
    /// What happens.
    pub events: Vec<Event>,
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scaled = if self.autoscaled { "autoscaled" } else { "person" };
        let data = if self.data { "data" } else { "empty" };
        write!(f, "{}to{},{scaled},{data}", self.workers, self.wanted)
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start)?;
        self.events.iter().try_for_each(|e| write!(f, " {e}"))
    }
}

impl FromStr for Script {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        let start = start(first).ok_or_else(|| Error::Start(first.into()))?;
        let events = words.map(|w| w.parse().map_err(Error::Event)).collect::<Result<_, _>>()?;
        Ok(Self { start, events })
    }
}

fn start(text: &str) -> Option<Start> {
    let mut parts = text.split(',');
    let (workers, wanted) = parts.next()?.split_once("to")?;
    let autoscaled = parts.next()? == "autoscaled";
    let data = parts.next()? == "data";
    Some(Start { workers: workers.parse().ok()?, wanted: wanted.parse().ok()?, autoscaled, data })
}
