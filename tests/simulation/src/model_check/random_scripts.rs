//! Random ways through a small world: a seed makes a script.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    event::{Event, Target},
    exhaustive,
    runner::{Failure, Runner},
    script::{Script, Start},
};

/// Most steps before calm.
const LONGEST: usize = 50;
/// How many walks go by between two reports.
const REPORT: u64 = 1000;

/// How far an exploration has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The next seed.
    pub seed: u64,
    /// Scripts that were run to their end.
    pub scenarios: u64,
    /// Decisions of the core.
    pub decisions: u64,
}

/// The script of a seed.
pub fn script(seed: u64) -> Script {
    let mut rng = StdRng::seed_from_u64(seed);
    let start = Start {
        workers: rng.random_range(0..=4),
        wanted: rng.random_range(0..=4),
        autoscaled: rng.random_ratio(1, 3),
        data: rng.random(),
    };
    let alphabet = exhaustive::alphabet();
    let calm = rng.random_range(0..10);
    let length = rng.random_range(4..LONGEST);
    let events = (0..length)
        .map(|_| match rng.random_range(0..12) {
            n if n < calm => Event::Calm,
            n if n == calm => other(&mut rng),
            _ => alphabet.choose(&mut rng).copied().unwrap_or(Event::Calm),
        })
        .collect();
    Script { start, events }
}

/// What is not in the tree's alphabet, or not with these numbers.
fn other(rng: &mut StdRng) -> Event {
    let which = rng.random_range(0..4);
    match rng.random_range(0..15) {
        0 => Event::Data(which),
        1 => Event::Big(which),
        2 | 3 => Event::Task(which),
        4 => Event::Fail(which),
        5 => Event::Evict(which),
        6 => Event::NodeLost(which),
        7 => Event::Freeze(which),
        8 => Event::Autoscale(rng.random()),
        9 => Event::Demand(Target::Error),
        10 => Event::Demand(Target::Huge),
        11 | 12 => Event::Demand(Target::Value(rng.random_range(0..=5))),
        13 => Event::Wait(rng.random_range(2..=100)),
        _ => Event::Resize(which + 1),
    }
}

/// Walks from this seed on, one seed after the other, until told to end; a walk that fails ends it too.
pub fn walks(mut seed: u64, until: impl Fn() -> bool, report: &mut dyn FnMut(&Progress)) -> Option<Failure> {
    let mut runner = Runner::default();
    let mut scenarios = 0;
    loop {
        if scenarios % REPORT == 0 {
            report(&Progress { seed, scenarios, decisions: runner.decisions });
            if until() {
                return None;
            }
        }
        let script = script(seed);
        if let Err(broken) = runner.run(&script) {
            return Some(runner.failure(script, broken, Some(seed)));
        }
        seed = seed.wrapping_add(1);
        scenarios += 1;
    }
}
