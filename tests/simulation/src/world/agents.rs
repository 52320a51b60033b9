//! Agents: the worker of a pod that is told to end leaves first, as the agent's own code decides.

use std::{collections::BTreeSet, time::Duration};

use dask_agent::drain_plan::{Contact, Leaving, PodWorker, Seen, Step};

use super::{Event, PodState, State, World};
use crate::dask::{Mood, Scheduler, Worker};

/// Between two looks, as the agent has it.
const POLL: Duration = Duration::from_millis(300);
/// What the agent keeps of the pod's time for the end of its processes.
const MARGIN: Duration = Duration::from_secs(4);
/// A worker that is there for so long could have taken the others' data.
const HEIR: Duration = Duration::from_secs(5);

/// An agent whose worker leaves.
#[derive(Debug)]
pub(super) struct Agent {
    began: Duration,
    leaving: Leaving,
    /// Whether it ever talked to a scheduler.
    talked: bool,
    /// What was asked, and accepted, and not answered yet; whether it was for good.
    asked: Option<(Vec<String>, BTreeSet<String>, bool)>,
}

impl State {
    /// A pod under the agent is told to end within `grace`.
    pub(super) fn told_to_end(&mut self, pod: &PodState, grace: Duration, now: Duration) {
        let limit = pod.agent.unwrap_or_default();
        let limit = limit.saturating_sub(MARGIN).max(limit / 2);
        let leaving = Leaving::within(limit, Contact::default());
        let agent = Agent { began: now, leaving, talked: false, asked: None };
        self.leaving.insert(pod.uid.clone(), agent);
        self.soon(now, (10, 300), Event::Leave(pod.uid.clone()));
        self.at(now + grace, Event::Kill(pod.uid.clone()));
    }
}

impl World {
    /// The operators have an agent to give to workers.
    pub fn give_agents(&self) {
        self.lock().agent_image = Some("agent".into());
    }

    /// An agent looks at its worker, and does what is next.
    pub(super) fn leave(&self, uid: &str) {
        let Some(mut agent) = self.lock().leaving.remove(uid) else { return };
        let Some(pod) = self.lock().pods.get(uid).filter(|p| !p.node_lost).cloned() else { return };
        let now = self.clock.elapsed();
        let since = now.saturating_sub(agent.began);
        if !pod.runs {
            self.lock().soon(now, (100, 1000), Event::Gone(uid.into()));
            return;
        }
        let look =
            |s: &mut Scheduler| if s.mood.is_silent(now) { None } else { Some(agent.look(s, &pod, since)) };
        let (step, wait) = match self.dask.of(&pod.cluster, look) {
            Some(Some((step, wait))) => (step, wait),
            silent => {
                let is_there = silent.is_some();
                let talked = agent.talked;
                let contact = Contact { talked, broken: !is_there, reaches: is_there, said_goodbye: false };
                (agent.leaving.unanswered(since, contact), POLL)
            }
        };
        let mut state = self.lock();
        if let Step::End(ending) = step {
            drop(state);
            self.trace.say("agent", format_args!("of {}: {ending}", pod.name));
            self.judge_end(&pod, agent.began);
            self.lock().soon(now, (100, 1500), Event::Gone(uid.into()));
            return;
        }
        state.leaving.insert(uid.into(), agent);
        state.at(now + wait, Event::Leave(uid.into()));
        drop(state);
        self.observe();
    }

    /// The pod's time is over: the kubelet ends its processes.
    pub(super) fn kill(&self, uid: &str) {
        let Some(pod) = self.lock().pods.get(uid).cloned() else { return };
        // Not in the `if` below: what it calls takes the lock, too.
        let unfinished = self.lock().leaving.remove(uid);
        if let Some(agent) = unfinished {
            self.trace.say("kubelet", format_args!("kills {}", pod.name));
            self.judge_end(&pod, agent.began);
            self.gone(uid);
        }
        // One that ended too early may have missed who came.
        let lost_by = self.lock().lost.remove(uid);
        let now = self.clock.elapsed();
        let came = |s: &mut Scheduler| lost_by.as_ref() == Some(&s.id) && has_heir(s, uid, now);
        if self.dask.of(&pod.cluster, came) == Some(true) {
            self.lock().judge.lost(&pod.name);
        }
    }

    /// An agent is through: what only its worker has is lost. That is judged when the pod's time is over.
    fn judge_end(&self, pod: &PodState, began: Duration) {
        let scheduler = self.dask.of(&pod.cluster, |s| {
            let is_mine = |address: &String| s.workers.get(address).is_some_and(|w| w.pod == pod.uid);
            let is_lost = s.keys.values().any(|k| k.scattered && k.holders.iter().all(is_mine));
            (is_lost && s.mood == Mood::default() && s.started <= began).then(|| s.id.clone())
        });
        if let Some(id) = scheduler.flatten() {
            self.lock().lost.insert(pod.uid.clone(), id);
        }
    }
}

/// Whether another worker has been there for long enough to take what the pod's worker had.
fn has_heir(scheduler: &Scheduler, pod: &str, now: Duration) -> bool {
    let is_well = scheduler.mood == Mood::default();
    let is_heir = |w: &Worker| w.pod != pod && !w.leaving && !w.frozen && now.saturating_sub(w.since) >= HEIR;
    is_well && scheduler.workers.values().any(is_heir)
}

impl Agent {
    /// One look at the scheduler, and what is asked of it; what is next, and when.
    fn look(&mut self, scheduler: &mut Scheduler, pod: &PodState, since: Duration) -> (Step, Duration) {
        self.talked = true;
        if let Some((asked, accepted, close)) = self.asked.take() {
            if close {
                self.leaving.closed(since, &asked, &accepted);
            } else {
                self.leaving.drained(since, &asked, &accepted);
            }
        }
        let mut seen = seen(scheduler, &pod.uid);
        seen.takes_part &= self.leaving.may_be_held_up(since);
        let step = self.leaving.next(since, seen);
        let (list, close) = match &step {
            Step::Drain(list) => (list, false),
            Step::Close(list) => (list, true),
            Step::Wait | Step::End(_) => return (step, POLL + scheduler.mood.slow),
        };
        let accepted = scheduler.let_leave(list, close).into_iter().collect();
        self.asked = Some((list.clone(), accepted, close));
        let late = scheduler.mood.slow + scheduler.mood.answers_late;
        (step, POLL + late)
    }
}

/// What a scheduler tells of this pod's worker.
fn seen(scheduler: &Scheduler, pod: &str) -> Seen {
    let (mine, others): (Vec<_>, Vec<_>) = scheduler.workers.iter().partition(|(_, w)| w.pod == pod);
    Seen {
        scheduler: scheduler.id.clone(),
        takes_part: mine.iter().any(|(a, _)| scheduler.is_shuffling(a)),
        recipients: others.iter().filter(|(_, w)| !w.leaving).count(),
        mine: mine
            .into_iter()
            .map(|(address, w)| PodWorker {
                address: address.clone(),
                leaving: w.leaving,
                busy: w.beat.1 > 0,
                holds: w.beat.2 > 0,
                last_seen: w.beat.0.as_secs_f64(),
            })
            .collect(),
    }
}
