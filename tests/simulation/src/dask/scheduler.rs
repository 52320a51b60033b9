//! One scheduler: its workers, the tasks they run, the results they hold, and how it lets workers go.

mod leave;
mod shuffle;
mod time;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

pub use shuffle::Shuffle;

/// What a worker may hold, bytes.
pub const LIMIT: u64 = 1_000;

/// A task.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// How long it runs.
    pub takes: Duration,
    /// Bytes of its result; 0: it is not kept.
    pub result: u64,
}

/// A result, or data that a client put there.
#[derive(Clone, Debug)]
pub struct Key {
    /// Addresses of the workers that hold it.
    pub holders: BTreeSet<String>,
    /// Bytes.
    pub size: u64,
    /// It cannot be computed again.
    pub scattered: bool,
}

/// A worker process that is registered.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// UID of its pod.
    pub pod: String,
    /// Its pod's IP.
    pub host: String,
    /// It was told to leave, and gets no more tasks.
    pub leaving: bool,
    /// What it runs, and until when.
    pub runs: Option<(Task, Duration)>,
    /// When it registered.
    pub since: Duration,
    /// Its heartbeats stopped; the process is still there.
    pub frozen: bool,
    /// Its last heartbeat, and what it said there: tasks that run, bytes held.
    pub beat: (Duration, u64, u64),
}

/// How a scheduler behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mood {
    /// It answers nothing until then.
    pub silent_until: Duration,
    /// Every retirement is refused.
    pub refuses: bool,
    /// A retirement is accepted for one worker at most.
    pub accepts_one: bool,
    /// A retirement is answered only after this long; what it does, it does at once.
    pub answers_late: Duration,
    /// What it says instead of a target.
    pub says: Says,
    /// Every answer takes this long.
    pub slow: Duration,
    /// Every connection takes this long, and leads to who is there by then.
    pub connects_late: Duration,
    /// One of the workers that it tells of is no worker.
    pub garbles: bool,
    /// What it sends in place of answers.
    pub floods: Floods,
    /// It takes new connections with TLS only.
    pub tls: bool,
}

/// What a scheduler sends that means harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Floods {
    /// Nothing: it answers.
    #[default]
    No,
    /// A long row of nothing.
    Bulk,
    /// As many workers as no cluster has.
    Crowd,
    /// Arrays in arrays in arrays.
    Nested,
}

/// What a scheduler says when it is asked how many workers it wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Says {
    /// What it wants.
    #[default]
    Truth,
    /// Nothing that makes sense.
    Nonsense,
    /// Far too many.
    Millions,
    /// Twice as many as there are, as it does when memory runs out.
    Double,
    /// An error.
    Error,
}

impl Mood {
    /// Whether it answers nothing now.
    pub fn is_silent(&self, now: Duration) -> bool {
        now < self.silent_until
    }
}

/// A retirement that was asked for.
#[derive(Clone, Debug)]
pub struct Retired {
    /// The scheduler's id.
    pub scheduler: String,
    /// Pods of the workers that were asked for.
    pub asked: BTreeSet<String>,
    /// Whether their processes were to end.
    pub close: bool,
    /// Pods of those that ended and took part in a P2P shuffle.
    pub shuffling: BTreeSet<String>,
    /// Pods of those to be ended that this scheduler never told to leave before.
    pub unprepared: BTreeSet<String>,
}

/// A scheduler process.
#[derive(Clone, Debug)]
pub struct Scheduler {
    /// Its own id.
    pub id: String,
    /// UID of its pod.
    pub pod: String,
    /// Its cluster.
    pub cluster: String,
    /// Where it listens.
    pub ip: String,
    /// When it started.
    pub started: Duration,
    /// Its workers by address.
    pub workers: BTreeMap<String, Worker>,
    /// Results by number.
    pub keys: BTreeMap<u64, Key>,
    /// Tasks that wait for a worker.
    pub waiting: VecDeque<Task>,
    /// How it behaves.
    pub mood: Mood,
    /// It was given the operation that tells what waits.
    pub has_demand: bool,
    /// Pods of workers that were closed, not yet told to the world.
    pub closed: Vec<String>,
    /// Pods that were let go for good.
    pub let_go: BTreeSet<String>,
    /// Retirements, not yet told to the world.
    pub retired: Vec<Retired>,
    /// Targets that were answered, and when.
    pub targets: Vec<(Duration, u64)>,
    /// The P2P shuffle that runs.
    pub shuffle: Option<Shuffle>,
    /// When it last had nothing to do, since when.
    pub idle_since: Option<Duration>,
    next_key: u64,
    now: Duration,
}

/// Where a scheduler process runs.
pub(super) struct Place<'a> {
    /// UID of its pod.
    pub pod: &'a str,
    /// Its cluster.
    pub cluster: &'a str,
    /// Its pod's IP.
    pub ip: &'a str,
}

