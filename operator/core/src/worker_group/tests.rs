//! Groups, decision by decision: the scene, and how to read a decision.

mod clocks;
mod drain_timeout;
mod failing;
mod marks;
mod moved_results;
mod no_data;
mod node_disruption;
#[cfg(test)]
pub(crate) mod random_walk;
mod refused;
mod removal;
mod scale_up;
mod stray_pods;
mod taken_over;
mod template_dry_run;
mod tls;
mod two_groups;
mod with_agent;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{testing::*, *};
use crate::{
    model::{
        object::Group,
        pod::{Mark, PodPhase},
        scheduler::{Offer, SchedulerState, Snapshot, WorkerView},
        time::Timestamp,
        uid::Uid,
        worker_address::WorkerAddress,
    },
    plan::{
        action::{DeletePod, RetireCall, RetireStage},
        scheduler_need::WorkersNeed,
    },
    resources::agent_plan,
    validation::dry_run::{Verdict, Verdicts},
    worker_group::scale_down::removal_phase::{Removal, RemovalPhase},
};

/// A group with its pods and its scheduler, and the memory between decisions.
struct Scene {
    group: Group,
    cluster: Option<Cluster>,
    pods: Vec<PodRecord>,
    strays: Vec<PodRecord>,
    scheduler: SchedulerState,
    threats: BTreeMap<Uid, String>,
    elsewhere: BTreeSet<Uid>,
    /// Until when calls of other groups may have moved results.
    moved_elsewhere: Option<Timestamp>,
    /// Pods of other groups.
    others: Vec<PodRecord>,
    autoscaled: bool,
    has_scheduler_pod: bool,
    verdicts: Verdicts,
    now: Timestamp,
    agent: agent_plan::Settings,
    memory: PlannerState,
}

fn address(n: u8) -> WorkerAddress {
    format!("tcp://10.0.0.{n}:1").into()
}

fn worker(name: &str, n: u8) -> WorkerView {
    WorkerView {
        name: name.into(),
        host: format!("10.0.0.{n}"),
        running: true,
        memory_limit: 1000,
        last_seen: 1.0,
        ..WorkerView::default()
    }
}

impl Scene {
    /// `running` ready pods that are registered and on offer, and so many wanted.
    fn new(wanted: i32, running: u8) -> Self {
        let pods: Vec<_> = (1..=running).map(|n| pod(&format!("w{n}"), n)).collect();
        let workers: BTreeMap<_, _> =
            (1..=running).map(|n| (address(n), worker(&format!("w{n}"), n))).collect();
        let offer = Offer { addresses: workers.keys().cloned().collect(), ..Offer::default() };
        let snapshot =
            Snapshot { id: "s1".into(), at: T0, workers, offer: Some(offer), ..Snapshot::default() };
        Self {
            group: group("c-default", wanted),
            cluster: Some(cluster("c")),
            pods,
            strays: Vec::new(),
            scheduler: SchedulerState::Known(Arc::new(snapshot)),
            threats: BTreeMap::new(),
            elsewhere: BTreeSet::new(),
            moved_elsewhere: None,
            others: Vec::new(),
            autoscaled: false,
            has_scheduler_pod: true,
            verdicts: Verdicts::default(),
            now: T0.plus(Duration::from_secs(60)),
            agent: agent_plan::Settings::default(),
            memory: PlannerState::default(),
        }
    }

    /// A decision; where the API server is asked about the template first, the one after it took it.
    fn decide(&mut self) -> Decision<DaskWorkerGroupStatus> {
        let before = (self.group.status.clone(), self.memory.clone());
        let first = self.decide_once();
        let checks = first.actions.iter().filter_map(|a| match a {
            Action::DryRun(checks) => Some(checks),
            _ => None,
        });
        let keys: Vec<String> = checks.flatten().map(|c| c.key.clone()).collect();
        if keys.is_empty() {
            return first;
        }
        for key in keys {
            self.verdicts.insert(&key, Verdict::Valid { unknown: Vec::new() }, self.now);
        }
        (self.group.status, self.memory) = before;
        self.decide_once()
    }

    fn decide_once(&mut self) -> Decision<DaskWorkerGroupStatus> {
        let decision = self.with_input(decide);
        self.group.status = decision.status.clone();
        decision
    }

    /// How far the removal of worker `n` is.
    fn phase(&mut self, n: u8) -> RemovalPhase {
        self.with_input(|input, memory| {
            let addresses = WorkerAddresses::of(input, memory);
            let (Some(pod), Some(snapshot)) = (
                input.pods.iter().find(|p| p.uid.as_str() == format!("pod-uid-{n}")),
                input.scheduler.known(),
            ) else {
                panic!("no pod {n}, or no scheduler")
            };
            Removal { input, pod, addresses: &addresses, snapshot }.phase(memory)
        })
    }

