//! How many workers the work that waits is worth, for work that workers of the cluster can do.
//!
//! The form is that of `Scheduler.adaptive_target` (distributed 2024.1 to 2026.8): seconds of work, divided by the seconds
//! in which it should be done, and no more than there are tasks. Its terms differ: see [`super::pace`] for how long that is
//! and what tasks are worth of which nothing is known, and [`super::durations`] for how long tasks take. Work that no
//! worker can do, and none of a group that is scaled could, is left out and told. And results that take more than their
//! share of the workers' memory ask for as many workers as hold them, in place of twice as many as there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    autoscaler::{durations::Durations, pace::Pace},
    model::{
        demand::{Demand, Shape, Work},
        scheduler::Snapshot,
        worker_address::WorkerAddress,
    },
    worker_group::MEMORY_TARGET,
};

/// The memory that workers keep for each byte of results when others go: `memory_ratio` of `workers_to_close`.
const MEMORY_RATIO: f64 = 2.0;
/// Most tasks that a worker is believed to run at the same time.
const MOST_AT_ONCE: f64 = 64.0;
/// Most workers that are believed to be wanted, as of an answer to `adaptive_target`.
const MOST: f64 = 1_000_000.0;

/// A group that is scaled, as far as it matters which work its workers can do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Offer {
    /// Abstract resources of each of its worker processes, as its template says; none, where that does not tell.
    pub resources: BTreeMap<String, f64>,
    /// Its workers that are registered.
    pub workers: BTreeSet<WorkerAddress>,
    /// The most worker processes that it may have.
    pub most: u32,
    /// How work becomes workers of it.
    pub pace: Pace,
}

impl Offer {
    fn serves(&self, shape: &Shape) -> bool {
        let has = |(name, amount): &(String, f64)| self.resources.get(name).is_some_and(|a| a >= amount);
        !shape.is_pinned && shape.resources.iter().all(has)
    }

    /// How many tasks of the shape a worker runs at the same time.
    fn at_once(&self, shape: &Shape) -> f64 {
        let times = |(name, amount): &(String, f64)| match self.resources.get(name) {
            Some(have) if *amount > 0.0 => (have / amount).floor(),
            Some(_) => f64::INFINITY,
            None => 1.0,
        };
        shape.resources.iter().map(times).fold(f64::INFINITY, f64::min).clamp(1.0, MOST_AT_ONCE)
    }
}

/// What the work is worth.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wish {
    /// Worker processes in all, as far as groups may have them.
    pub workers: u32,
    /// What work is worth that only one of the groups can do, by the place of the group in the offers.
    pub of_group: Vec<u32>,
    /// Work that is not counted, because no worker can do it.
    pub infeasible: Vec<Infeasible>,
}

/// Tasks that no worker can run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Infeasible {
    /// What they ask for.
    pub shape: Shape,
    /// How many are ready.
    pub tasks: u64,
}

/// Whose work it is.
enum Place {
    /// Any group's.
    Any,
    /// That of one group: the first that can do it.
    Group(usize),
    /// Workers have it that no scaled group gives: more of those do not come.
    Elsewhere,
    /// No worker can do it.
    Nowhere,
}

/// What was learned from the readings before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learned<'a> {
    /// Work that workers were tried for, which could not do it.
    pub unserved: &'a [Shape],
    /// How long tasks take.
    pub durations: &'a Durations,
}

/// What the work is worth, where `offers` are the groups that are scaled.
///
/// Where no worker is registered and no template tells, one is tried for work that is not known to be unserved: what it has
/// is seen then.
pub(crate) fn wish(demand: &Demand, snapshot: &Snapshot, offers: &[Offer], learned: Learned<'_>) -> Wish {
    let mut plain = Sum::default();
    let mut of_group: Vec<Sum> = offers.iter().map(|_| Sum::default()).collect();
    let (mut infeasible, mut tries): (Vec<Infeasible>, u32) = (Vec::new(), 0);
    let tells_nothing = snapshot.workers.is_empty() && offers.iter().all(|o| o.resources.is_empty());
    let may_be_served =
        |shape: &Shape| tells_nothing && !shape.is_pinned && !learned.unserved.contains(shape);
    for work in &demand.work {
        let seconds = learned.durations.of(work);
        match place(&work.shape, offers) {
            Place::Any => plain.add(work, seconds, 1.0),
            Place::Group(n) => of_group[n].add(work, seconds, offers[n].at_once(&work.shape)),
            Place::Elsewhere => {}
            Place::Nowhere if work.ready == 0 => {}
            Place::Nowhere if may_be_served(&work.shape) => tries = 1,
            Place::Nowhere => match infeasible.iter_mut().find(|i| i.shape == work.shape) {
                Some(same) => same.tasks = same.tasks.saturating_add(work.ready),
                None => infeasible.push(Infeasible { shape: work.shape.clone(), tasks: work.ready }),
            },
        }
    }
    let apart =
        of_group.iter().zip(offers).map(|(sum, o)| whole(sum.threads(o.pace, count(o.workers.len()))));
    let of_group: Vec<u32> = apart.collect();
    // No other group grows for what one may not have.
    let apart = of_group.iter().zip(offers).fold(0, |all: u32, (n, o)| all.saturating_add((*n).min(o.most)));
    let registered = whole(count(snapshot.workers.len()));
    let by_work = whole(plain_workers(&plain, demand, snapshot, offers)).saturating_add(apart);
    let more = by_work.max(whole(for_results(snapshot, 1.0 / MEMORY_TARGET)));
    let workers = more.max(tries).max(staying(demand, snapshot).min(registered));
    Wish { workers, of_group, infeasible }
}