impl Scheduler {
    /// A scheduler without workers.
    pub(super) fn new(id: &str, place: &Place<'_>, now: Duration, mood: Mood) -> Self {
        Self {
            id: id.into(),
            pod: place.pod.into(),
            cluster: place.cluster.into(),
            ip: place.ip.into(),
            started: now,
            workers: BTreeMap::new(),
            keys: BTreeMap::new(),
            waiting: VecDeque::new(),
            mood,
            has_demand: false,
            closed: Vec::new(),
            let_go: BTreeSet::new(),
            retired: Vec::new(),
            targets: Vec::new(),
            shuffle: None,
            idle_since: None,
            next_key: 0,
            now,
        }
    }

    /// A worker comes.
    pub fn register(&mut self, pod: &str, name: &str, ip: &str) {
        let worker = Worker {
            name: name.into(),
            pod: pod.into(),
            host: ip.into(),
            leaving: false,
            runs: None,
            since: self.now,
            frozen: false,
            beat: (self.now, 0, 0),
        };
        self.workers.insert(format!("tcp://{ip}:40000"), worker);
        self.assign();
    }

    /// The workers of a pod are gone: what only they held is lost, and what they ran runs again.
    pub fn unregister(&mut self, pod: &str) {
        let gone: Vec<String> =
            self.workers.iter().filter(|(_, w)| w.pod == pod).map(|(a, _)| a.clone()).collect();
        for address in gone {
            if let Some((task, _)) = self.workers.remove(&address).and_then(|w| w.runs) {
                self.waiting.push_front(task);
            }
            self.drop_holder(&address);
        }
        self.assign();
    }

    fn drop_holder(&mut self, address: &str) {
        self.left_shuffle(address);
        for key in self.keys.values_mut() {
            key.holders.remove(address);
        }
        self.keys.retain(|_, k| !k.holders.is_empty());
    }

    /// Tasks come.
    pub fn submit(&mut self, tasks: impl IntoIterator<Item = Task>) {
        self.waiting.extend(tasks);
        self.assign();
    }

    /// A client puts data on one of the workers; answers whether there was one.
    pub fn scatter(&mut self, size: u64, nth: usize) -> bool {
        let open: Vec<&String> = self.workers.iter().filter(|(_, w)| !w.leaving).map(|(a, _)| a).collect();
        let Some(address) = nth.checked_rem(open.len()).map(|n| open[n].clone()) else { return false };
        self.hold(&address, size, true);
        true
    }

    /// No client needs any result any more.
    pub fn release(&mut self) {
        self.keys.clear();
    }

    /// No client needs the results of what runs now.
    pub fn want_no_results(&mut self) {
        for worker in self.workers.values_mut() {
            worker.runs = worker.runs.map(|(task, end)| (Task { result: 0, ..task }, end));
        }
    }

    fn hold(&mut self, address: &str, size: u64, scattered: bool) {
        self.next_key += 1;
        let holders = BTreeSet::from([address.to_string()]);
        self.keys.insert(self.next_key, Key { holders, size, scattered });
    }

    /// Bytes that a worker holds.
    pub fn bytes(&self, address: &str) -> u64 {
        self.keys.values().filter(|k| k.holders.contains(address)).map(|k| k.size).sum()
    }

    /// Whether nothing runs or waits.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.workers.values().all(|w| w.runs.is_none())
    }

    fn assign(&mut self) {
        let free = self.workers.values_mut().filter(|w| !w.leaving && !w.frozen && w.runs.is_none());
        for worker in free {
            let Some(task) = self.waiting.pop_front() else { break };
            worker.runs = Some((task, self.now + task.takes));
        }
        self.idle_since = self.is_idle().then(|| self.idle_since.unwrap_or(self.now));
    }

    /// How many workers it wants: enough to be through in five seconds, and one for each task at most.
    pub fn target(&mut self) -> u64 {
        let seconds = |t: &Task| t.takes.as_secs().max(1);
        let running = self.workers.values().filter_map(|w| w.runs.as_ref().map(|r| &r.0));
        let (count, work) =
            self.waiting.iter().chain(running).fold((0, 0), |(n, s), t| (n + 1, s + seconds(t)));
        let target = count.min(work.div_ceil(5));
        self.say_target(target);
        target
    }

    /// Remembers what was said.
    pub fn say_target(&mut self, target: u64) {
        self.targets.push((self.now, target));
    }

    /// Changes the workers of a pod.
    pub fn each_of(&mut self, pod: &str, change: impl Fn(&mut Worker)) {
        self.workers.values_mut().filter(|w| w.pod == pod).for_each(change);
        self.assign();
    }
}
