//! Running scripts: one after the other from beginnings that are made once, shrunk and told when one fails.

use std::{collections::BTreeMap, fmt};

use super::{
    event::Event,
    rules::Broken,
    script::{Script, Start},
    settle::Nothing,
    world::World,
};

/// A script in which something does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What does not hold.
    pub broken: Broken,
    /// The script, as short as it was found.
    pub script: Script,
    /// The seed that made it, if one did.
    pub seed: Option<u64>,
    /// What happens in it, line by line.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{}", self.broken)?;
        if let Some(seed) = self.seed {
            writeln!(f, "seed {seed}, shortened")?;
        }
        write!(f, "script: {}", self.script)
    }
}

/// A script that was run again.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What happened, line by line.
    pub trace: Vec<String>,
    /// What did not hold, if anything.
    pub broken: Option<Broken>,
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        match &self.broken {
            Some(broken) => write!(f, "{broken}"),
            None => write!(f, "everything holds"),
        }
    }
}

/// How worlds begin; each beginning is made once.
#[derive(Default)]
pub struct Runner {
    beginnings: BTreeMap<String, World>,
    /// How often the core decided.
    pub decisions: u64,
}

impl Runner {
    /// A world of that beginning.
    ///
    /// # Errors
    /// What does not hold on the way there.
    pub fn begin(&mut self, start: Start) -> Result<World, Broken> {
        let name = start.to_string();
        if let Some(world) = self.beginnings.get(&name) {
            return Ok(world.clone());
        }
        let mut world = World::new(start)?;
        self.decisions += world.decisions;
        world.decisions = 0;
        self.beginnings.insert(name, world.clone());
        Ok(world)
    }

    /// Runs a script to its quiet end.
    ///
    /// # Errors
    /// What does not hold.
    pub fn run(&mut self, script: &Script) -> Result<(), Broken> {
        let mut world = self.begin(script.start)?;
        let end = to_the_end(&mut world, &script.events);
        self.decisions += world.decisions;
        end
    }

    /// Runs a script and tells what happens.
    pub fn tell(&mut self, script: &Script) -> Replay {
        let mut world = match self.begin(script.start) {
            Ok(world) => world,
            Err(broken) => return Replay { trace: Vec::new(), broken: Some(broken) },
        };
        world.log = Some(vec![format!("          the beginning: {}", world.describe())]);
        let broken = to_the_end(&mut world, &script.events).err();
        let mut trace = world.log.take().unwrap_or_default();
        trace.push(format!("          the end: {}", world.describe()));
        Replay { trace, broken }
    }

    /// The failure of this script, as short as it can be made by leaving out what does not matter.
    pub fn failure(&mut self, script: Script, broken: Broken, seed: Option<u64>) -> Failure {
        let script = self.shrink(script, broken.rule);
        let Replay { trace, broken: again } = self.tell(&script);
        Failure { broken: again.unwrap_or(broken), script, seed, trace }
    }

    /// Leaves out events, or lets nothing happen instead, as long as the same rule is broken.
    fn shrink(&mut self, mut script: Script, rule: &str) -> Script {
        loop {
            let before = script.clone();
            let mut i = script.events.len();
            while i > 0 {
                i -= 1;
                let mut shorter = script.clone();
                shorter.events.remove(i);
                let mut calmer = script.clone();
                calmer.events[i] = Event::Calm;
                for candidate in [shorter, calmer] {
                    let fails = self.run(&candidate).is_err_and(|b| b.rule == rule);
                    if fails && candidate != script {
                        script = candidate;
                        break;
                    }
                }
            }
            if script == before {
                return script;
            }
        }
    }
}

fn to_the_end(world: &mut World, events: &[Event]) -> Result<(), Broken> {
    for event in events {
        world.step(*event)?;
    }
    world.settle(&mut Nothing)
}