/// Workers that work is worth which any worker does: it is the oldest group that grows for it.
fn plain_workers(plain: &Sum, demand: &Demand, snapshot: &Snapshot, offers: &[Offer]) -> f64 {
    let pace = offers.first().map(|o| o.pace).unwrap_or_default();
    let threads = plain.threads(pace, f64::from(demand.threads));
    // Threads count where it is known how many a worker has.
    if snapshot.workers.is_empty() || demand.threads == 0 {
        return threads;
    }
    (threads * count(snapshot.workers.len()) / f64::from(demand.threads)).ceil()
}

fn place(shape: &Shape, offers: &[Offer]) -> Place {
    if shape.resources.is_empty() && !shape.is_pinned {
        return Place::Any;
    }
    let serving = offers.iter().filter(|o| o.serves(shape)).count();
    // The group whose workers have the fewest resources that the work does not ask for, then the first.
    let waste = |n: &usize| (offers[*n].resources.len(), *n);
    match (0..offers.len()).filter(|n| offers[*n].serves(shape)).min_by_key(waste) {
        Some(_) if serving == offers.len() && offers.len() > 1 => Place::Any,
        Some(first) => Place::Group(first),
        // Where the template does not tell, a worker that has it does.
        None => match &shape.served_by {
            None => Place::Nowhere,
            Some(_) if shape.is_pinned => Place::Elsewhere,
            Some(worker) => match offers.iter().position(|o| o.workers.contains(worker)) {
                Some(_) if offers.len() == 1 => Place::Any,
                Some(n) => Place::Group(n),
                None => Place::Elsewhere,
            },
        },
    }
}

/// Work that is done by the same workers.
#[derive(Default)]
struct Sum {
    seconds: f64,
    tasks: f64,
    /// Tasks among them of which it is not known how long they take.
    unknown: f64,
    waits: bool,
}

impl Sum {
    /// Adds work of which one task takes so long, and of which a worker does so much `at_once`.
    fn add(&mut self, work: &Work, seconds: Option<f64>, at_once: f64) {
        let tasks = (count_u64(work.ready) + count_u64(work.assigned)) / at_once;
        self.tasks += tasks;
        self.waits |= work.ready > 0;
        match seconds {
            Some(seconds) => self.seconds += tasks * seconds.max(0.0),
            None => self.unknown += tasks,
        }
    }

    /// As many threads as do it in time, where there are so many `now`; not more than there are tasks.
    fn threads(&self, pace: Pace, now: f64) -> f64 {
        let in_time = self.seconds / pace.target() + pace.explore(self.unknown, now);
        let threads = in_time.ceil().min(self.tasks.ceil());
        if self.waits { threads.max(1.0) } else { threads }
    }
}

/// Workers of the size that there is now, on average, that have `times` the memory of all results; as many as there are
/// where one has no limit.
fn for_results(snapshot: &Snapshot, times: f64) -> f64 {
    let (bytes, limits) = snapshot.workers.values().fold((0.0, 0.0), |(bytes, limits): (f64, f64), w| {
        (bytes + count_u64(w.bytes), limits + count_u64(w.memory_limit))
    });
    let registered = count(snapshot.workers.len());
    if limits <= 0.0 || snapshot.workers.values().any(|w| w.memory_limit == 0) {
        return 0.0;
    }
    // At most as many again as there are: one answer does not ask for more.
    (bytes * times * registered / limits).ceil().min(2.0 * registered)
}

/// Workers that stay whatever waits: those that have tasks, and as many as hold the results with room.
fn staying(demand: &Demand, snapshot: &Snapshot) -> u32 {
    let registered = u32::try_from(snapshot.workers.len()).unwrap_or(u32::MAX);
    registered.saturating_sub(demand.idle_workers).max(whole(for_results(snapshot, MEMORY_RATIO)))
}

#[expect(clippy::cast_precision_loss, reason = "sizes of clusters")]
fn count(n: usize) -> f64 {
    n as f64
}

#[expect(clippy::cast_precision_loss, reason = "numbers of tasks and bytes, of which only the size matters")]
fn count_u64(n: u64) -> f64 {
    n as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within bounds")]
fn whole(n: f64) -> u32 {
    n.ceil().clamp(0.0, MOST) as u32
}

#[cfg(test)]
mod tests;
