//! The small world: an API server, kubelets, a scheduler, an operator, and time.

use std::{sync::Arc, time::Duration};

use dask_operator_core::{
    model::{object::Cluster, pod::PodPhase, scheduler::SchedulerState, time::Timestamp},
    plan::action::RetireCall,
};

use super::{
    api::Api,
    dask::{Dask, SMALL},
    event::Event,
    fixtures::{self, T0},
    operator::Operator,
    rules::{Broken, Seen},
    script::Start,
};

/// How long a disturbance lasts.
pub(crate) const DISTURBED: Duration = Duration::from_secs(4);
/// How long a worker is frozen: longer than the operator waits for it.
pub(crate) const FROZEN: Duration = Duration::from_secs(40);
/// Most steps to a quiet world at the start.
const BEGINNING: usize = 60;

/// A call of `retire_workers` that the scheduler has not answered.
#[derive(Clone, Debug)]
pub struct InFlight {
    /// What is asked.
    pub call: RetireCall,
    /// When it is carried out.
    pub due: Timestamp,
    /// Whether anybody waits for the answer.
    pub waited_for: bool,
}

/// Everything there is. A clone of it goes its own way.
#[derive(Clone, Debug)]
pub struct World {
    /// Now.
    pub now: Timestamp,
    /// The cluster; nothing about it changes.
    pub cluster: Arc<Cluster>,
    /// What is stored and shown.
    pub api: Api,
    /// The scheduler.
    pub dask: Dask,
    /// The operator's process.
    pub operator: Operator,
    /// Calls that are under way.
    pub calls: Vec<InFlight>,
    /// The last reading of the scheduler.
    pub reading: SchedulerState,
    /// A reading that has begun.
    pub slow: Option<(SchedulerState, Timestamp)>,
    /// Until when the kubelets do nothing.
    pub kubelet_pause: Timestamp,
    /// Until when the scheduler does not answer.
    pub silent: Timestamp,
    /// Until when it is not asked.
    pub stall: Timestamp,
    /// Until when it does not tell who may leave.
    pub no_offer: Timestamp,
    /// Pods whose node does not answer, and until when.
    pub lost_nodes: Vec<(String, Timestamp)>,
    /// Whether an autoscaler decides.
    pub autoscaled: bool,
    /// What the rules remember.
    pub rules: Seen,
    /// How often the core decided.
    pub decisions: u64,
    /// What happened, in words, where it is asked for.
    pub log: Option<Vec<String>>,
}

impl World {
    /// A quiet world with the workers that the script begins with, and the size that it asks for.
    pub fn new(start: Start) -> Result<Self, Broken> {
        let mut world = Self {
            now: T0,
            cluster: Arc::new(fixtures::cluster()?),
            api: Api::new(fixtures::group()?, T0),
            dask: Dask::new(T0),
            operator: Operator::new(fixtures::autoscaler()?),
            calls: Vec::new(),
            reading: SchedulerState::Unknown,
            slow: None,
            kubelet_pause: T0,
            silent: T0,
            stall: T0,
            no_offer: T0,
            lost_nodes: Vec::new(),
            autoscaled: false,
            rules: Seen::new(T0),
            decisions: 0,
            log: None,
        };
        let replicas = i32::from(start.workers);
        world.api.change_group(|g| g.spec.worker.replicas = replicas);
        for _ in 0..BEGINNING {
            world.step(Event::Calm)?;
        }
        world.autoscaled = start.autoscaled;
        for i in (0..start.workers.into()).filter(|_| start.data) {
            world.dask.make(i, SMALL + u64::try_from(i).unwrap_or_default());
        }
        world.dask.target = super::event::Target::Value(start.wanted);
        if !start.autoscaled {
            world.resize(start.wanted);
        }
        Ok(world)
    }

    /// One second passes, something happens, and the operator looks. Answers whether what was to happen could.
    pub fn step(&mut self, event: Event) -> Result<bool, Broken> {
        self.pass(Duration::from_secs(if let Event::Wait(n) = event { n.into() } else { 1 }), event)
    }

    /// So much time passes, something happens, and the operator looks.
    pub fn pass(&mut self, time: Duration, event: Event) -> Result<bool, Broken> {
        self.now = self.now.plus(time);
        self.say(|w| format!("{:>5} s  {event}", w.now.since(T0).as_secs()));
        let possible = self.happen(event)?;
        self.kubelets();
        self.dask.beat(self.now);
        self.answer_calls()?;
        self.read();
        self.turn()?;
        let unused = self.api.armed.take().is_some();
        Ok(possible && !unused)
    }

