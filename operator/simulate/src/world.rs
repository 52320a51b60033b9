//! The cluster as it runs: workers that come and go, the tasks that run on them, and what a scheduler would tell.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    events::{Event, Events},
    graph::Graph,
    numbers::seconds,
    setup::Setup,
    workload::Workload,
};

/// Milliseconds between two heartbeats of a worker, of a cluster of some dozens.
const HEARTBEAT: u64 = 1_000;

/// A worker and its pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Its group, a place in [`Setup::groups`].
    pub group: usize,
    /// When its pod was asked for, milliseconds from the beginning.
    pub requested: u64,
    /// When it was registered.
    pub registered: Option<u64>,
    /// When its pod ended.
    pub ended: Option<u64>,
    /// The tasks that it runs, and since when.
    pub running: BTreeMap<usize, u64>,
    /// Size of the results that it holds.
    pub bytes: u64,
}

impl Worker {
    /// Whether it may take tasks.
    pub fn is_up(&self) -> bool {
        self.registered.is_some() && self.ended.is_none()
    }

    /// Whether its pod is there and the worker is not.
    pub fn is_starting(&self) -> bool {
        self.registered.is_none() && self.ended.is_none()
    }
}

/// How long tasks of a kind take, as Dask's scheduler learns it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// The moving average, seconds.
    pub average: Option<f64>,
    /// The longest that one has been seen to run, seconds.
    pub longest: Option<f64>,
}

/// What was lost and made again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Milliseconds of tasks that were interrupted.
    pub interrupted: u64,
    /// Tasks that were computed again because their result was gone.
    pub again: usize,
}

/// The cluster as it runs.
pub struct World<'a> {
    /// What runs on it.
    pub workload: &'a Workload,
    /// What it is made of.
    pub setup: &'a Setup,
    /// Milliseconds from the beginning.
    pub now: u64,
    /// All workers that there ever were.
    pub workers: Vec<Worker>,
    /// What was learned of each kind of task.
    pub measured: Vec<Measured>,
    /// What was lost.
    pub losses: Losses,
    /// Milliseconds that tasks were ready and ran on no worker, all together; tasks that no worker can do left out.
    pub waited: u64,
    /// The workers whose pods are there, in the order of their numbers.
    live: BTreeSet<usize>,
    /// Whether a worker of any group can do tasks of each kind.
    feasible: Vec<bool>,
    graph: Graph<'a>,
    events: Events,
    attempts: Vec<u32>,
}

impl<'a> World<'a> {
    /// With no worker; work comes as it is submitted.
    pub fn new(workload: &'a Workload, setup: &'a Setup) -> Self {
        let mut events = Events::default();
        workload.tasks.iter().enumerate().for_each(|(n, t)| events.add(t.at, Event::Submitted(n)));
        workload.losses.iter().enumerate().for_each(|(n, l)| events.add(l.at, Event::Lost(n)));
        events.add(0, Event::Heartbeat);
        Self {
            workload,
            setup,
            now: 0,
            workers: Vec::new(),
            measured: vec![Measured::default(); workload.kinds.len()],
            losses: Losses::default(),
            waited: 0,
            live: BTreeSet::new(),
            feasible: workload.kinds.iter().map(|k| setup.is_feasible(&k.resources)).collect(),
            graph: Graph::new(workload),
            events,
            attempts: vec![0; workload.tasks.len()],
        }
    }

    /// Ready tasks of a kind that no worker runs.
    pub fn ready(&self, kind: usize) -> usize {
        self.graph.ready[kind].len()
    }

    /// Tasks of each kind that run.
    pub fn running(&self) -> Vec<usize> {
        let mut count = vec![0; self.workload.kinds.len()];
        for task in self.live().flat_map(|(_, w)| w.running.keys()) {
            count[self.workload.tasks[*task].kind] += 1;
        }
        count
    }

    /// Whether all tasks are done that any worker can do.
    pub fn is_done(&self) -> bool {
        !self.graph.left.iter().enumerate().any(|(kind, left)| *left > 0 && self.is_feasible(kind))
    }

    /// Whether a worker of any group can do tasks of this kind.
    pub fn is_feasible(&self, kind: usize) -> bool {
        self.feasible[kind]
    }

    /// The workers whose pods are there, with their numbers.
    pub fn live(&self) -> impl Iterator<Item = (usize, &Worker)> + Clone {
        self.live.iter().map(|n| (*n, &self.workers[*n]))
    }

    /// Those that are registered.
    pub fn up(&self) -> impl Iterator<Item = (usize, &Worker)> + Clone {
        self.live().filter(|(_, w)| w.is_up())
    }

    /// The workers of a group whose pods are there.
    pub fn pods(&self, group: usize) -> impl Iterator<Item = (usize, &Worker)> {
        self.live().filter(move |(_, w)| w.group == group)
    }

    /// Asks for so many more workers, as far as the group may have them.
    pub fn grow(&mut self, group: usize, count: usize) {
        let room = self.setup.groups[group].maximum.saturating_sub(self.pods(group).count());
        for _ in 0..count.min(room) {
            let number = self.workers.len();
            self.events.add(self.now + self.setup.startup_of(number), Event::Registered(number));
            let (registered, ended) = (None, None);
            let running = BTreeMap::new();
            self.live.insert(number);
            self.workers.push(Worker { group, requested: self.now, registered, ended, running, bytes: 0 });
        }
    }

