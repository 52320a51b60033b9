//! How each event changes the small world.

use std::time::Duration;

use dask_operator_core::{
    model::{pod::PodPhase, scheduler::SchedulerState, time::Timestamp},
    plan::action::RetireCall,
};

use super::{
    dask::{SMALL, Worker},
    event::{Answer, Event, Target},
    rules::Broken,
    world::{DISTURBED, FROZEN, InFlight, World},
};

/// Bytes of a big result: two of them do not fit on one worker.
const BIG: u64 = 400;
/// Tasks from this number on secede.
const LONG: u8 = 4;
/// Workers register and get work; nothing unique is on them before this long.
const WARM: Duration = Duration::from_secs(3);

impl World {
    /// Changes the world. Answers whether there was anything to change.
    pub(crate) fn happen(&mut self, event: Event) -> Result<bool, Broken> {
        let until = self.now.plus(DISTURBED);
        self.return_nodes();
        Ok(match event {
            Event::Calm | Event::Wait(_) => true,
            Event::Resize(n) => self.resize(n),
            Event::Demand(target) => std::mem::replace(&mut self.dask.target, target) != target,
            Event::Data(i) => self.data(i, SMALL),
            Event::Big(i) => self.data(i, BIG),
            Event::Task(i) => self.task(i),
            Event::Fail(i) => self.ends(i, false),
            Event::Evict(i) => self.ends(i, true),
            Event::NodeLost(i) => self.lose_node(i, until),
            Event::KubeletPause => later(&mut self.kubelet_pause, until),
            Event::Silent => later(&mut self.silent, until),
            Event::Stall => later(&mut self.stall, until),
            Event::SlowReading => self.slow_reading(until),
            Event::NoOffer => later(&mut self.no_offer, until),
            Event::Freeze(i) => {
                let frozen = self.now.plus(FROZEN);
                self.nth_worker(i, |w| w.frozen = frozen)
            }
            Event::NewScheduler => self.new_scheduler(),
            Event::Answer(answer) => self.answer(answer, until)?,
            Event::Write(fate, nth) => {
                self.api.armed = Some((fate, nth));
                true
            }
            Event::Crash => {
                self.crash();
                true
            }
            Event::LagPods | Event::Trickle => {
                self.api.trickles = event == Event::Trickle;
                later(&mut self.api.pods_lag, until)
            }
            Event::LagGroup => later(&mut self.api.group_lag, until),
            Event::Autoscale(on) => self.autoscale(on),
        })
    }

    /// A user sets the group's size.
    pub(crate) fn resize(&mut self, n: u8) -> bool {
        let n = i32::from(n);
        if self.api.group.spec.worker.replicas == n {
            return false;
        }
        // What was asked and taken back before anybody was shown it makes no difference.
        if n < self.api.seen_group.spec.worker.replicas {
            self.rules.asked_unseen = Some(self.now);
        }
        self.api.change_group(|g| g.spec.worker.replicas = n);
        true
    }

    fn autoscale(&mut self, on: bool) -> bool {
        let changed = std::mem::replace(&mut self.autoscaled, on) != on;
        if changed {
            // Another object, of which nothing is remembered.
            self.operator.samples = Default::default();
            self.rules.samples.clear();
            self.rules.asked_at = self.now;
        }
        changed
    }

    fn nth_worker(&mut self, i: u8, change: impl FnOnce(&mut Worker)) -> bool {
        let count = self.dask.workers.len().max(1);
        let worker = self.dask.workers.get_mut(usize::from(i) % count);
        worker.map(change).is_some()
    }

    fn nth_pod(&self, i: u8) -> Option<String> {
        let live: Vec<_> = self.api.pods.iter().filter(|p| p.is_live()).collect();
        live.get(usize::from(i) % live.len().max(1)).map(|p| p.name.clone())
    }

    /// A worker that was just registered has no result yet, and one that leaves gets none from outside.
    fn data(&mut self, i: u8, bytes: u64) -> bool {
        let i = usize::from(i) % self.dask.workers.len().max(1);
        let warm = |w: &&Worker| self.now.since(w.registered) >= WARM && !w.leaving;
        let is_warm = self.dask.workers.get(i).filter(warm).is_some();
        if is_warm {
            self.dask.make(i, bytes);
        }
        is_warm
    }