    /// Tells what happens, if anybody reads it.
    pub fn say(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.log.is_some() {
            let line = what(self);
            if let Some(log) = &mut self.log {
                log.push(line);
            }
        }
    }

    /// Pods move on: found a node, started, registered; those that end or are deleted are over.
    fn kubelets(&mut self) {
        if self.now < self.kubelet_pause {
            return;
        }
        let pods = self.api.pods.clone();
        for pod in &pods {
            let lost = self.lost_nodes.iter().any(|(name, _)| *name == pod.name);
            if lost {
                continue;
            }
            let exited = self.dask.exited.iter().position(|p| **p == *pod.name);
            if pod.deleting {
                self.dask.lose(&pod.name);
                self.api.remove(&pod.name);
            } else if let Some(i) = exited {
                self.dask.exited.remove(i);
                self.end(&pod.name, PodPhase::Succeeded, false);
            } else if pod.phase == PodPhase::Pending {
                self.start(&pod.name, pod.scheduled);
            } else if pod.phase == PodPhase::Running && self.dask.worker(&pod.name).is_none() {
                let ip = pod.ip.clone().unwrap_or_default();
                self.dask.register(&pod.name, &ip, self.now);
            }
        }
    }

    fn start(&mut self, name: &str, scheduled: bool) {
        let now = self.now;
        self.api.change(name, |p| {
            if scheduled {
                let number = p.uid.rsplit('-').next().unwrap_or_default();
                (p.phase, p.ready_since, p.ip) =
                    (PodPhase::Running, Some(now), Some(format!("10.0.0.{number}")));
            } else {
                p.scheduled = true;
            }
        });
    }

    /// The containers of a pod end.
    pub(crate) fn end(&mut self, name: &str, phase: PodPhase, disrupted: bool) {
        let now = self.now;
        self.dask.lose(name);
        self.api.change(name, |p| {
            (p.phase, p.disrupted, p.ready_since, p.finished) = (phase, disrupted, None, Some(now));
        });
    }

    /// The scheduler carries out what it was asked, and the operator hears of it.
    fn answer_calls(&mut self) -> Result<(), Broken> {
        let (due, later) = std::mem::take(&mut self.calls).into_iter().partition(|c| c.due <= self.now);
        self.calls = later;
        let due: Vec<InFlight> = due;
        for InFlight { call, waited_for, .. } in due {
            self.answer_call(&call, usize::MAX, true, waited_for)?;
        }
        Ok(())
    }

    /// One call comes to its end: carried out for at most so many workers or not at all, answered or not.
    pub(crate) fn answer_call(
        &mut self,
        call: &RetireCall,
        most: usize,
        answered: bool,
        waited_for: bool,
    ) -> Result<(), Broken> {
        let frozen = |w: &super::dask::Worker| w.frozen > self.now && call.addresses.contains(&*w.address);
        let is_heard = self.now >= self.silent
            && call.scheduler == self.dask.identity()
            && !self.dask.workers.iter().any(frozen);
        let accepted = if is_heard { Some(self.dask.retire(call, most)?) } else { None };
        self.say(|_| format!("          {:?} of {:?}: let go {accepted:?}", call.stage, call.addresses));
        if waited_for {
            let accepted = accepted.filter(|_| answered);
            if let Some(accepted) = &accepted {
                self.note_refusals(call, accepted);
            }
            self.operator.memory.retired(call, accepted.as_ref(), self.now);
        }
        Ok(())
    }

    /// The scheduler is read, unless something keeps it from that.
    fn read(&mut self) {
        let need = self.operator.group_need.and(self.operator.autoscaler_need);
        if need.is_none() {
            self.reading = SchedulerState::Unknown;
            return;
        }
        if self.now < self.silent {
            self.slow = None;
            self.reading = SchedulerState::Unreachable { why: "silent".into() };
            return;
        }
        match self.slow.take() {
            Some((SchedulerState::Known(began), due)) if due <= self.now => {
                let mut snapshot = Arc::unwrap_or_clone(began);
                snapshot.read = self.now;
                self.reading = SchedulerState::Known(Arc::new(snapshot));
            }
            Some(slow) => self.slow = Some(slow),
            None if self.now < self.stall => {}
            None => self.reading = self.dask.read(self.now, need, self.now >= self.no_offer),
        }
    }
}