    /// Retires a worker, as Dask does it: its results move to another one, and what it runs is interrupted.
    pub fn retire(&mut self, worker: usize) {
        let taker = self.up().map(|(n, _)| n).find(|n| *n != worker);
        if let Some(taker) = taker {
            self.graph.moved(worker, taker);
            self.workers[taker].bytes += std::mem::take(&mut self.workers[worker].bytes);
        }
        self.end(worker);
    }

    /// Plans the autoscaler's next look.
    pub(crate) fn tick_in(&mut self, milliseconds: u64) {
        self.events.add(self.now + milliseconds, Event::Tick);
    }

    /// Goes on to the next event; answers whether it is the autoscaler's, `None` if nothing will happen any more.
    pub(crate) fn step(&mut self) -> Option<bool> {
        let (at, event) = self.events.next()?;
        let feasible = (0..self.feasible.len()).filter(|kind| self.is_feasible(*kind));
        let waiting: usize = feasible.map(|kind| self.ready(kind)).sum();
        self.waited += (at - self.now) * u64::try_from(waiting).unwrap_or(u64::MAX);
        self.now = at;
        match event {
            Event::Tick => return Some(true),
            Event::Heartbeat => {
                self.observe_running();
                self.events.add(at + HEARTBEAT, Event::Heartbeat);
                return Some(false);
            }
            Event::Submitted(task) => self.graph.submit(task),
            Event::Ended(task, worker, attempt) if self.attempts[task] == attempt => {
                self.task_ended(task, worker);
            }
            Event::Registered(worker) if self.workers[worker].ended.is_none() => {
                self.workers[worker].registered = Some(at);
            }
            Event::Lost(loss) => self.lose(self.workload.losses[loss].one_in),
            Event::Ended(..) | Event::Registered(_) => return Some(false),
        }
        self.assign();
        Some(false)
    }

    fn lose(&mut self, one_in: usize) {
        let up: Vec<usize> = self.up().map(|(n, _)| n).collect();
        for worker in up.into_iter().step_by(one_in.max(1)) {
            self.end(worker);
        }
    }

    /// The pod is gone, and what runs on it and is held by it.
    fn end(&mut self, worker: usize) {
        self.workers[worker].ended = Some(self.now);
        self.live.remove(&worker);
        for (task, since) in std::mem::take(&mut self.workers[worker].running) {
            self.attempts[task] += 1;
            self.losses.interrupted += self.now - since;
            self.graph.interrupted(task);
        }
        self.losses.again += self.graph.lost(worker);
        self.assign();
    }

    fn task_ended(&mut self, task: usize, worker: usize) {
        let of = &self.workload.tasks[task];
        self.workers[worker].running.remove(&task);
        self.workers[worker].bytes += of.bytes;
        for (released, holder) in self.graph.done(task, worker) {
            let bytes = self.workload.tasks[released].bytes;
            self.workers[holder].bytes = self.workers[holder].bytes.saturating_sub(bytes);
        }
        let took = seconds(of.takes);
        let average = &mut self.measured[of.kind].average;
        *average = Some(average.map_or(took, |before| 0.5 * before + 0.5 * took));
    }

    /// What heartbeats tell of tasks that run: `TaskPrefix.add_exec_time`.
    fn observe_running(&mut self) {
        for (task, since) in self.live.iter().flat_map(|n| &self.workers[*n].running) {
            let measured = &mut self.measured[self.workload.tasks[*task].kind];
            let so_far = seconds(self.now - since);
            measured.longest = Some(measured.longest.map_or(so_far, |l| l.max(so_far)));
            if measured.average.is_some_and(|average| so_far > 2.0 * average) {
                measured.average = None;
            }
        }
    }

    /// Workers with a free thread take ready tasks, the first ones first.
    fn assign(&mut self) {
        if self.graph.ready.iter().all(BTreeSet::is_empty) {
            return;
        }
        let free = |(n, w): (usize, &Worker)| (w.running.len() < self.setup.threads).then_some(n);
        let free: Vec<usize> = self.up().filter_map(free).collect();
        for worker in free {
            while self.workers[worker].running.len() < self.setup.threads {
                let Some(task) = self.next_for(worker) else { break };
                self.graph.take(task);
                self.workers[worker].running.insert(task, self.now);
                self.attempts[task] += 1;
                let ended = Event::Ended(task, worker, self.attempts[task]);
                self.events.add(self.now + self.workload.tasks[task].takes, ended);
            }
        }
    }

    fn next_for(&self, worker: usize) -> Option<usize> {
        let first = self.graph.ready.iter().enumerate().filter(|(_, ready)| !ready.is_empty());
        let can = first.filter(|(kind, _)| self.has_room(worker, *kind));
        can.filter_map(|(_, ready)| ready.first()).min().copied()
    }

    /// Whether the worker has what a task of this kind takes, beside what it runs.
    fn has_room(&self, worker: usize, kind: usize) -> bool {
        let Worker { group, running, .. } = &self.workers[worker];
        let of = |task: &usize| self.workload.kinds[self.workload.tasks[*task].kind].resources.iter();
        let taken = |name: &str| -> f64 {
            running.keys().flat_map(of).filter(|(n, _)| n == name).map(|(_, amount)| amount).sum()
        };
        let asked = &self.workload.kinds[kind].resources;
        let with_those = asked.iter().map(|(name, amount)| (name.clone(), amount + taken(name)));
        asked.is_empty() || self.setup.can(*group, &with_those.collect::<Vec<_>>())
    }
}