    fn task(&mut self, i: u8) -> bool {
        let long = i >= LONG;
        let i = usize::from(i) % self.dask.workers.len().max(1);
        let free = self.dask.workers.get(i).is_some_and(|w| !w.leaving && w.busy.is_none());
        self.dask.start_task(i, long, self.now);
        free
    }

    fn ends(&mut self, i: u8, disrupted: bool) -> bool {
        let Some(name) = self.nth_pod(i) else { return false };
        self.end(&name, PodPhase::Failed, disrupted);
        true
    }

    fn lose_node(&mut self, i: u8, until: Timestamp) -> bool {
        let Some(name) = self.nth_pod(i) else { return false };
        let running = self.api.pod(&name).is_some_and(|p| p.phase == PodPhase::Running);
        if running {
            self.api.change(&name, |p| (p.phase, p.ready_since) = (PodPhase::Unknown, None));
            self.lost_nodes.push((name, until));
        }
        running
    }

    /// Nodes that did not answer are back, with their pods as they were.
    fn return_nodes(&mut self) {
        let now = self.now;
        let (back, lost): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.lost_nodes).into_iter().partition(|(_, until)| *until <= now);
        self.lost_nodes = lost;
        for (name, _) in back {
            let is_lost = self.api.pod(&name).is_some_and(|p| p.phase == PodPhase::Unknown);
            if is_lost {
                self.api.change(&name, |p| (p.phase, p.ready_since) = (PodPhase::Running, Some(now)));
            }
        }
    }

    fn slow_reading(&mut self, until: Timestamp) -> bool {
        let need = self.operator.group_need.and(self.operator.autoscaler_need);
        if need.is_none() || self.now < self.silent || self.slow.is_some() {
            return false;
        }
        self.slow = Some((self.dask.read(self.now, need, true), until));
        true
    }

    /// Another process: no worker is registered, it wants nothing, and the old workers end.
    fn new_scheduler(&mut self) -> bool {
        self.dask.id = self.dask.id.wrapping_add(1);
        self.dask.started = self.now;
        self.dask.target = Target::Value(0);
        let old = std::mem::take(&mut self.dask.workers);
        self.dask.exited.extend(old.into_iter().map(|w| w.pod));
        self.slow = None;
        true
    }

    fn answer(&mut self, answer: Answer, until: Timestamp) -> Result<bool, Broken> {
        let Some(i) = self.calls.iter().position(|c| c.waited_for && c.due <= self.now) else {
            return Ok(false);
        };
        let call: RetireCall = self.calls.remove(i).call;
        match answer {
            Answer::Partial if call.addresses.len() < 2 => {
                self.calls.insert(i, InFlight { call, due: self.now, waited_for: true });
                return Ok(false);
            }
            Answer::Partial => self.answer_call(&call, 1, true, true)?,
            Answer::Refuse => self.answer_call(&call, 0, true, true)?,
            Answer::LostDone => self.answer_call(&call, usize::MAX, false, true)?,
            Answer::Lost => self.operator.memory.retired(&call, None, self.now),
            Answer::Late => {
                self.operator.memory.retired(&call, None, self.now);
                self.calls.push(InFlight { call, due: until, waited_for: false });
            }
            Answer::Delay => self.calls.push(InFlight { call, due: until, waited_for: true }),
        }
        Ok(true)
    }

    /// Another process of the operator: it remembers nothing and lists everything anew. What the old one asked
    /// the scheduler happens all the same.
    pub(crate) fn crash(&mut self) {
        self.operator.forget();
        self.rules.processes += 1;
        self.api.list();
        self.rules.samples.clear();
        self.rules.refused.clear();
        for call in &mut self.calls {
            call.waited_for = false;
        }
        // What the scheduler has not answered yet is not waited for any more.
        (self.reading, self.slow) = (SchedulerState::Unknown, None);
    }
}

/// A disturbance begins, or goes on for longer.
fn later(until: &mut Timestamp, then: Timestamp) -> bool {
    let before = *until;
    *until = then.max(before);
    *until != before
}
