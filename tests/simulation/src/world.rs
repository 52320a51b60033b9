//! The world around the operators: an API server, machines that run pods, schedulers, people, and a judge.
//!
//! It acts in turns: a turn does what is due, and says when the next one is. What changes something on the API
//! server lets the world see it at once, so that the judge knows each write in the state it was made in.

mod agents;
mod api;
mod deployments;
mod events;
mod kubelet;
mod nodes;
mod operators;
mod pods;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kube_memory_api_server::{ApiServer, Definitions, Settings};
use tokio::{sync::Notify, time::Instant};

pub use deployments::owner;
pub use operators::Replicas;
pub use pods::{Part, PodState};

use crate::{
    act::Act,
    clock::SimClock,
    dask::Dask,
    invariants::Judge,
    manifest::NAMESPACE,
    network::{Asked, Faults},
    seeded_random::Chance,
    trace::Trace,
};

/// Our kinds. If they were refused, no scenario would get further than its first object.
static DEFINITIONS: LazyLock<Definitions> =
    LazyLock::new(|| Definitions::new(&dask_crds::definitions()).unwrap_or_default());

/// Everything but the operators themselves.
pub struct World {
    /// Its time.
    pub clock: SimClock,
    /// What happened.
    pub trace: Trace,
    /// Its API server.
    pub server: ApiServer,
    /// Its schedulers.
    pub dask: Dask,
    /// What goes wrong.
    pub faults: Faults,
    changed: Notify,
    operators: Mutex<BTreeMap<String, operators::Instance>>,
    state: Mutex<State>,
    seed: u64,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// What is still to happen.
#[derive(Clone, Debug)]
enum Event {
    Bind(String),
    Run(String),
    Join(String),
    End(String, i64),
    Gone(String),
    Leave(String),
    Kill(String),
    Taint(String),
    NodeBack(String),
    NodeGone,
    Thaw(String),
    Deployment(String),
    Collect,
    Act(Box<Act>),
    Operator(String),
}

struct State {
    seen: usize,
    judge: Judge,
    events: BTreeMap<(Duration, u64), Event>,
    count: u64,
    chance: Chance,
    pods: BTreeMap<String, PodState>,
    addresses: u32,
    bad_images: bool,
    full_nodes: bool,
    agents: bool,
    /// The image of the agent that the operators give to workers.
    agent_image: Option<String>,
    /// Agents whose workers leave, by their pods' UIDs.
    leaving: BTreeMap<String, agents::Agent>,
    /// Pods whose agents ended with what no other worker has, and the scheduler that knew of it.
    lost: BTreeMap<String, String>,
    nodes: nodes::Nodes,
    /// Written by the operators since the world is calm.
    writes: VecDeque<String>,
}

impl World {
    /// A world without anything in it.
    pub fn new(seed: u64, allowance: Duration, verbose: bool) -> Arc<Self> {
        let clock = SimClock::begin();
        let trace = Trace::new(&clock, verbose);
        let of_server = clock.clone();
        let settings = Settings { managed_fields: false, ..Settings::default() };
        let server = ApiServer::with_definitions(&DEFINITIONS, move || of_server.jiff(), settings);
        let state = State {
            seen: server.journal_len(),
            judge: Judge::new(allowance),
            events: BTreeMap::new(),
            count: 0,
            chance: Chance::new(seed, 2),
            pods: BTreeMap::new(),
            addresses: 0,
            bad_images: false,
            full_nodes: false,
            agents: false,
            agent_image: None,
            leaving: BTreeMap::new(),
            lost: BTreeMap::new(),
            nodes: nodes::Nodes::default(),
            writes: VecDeque::new(),
        };
        let world = Self {
            dask: Dask::new(&clock, &trace),
            faults: Faults::new(seed),
            clock,
            trace,
            server,
            changed: Notify::new(),
            operators: Mutex::default(),
            state: Mutex::new(state),
            seed,
        };
        world.make_namespace(NAMESPACE);
        Arc::new(world)
    }

