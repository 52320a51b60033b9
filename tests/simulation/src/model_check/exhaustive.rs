//! Every way through a small world: at each step nothing or one event of the alphabet, so many in all.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    event::{Answer, Event, Fate},
    fingerprint,
    rules::Broken,
    runner::{Failure, Runner},
    script::{Script, Start},
    settle::Known,
    world::World,
};

/// How much is searched.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Steps in which something may happen; calm follows.
    pub depth: usize,
    /// Most events.
    pub events: usize,
}

/// What was searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Scripts whose end is known: the leaves of the tree.
    pub scripts: u64,
    /// Scripts that were run to a leaf of their own; the others lead to a world that was searched before.
    pub leaves: u64,
    /// Decisions of the core.
    pub decisions: u64,
}

impl Counted {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            scripts: self.scripts + other.scripts,
            leaves: self.leaves + other.leaves,
            decisions: self.decisions + other.decisions,
        }
    }
}

/// What may happen in the tree.
pub fn alphabet() -> Vec<Event> {
    let mut all: Vec<Event> = (0..=3).map(Event::Resize).collect();
    all.extend([
        Event::Data(0),
        Event::Task(0),
        Event::Task(4),
        Event::Fail(0),
        Event::NodeLost(0),
        Event::KubeletPause,
        Event::Silent,
        Event::Stall,
        Event::SlowReading,
        Event::NoOffer,
        Event::NewScheduler,
        Event::Crash,
        Event::LagPods,
        Event::Trickle,
        Event::LagGroup,
    ]);
    let answers =
        [Answer::Partial, Answer::Refuse, Answer::LostDone, Answer::Lost, Answer::Late, Answer::Delay];
    all.extend(answers.map(Event::Answer));
    for fate in
        [Fate::Conflict, Fate::Forbidden, Fate::LostDone, Fate::Lost, Fate::CrashBefore, Fate::CrashAfter]
    {
        all.extend((0..3).map(|n| Event::Write(fate, n)));
    }
    all
}

/// The beginnings for one to three workers: grown or shrunk by a person, or by an autoscaler.
pub fn beginnings() -> Vec<Start> {
    let mut all = Vec::new();
    for workers in 0..=3 {
        for wanted in 0..=3 {
            for (autoscaled, data) in [(false, false), (false, true), (true, true)] {
                let is_empty = data && workers == 0;
                if !is_empty {
                    all.push(Start { workers, wanted, autoscaled, data });
                }
            }
        }
    }
    all
}

/// Searches all scripts of one beginning.
///
/// # Errors
/// The first script that fails, shortened.
pub fn search(start: Start, bounds: Bounds, runner: &mut Runner) -> Result<Counted, Box<Failure>> {
    let mut tree = Tree { alphabet: alphabet(), ..Tree::default() };
    let searched = runner.begin(start).and_then(|world| tree.below(&world, bounds));
    match searched {
        Ok(scripts) => Ok(Counted { scripts, leaves: tree.leaves, decisions: tree.ends.decisions }),
        Err(broken) => Err(Box::new(runner.failure(Script { start, events: tree.path }, broken, None))),
    }
}

/// The search, depth first.
#[derive(Default)]
struct Tree {
    alphabet: Vec<Event>,
    /// The way to where the search is.
    path: Vec<Event>,
    /// Scripts below a world with so many steps and events left.
    searched: BTreeMap<(u64, usize, usize), u64>,
    ends: Ends,
    leaves: u64,
}

/// Worlds that nothing disturbs any more and that came to rest.
#[derive(Default)]
struct Ends {
    known: BTreeSet<u64>,
    decisions: u64,
}

impl Known for Ends {
    fn is_known(&mut self, world: &World) -> bool {
        !self.known.insert(fingerprint::of(world))
    }
}

impl Tree {
    /// How many scripts there are from here.
    fn below(&mut self, world: &World, left: Bounds) -> Result<u64, Broken> {
        if left.depth == 0 || left.events == 0 {
            self.leaves += 1;
            let mut end = world.clone();
            let before = end.decisions;
            end.settle(&mut self.ends)?;
            self.ends.decisions += end.decisions - before;
            return Ok(1);
        }
        let key = (fingerprint::of(world), left.depth, left.events);
        if let Some(scripts) = self.searched.get(&key) {
            return Ok(*scripts);
        }
        let mut scripts = self.child(world, Event::Calm, left.depth, left.events)?;
        for i in 0..self.alphabet.len() {
            scripts += self.child(world, self.alphabet[i], left.depth, left.events - 1)?;
        }
        self.searched.insert(key, scripts);
        Ok(scripts)
    }

    /// How many scripts begin with this event. One that changes nothing is none of its own.
    fn child(&mut self, world: &World, event: Event, depth: usize, events: usize) -> Result<u64, Broken> {
        self.path.push(event);
        let mut child = world.clone();
        let happened = child.step(event)?;
        self.ends.decisions += child.decisions - world.decisions;
        let scripts = if happened { self.below(&child, Bounds { depth: depth - 1, events })? } else { 0 };
        self.path.pop();
        Ok(scripts)
    }
}
