//! The cluster that work runs on: its groups of workers and how long these take to start.

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::numbers::scaled;

/// A group of workers.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Amounts of abstract resources of each worker, by name.
    pub resources: Vec<(String, f64)>,
    /// Fewest workers.
    pub minimum: usize,
    /// Most workers.
    pub maximum: usize,
}

/// The cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Its groups; the first is the one that others than the operator scale.
    pub groups: Vec<Group>,
    /// Threads of each worker.
    pub threads: usize,
    /// Memory of each worker, bytes.
    pub memory: u64,
    /// The median time from the request for a pod to the registration of its worker, milliseconds.
    pub startup: u64,
    /// What start-up times are drawn from.
    pub seed: u64,
}

/// How far start-up times are spread: the deviation of their logarithm. One in twenty takes half as long again.
const SPREAD: f64 = 0.25;

impl Setup {
    /// Whether a worker of the group can run such a task.
    pub fn can(&self, group: usize, asked: &[(String, f64)]) -> bool {
        let has = |(name, amount): &(String, f64)| {
            self.groups[group].resources.iter().any(|(n, have)| n == name && have >= amount)
        };
        asked.iter().all(has)
    }

    /// Whether a worker of any group can.
    pub fn is_feasible(&self, asked: &[(String, f64)]) -> bool {
        (0..self.groups.len()).any(|g| self.groups[g].maximum > 0 && self.can(g, asked))
    }

    /// How long the pod of this number takes to start, milliseconds: the same for every contender.
    pub fn startup_of(&self, pod: usize) -> u64 {
        let number = u64::try_from(pod).unwrap_or(u64::MAX);
        let mut random = StdRng::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(number));
        scaled(self.startup, (SPREAD * normal(&mut random)).exp())
    }
}

/// A number of the standard normal distribution (Box and Muller).
pub fn normal(random: &mut StdRng) -> f64 {
    let (a, b): (f64, f64) = (random.random_range(f64::EPSILON..1.0), random.random());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}