    fn with_input<T>(&mut self, then: impl FnOnce(&Input<'_>, &mut PlannerState) -> T) -> T {
        let pods: Vec<&PodRecord> = self.pods.iter().collect();
        let all: Vec<&PodRecord> = self.pods.iter().chain(&self.others).collect();
        let strays: Vec<&PodRecord> = self.strays.iter().collect();
        let input = Input {
            group: &self.group,
            cluster: self.cluster.as_ref(),
            pods: &pods,
            cluster_pods: &all,
            chosen_elsewhere: &self.elsewhere,
            results_moved: self.moved_elsewhere.max(self.memory.results_moved(self.now)),
            strays: &strays,
            scheduler: &self.scheduler,
            agents: self.scheduler.known(),
            has_scheduler_pod: self.has_scheduler_pod,
            verdicts: &self.verdicts,
            threats: &self.threats,
            autoscaled: self.autoscaled,
            now: self.now,
            domain: "cluster.local",
            agent: &self.agent,
        };
        then(&input, &mut self.memory)
    }

    fn template(&self) -> String {
        crate::resources::hash(&self.group.spec.worker.spec, None)
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    /// So much time passes, and the operator looks meanwhile.
    fn watch(&mut self, seconds: u64) {
        for _ in 0..seconds / 20 {
            self.later(20);
            self.decide();
        }
        self.later(seconds % 20);
    }

    fn snapshot(&mut self) -> &mut Snapshot {
        let now = self.now;
        match &mut self.scheduler {
            SchedulerState::Known(s) => {
                let s = Arc::make_mut(s);
                (s.at, s.read) = (now, now);
                s
            }
            other => panic!("{other:?}"),
        }
    }

    fn worker(&mut self, n: u8) -> &mut WorkerView {
        self.snapshot().workers.get_mut(&address(n)).unwrap()
    }

    /// The marks of the last decision are written, and the cache shows them.
    fn apply_marks(&mut self, decision: &Decision<DaskWorkerGroupStatus>) -> Vec<String> {
        let marked = marks(decision);
        for pod in &mut self.pods {
            if marked.contains(&pod.name) {
                pod.mark = Some(Mark { at: self.now, scheduler: "s1".into() });
            }
        }
        marked
    }

    /// Answers a call as the scheduler would: these addresses were accepted.
    fn answer(&mut self, call: &RetireCall, accepted: &[u8]) {
        let accepted: BTreeSet<_> = accepted.iter().map(|n| address(*n)).collect();
        self.memory.retired(call, Some(&accepted), self.now);
        self.later(1);
        for a in &accepted {
            if call.stage == RetireStage::Drain {
                let w = self.snapshot().workers.get_mut(a).unwrap();
                (w.leaving, w.running) = (true, false);
            } else {
                self.snapshot().workers.remove(a);
            }
        }
    }

    fn heartbeat(&mut self, n: u8) {
        self.later(1);
        self.worker(n).last_seen += 1.0;
    }
}

fn marks(d: &Decision<DaskWorkerGroupStatus>) -> Vec<String> {
    let pods = d.actions.iter().filter_map(|a| match a {
        Action::MarkPods { pods, .. } => Some(pods.iter().map(|p| p.name.clone())),
        _ => None,
    });
    pods.flatten().collect()
}

fn deletes(d: &Decision<DaskWorkerGroupStatus>) -> Vec<String> {
    let pods = d.actions.iter().filter_map(|a| match a {
        Action::DeletePod(p) => Some(p.pod.name.clone()),
        _ => None,
    });
    pods.collect()
}

fn calls(d: &Decision<DaskWorkerGroupStatus>) -> Vec<RetireCall> {
    let calls = d.actions.iter().filter_map(|a| match a {
        Action::Retire(c) => Some(c.clone()),
        _ => None,
    });
    calls.collect()
}

fn created(d: &Decision<DaskWorkerGroupStatus>) -> usize {
    d.actions.iter().map(|a| if let Action::CreatePods(p) = a { p.len() } else { 0 }).sum()
}

fn reason(d: &Decision<DaskWorkerGroupStatus>, type_: &str) -> Option<String> {
    let c = d.status.conditions.iter().find(|c| c.type_ == type_)?;
    (c.status == dask_crds::ConditionStatus::True).then(|| c.reason.clone())
}

fn events(d: &Decision<DaskWorkerGroupStatus>) -> Vec<String> {
    let events = d.actions.iter().filter_map(|a| match a {
        Action::Event(e) => Some(e.reason.clone()),
        _ => None,
    });
    events.collect()
}