    /// What is to happen at this time.
    pub fn plan(&self, at: Duration, act: Act) {
        self.lock().at(at, Event::Act(Box::new(act)));
        self.changed.notify_one();
    }

    /// Lets the world go on until then.
    pub async fn until(self: &Arc<Self>, end: Duration) {
        loop {
            let next = self.turn();
            let now = self.clock.elapsed();
            if now >= end {
                return;
            }
            let wake = Instant::now() + next.unwrap_or(end).min(end).saturating_sub(now);
            let _ = tokio::time::timeout_at(wake, self.changed.notified()).await;
        }
    }

    /// Does what is due; answers when the next thing is.
    fn turn(self: &Arc<Self>) -> Option<Duration> {
        loop {
            self.observe();
            let now = self.clock.elapsed();
            let event = {
                let mut state = self.lock();
                match state.events.first_entry() {
                    Some(first) if first.key().0 <= now => first.remove(),
                    first => return first.map(|f| f.key().0),
                }
            };
            self.happens(event);
        }
    }

    fn happens(self: &Arc<Self>, event: Event) {
        match event {
            Event::Bind(uid) => self.bind(&uid),
            Event::Run(uid) => self.run(&uid),
            Event::Join(uid) => self.join(&uid),
            Event::End(uid, code) => self.process_ended(&uid, code),
            Event::Gone(uid) => self.gone(&uid),
            Event::Leave(uid) => self.leave(&uid),
            Event::Kill(uid) => self.kill(&uid),
            Event::Taint(uid) => self.taint(&uid),
            Event::NodeBack(uid) => self.node_back(&uid),
            Event::NodeGone => self.node_gone(),
            Event::Thaw(uid) => self.thaw(&uid),
            Event::Deployment(name) => self.deployment(&name),
            Event::Collect => self.collect(),
            Event::Act(act) => self.act(*act),
            Event::Operator(name) => self.start_operator(&name),
        }
    }

    /// Takes in what changed on the API server and in the schedulers. To be called after each change, at once.
    pub fn observe(&self) {
        let mut state = self.lock();
        let changes = self.server.journal(state.seen);
        state.seen += changes.len();
        let retired = self.dask.take_retired();
        let closed = self.dask.take_closed();
        let now = self.clock.elapsed();
        for call in &retired {
            state.judge.retired(call, now);
        }
        for pod in closed {
            let wait = state.chance.between(Duration::from_millis(200), Duration::from_secs(3));
            state.at(now + wait, Event::End(pod, 0));
        }
        for change in &changes {
            if self.trace.is_verbose() {
                self.trace.change(change);
            }
            state.judge.saw(change, now, &self.dask);
            state.react(change, now);
        }
        let found = state.judge.take_found();
        drop(state);
        for violation in found {
            self.trace.say("judge", format_args!("{violation}"));
        }
        if !changes.is_empty() {
            self.changed.notify_one();
        }
    }

    /// An operator sends a request, which is about to take effect.
    pub fn asks(&self, asked: &Asked) {
        let mut state = self.lock();
        if asked.write && !asked.is_election() {
            state.writes.push_back(format!("{} {} {}", asked.who, asked.method, asked.path));
        }
    }

    /// What operators wrote since the last time.
    pub fn take_writes(&self) -> Vec<String> {
        self.lock().writes.drain(..).collect()
    }

    /// What the judge found wrong so far.
    pub fn violations(&self) -> Vec<String> {
        self.lock().judge.violations()
    }

    /// How many operators may write at the same time.
    pub fn judge_writers(&self, count: usize) {
        self.lock().judge.writers = count;
    }

    /// Looks at what the judge knows.
    pub fn judged<T>(&self, look: impl FnOnce(&Judge) -> T) -> T {
        look(&self.lock().judge)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn at(&mut self, at: Duration, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    /// Soon: machines take their time.
    fn soon(&mut self, now: Duration, (least, most): (u64, u64), event: Event) {
        let wait = self.chance.between(Duration::from_millis(least), Duration::from_millis(most));
        self.at(now + wait, event);
    }
}
