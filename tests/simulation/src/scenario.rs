//! Scenarios: what people want and what goes wrong, at which time; and what came of it.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use serde_json::Value;
#[cfg(tokio_unstable)]
use tokio::runtime::Builder;
use tokio::runtime::Runtime;

use crate::{
    act::Act,
    final_state,
    network::{Faults, Planned, SILENCE},
    world::{Replicas, World},
};

/// How long after the last fault all must be as it should.
const SETTLE: Duration = Duration::from_secs(900);
/// After this long every object was looked at again (the operator's resync with its jitter), and not before.
const RESYNCED: Duration = Duration::from_secs(370);
/// In such steps it is looked whether all is as it should be.
const LOOK: Duration = Duration::from_secs(30);

/// What people want and what goes wrong.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name, for people.
    pub name: String,
    /// What happens, and when.
    pub script: Vec<(Duration, Act)>,
    /// The operators.
    pub replicas: Replicas,
    /// What happens to the writes with these numbers.
    pub planned: Vec<(u64, Planned)>,
    /// When everything that goes wrong ends.
    pub calm_at: Duration,
    /// How much later than it happens something may be seen, besides usual latencies.
    pub lag: Duration,
    /// Whether there are nodes that the operators can see.
    pub nodes: bool,
    /// Whether the operators have an agent to give.
    pub agents: bool,
    /// How long no watch may be there, in all.
    away: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What was wrong; empty: nothing.
    pub wrong: Vec<String>,
    /// What happened, in words.
    pub trace: String,
    /// Writes of the operators, in all.
    pub writes: u64,
    /// Their creates and deletes, by resource.
    pub counts: BTreeMap<(&'static str, String), u64>,
    /// The objects at the end, without what differs between runs.
    pub state: BTreeMap<String, Value>,
}

impl Scenario {
    /// A scenario in which nothing happens, with one operator.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            script: Vec::new(),
            replicas: Replicas { count: 1, elect: false },
            planned: Vec::new(),
            calm_at: Duration::from_secs(120),
            lag: Duration::ZERO,
            nodes: false,
            agents: false,
            away: Duration::ZERO,
        }
    }

    /// This happens at that second.
    #[must_use]
    pub fn at(mut self, second: u64, act: Act) -> Self {
        // A watch that is lost may be tried again in the next time without an API server.
        if let Act::Away { time } = &act {
            self.away += *time + SILENCE;
        }
        self.lag = self.lag.max(self.away).max(match &act {
            Act::Lag { time, .. } | Act::Freeze { time, .. } => *time,
            Act::Rates(rates) if rates.answer_lost > 0.0 || rates.request_lost > 0.0 => SILENCE,
            _ => Duration::ZERO,
        });
        self.nodes |= matches!(act, Act::NodeLeaves { .. });
        self.agents |= second == 0 && matches!(act, Act::Agents);
        self.script.push((Duration::from_secs(second), act));
        self
    }

    /// So many operators, which elect one that writes, or all write.
    #[must_use]
    pub fn operators(mut self, count: usize, elect: bool) -> Self {
        self.replicas = Replicas { count, elect };
        self
    }

    /// All that goes wrong ends at that second.
    #[must_use]
    pub fn calm_at(mut self, second: u64) -> Self {
        self.calm_at = Duration::from_secs(second);
        self
    }

    /// This happens to the write with that number, counted from 0 through all operators.
    #[must_use]
    pub fn write(mut self, number: u64, planned: Planned) -> Self {
        self.planned.push((number, planned));
        self
    }

    /// Runs it, to its checked end.
    pub fn run(&self, seed: u64) -> Report {
        self.run_with_trace(seed, false)
    }

    /// Runs it, and tells every change of a field where that is wanted.
    pub fn run_with_trace(&self, seed: u64, verbose: bool) -> Report {
        match runtime(seed) {
            Ok(runtime) => runtime.block_on(self.play(seed, verbose)),
            Err(error) => Report {
                seed,
                wrong: vec![format!("no runtime: {error}")],
                trace: String::new(),
                writes: 0,
                counts: BTreeMap::new(),
                state: BTreeMap::new(),
            },
        }
    }

    async fn play(&self, seed: u64, verbose: bool) -> Report {
        // What an operator sends may wait for its own time limit, and act on what it saw before.
        let world = World::new(seed, Duration::from_secs(35) + self.lag, verbose);
        world.judge_writers(if self.replicas.elect { 1 } else { self.replicas.count });
        self.arm(&world.faults);
        if self.nodes {
            world.make_nodes();
        }
        if self.agents {
            world.give_agents();
        }
        for (at, act) in &self.script {
            world.plan(*at, act.clone());
        }
        world.start_operators(self.replicas);
        world.until(self.calm_at).await;
        world.calm();
        let mut wrong = self.settle(&world).await;
        wrong.extend(world.violations());
        let report = Report {
            seed,
            wrong,
            writes: world.faults.writes(),
            counts: world.judged(|j| j.counts.clone()),
            state: final_state::state(&world),
            trace: world.trace.text(),
        };
        world.end();
        report
    }

    fn arm(&self, faults: &Faults) {
        for (write, planned) in &self.planned {
            faults.plan(*write, *planned);
        }
    }

    /// All becomes as it should be, with not too many writes, and then nothing is written though all is looked at.
    async fn settle(&self, world: &Arc<World>) -> Vec<String> {
        let limit = self.calm_at + SETTLE;
        let (mut writes, mut last) = (0, None);
        let (mut now, mut quiet_since) = (self.calm_at, self.calm_at);
        loop {
            now += LOOK;
            world.until(now).await;
            let new = world.take_writes();
            writes += new.len();
            if !new.is_empty() {
                (last, quiet_since) = (new.into_iter().next_back(), now);
            }
            let missing = final_state::missing(world);
            let is_quiet = now >= quiet_since + RESYNCED;
            if missing.is_empty() && is_quiet {
                break;
            }
            if now >= limit && !missing.is_empty() {
                return missing.into_iter().map(|m| format!("convergence: {m}")).collect();
            }
            if now >= limit + RESYNCED {
                return vec![format!("quiescence: there is no end to writing: {last:?}")];
            }
        }
        let most = final_state::most_writes(world);
        let is_one = self.replicas.elect || self.replicas.count == 1;
        if writes > most && is_one {
            return vec![format!(
                "convergence: {writes} writes until all was as it should be, and not {most} at most"
            )];
        }
        Vec::new()
    }
}

impl Report {
    /// Whether nothing was wrong.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }
}

/// A runtime with a paused clock, whose own chance the seed decides: which branch of a `select!` is looked at first.
#[cfg(tokio_unstable)]
fn runtime(seed: u64) -> io::Result<Runtime> {
    let seed = tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes());
    Builder::new_current_thread().enable_time().start_paused(true).rng_seed(seed).build()
}

#[cfg(not(tokio_unstable))]
fn runtime(_: u64) -> io::Result<Runtime> {
    Err(io::Error::other(
        "a seed would not repeat anything: give cargo the option `--config tests/cargo.toml`",
    ))
}
