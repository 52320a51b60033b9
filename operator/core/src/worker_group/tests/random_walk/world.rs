//! The small world of the random walks: a group, its pods, their workers and its scheduler, changed step by step.

mod carry_out;

use super::Step;
use crate::{
    model::{uid::Uid, worker_address::WorkerAddress},
    plan::action::PodRef,
    worker_group::tests::*,
};

/// Two workers that dask-kubernetes made: their Deployments start them anew whenever they end.
fn taken_over() -> BTreeMap<String, PodRecord> {
    let one = |n: u8| {
        let mut p = pod(&format!("old-worker-{n}"), n);
        (p.is_deployment, p.template_hash, p.phase, p.ready_since) = (true, None, PodPhase::Pending, None);
        (p.name.clone(), p)
    };
    BTreeMap::from([one(201), one(202)])
}

pub struct World {
    pub group: Group,
    pods: BTreeMap<String, PodRecord>,
    pub workers: BTreeMap<WorkerAddress, WorkerView>,
    closed: BTreeSet<WorkerAddress>,
    scheduler: String,
    pub silent: bool,
    threats: BTreeMap<Uid, String>,
    /// Since when they have been.
    threatened_at: BTreeMap<Uid, Timestamp>,
    /// Addresses of workers with a part in a P2P shuffle.
    pub shuffle: BTreeSet<WorkerAddress>,
    /// When this process of the operator began.
    process_at: Timestamp,
    elsewhere: BTreeSet<Uid>,
    autoscaled: bool,
    now: Timestamp,
    memory: PlannerState,
    verdicts: Verdicts,
    call: BTreeMap<RetireStage, RetireCall>,
    names: BTreeSet<String>,
    /// The next creations happen, and are not answered.
    answers_lost: bool,
    count: u8,
}

impl World {
    pub fn new(autoscaled: bool) -> Self {
        Self {
            group: group("c-default", 0),
            pods: taken_over(),
            workers: BTreeMap::new(),
            closed: BTreeSet::new(),
            scheduler: "s0".into(),
            silent: false,
            threats: BTreeMap::new(),
            threatened_at: BTreeMap::new(),
            shuffle: BTreeSet::new(),
            process_at: T0,
            elsewhere: BTreeSet::new(),
            autoscaled,
            now: T0,
            memory: PlannerState::default(),
            verdicts: Verdicts::default(),
            call: BTreeMap::new(),
            names: BTreeSet::new(),
            answers_lost: false,
            count: 0,
        }
    }

    fn address(pod: &PodRecord) -> WorkerAddress {
        format!("tcp://{}:1", pod.name).into()
    }

    fn nth(&mut self, i: usize) -> Option<&mut PodRecord> {
        let n = self.pods.len();
        self.pods.values_mut().nth(i.checked_rem(n)?)
    }

    pub fn apply(&mut self, step: Step) {
        self.now = self.now.plus(Duration::from_secs(1));
        match step {
            Step::Resize(n) => self.group.spec.worker.replicas = n,
            Step::Start => self.start(),
            Step::Fail(i) => self.end(i, PodPhase::Failed, false),
            Step::Evict(i) => self.end(i, PodPhase::Failed, true),
            Step::Finish(i) => self.end(i, PodPhase::Succeeded, false),
            Step::Busy(i, n) => self.on_worker(i, |w| w.busy = n),
            Step::Hold(i, n) => self.on_worker(i, |w| w.bytes = n),
            Step::Silent(yes) => self.silent = yes,
            Step::NewScheduler => self.replace_scheduler(),
            Step::Answer { refuse, lost } => self.answer(refuse, lost),
            Step::CrashOperator(ahead) => {
                self.memory = PlannerState::default();
                self.call.clear();
                self.now = self.now.plus(Duration::from_secs(ahead.into()));
                self.process_at = self.now;
            }
            Step::Autoscale(yes) => self.autoscaled = yes,
            Step::LoseAnswers => self.answers_lost = true,
            Step::Threaten(i) => self.threaten(i),
            Step::Shuffle(None) => self.shuffle.clear(),
            Step::Shuffle(Some(i)) => {
                if let Some(address) = self.nth(i).map(|p| Self::address(p)) {
                    self.shuffle.insert(address);
                }
            }
            Step::Pass(seconds) => self.now = self.now.plus(Duration::from_secs(seconds)),
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        let seen = self.now.0 as f64 / 1000.0;
        for worker in self.workers.values_mut() {
            worker.last_seen = seen;
        }
    }

    fn replace_scheduler(&mut self) {
        self.scheduler = format!("{}+", self.scheduler);
        self.workers.clear();
        while let Some((_, call)) = self.call.pop_first() {
            self.memory.retired(&call, None, self.now);
        }
        for pod in self.pods.values_mut().filter(|p| p.phase == PodPhase::Running) {
            pod.phase = if pod.is_deployment { PodPhase::Pending } else { PodPhase::Succeeded };
        }
    }

    /// The node of this pod is about to go, or none is.
    fn threaten(&mut self, pod: Option<usize>) {
        let Some(i) = pod else {
            self.threats.clear();
            self.threatened_at.clear();
            return;
        };
        if let Some(uid) = self.nth(i).map(|p| p.uid.clone()) {
            self.threatened_at.entry(uid.clone()).or_insert(self.now);
            self.threats.insert(uid, "karpenter.sh/disrupted".into());
        }
    }

    fn start(&mut self) {
        for pod in self.pods.values_mut().filter(|p| p.phase == PodPhase::Pending) {
            (pod.phase, pod.ready_since) = (PodPhase::Running, Some(self.now));
            let worker = WorkerView {
                name: pod.name.clone(),
                running: true,
                memory_limit: 1000,
                ..WorkerView::default()
            };
            self.workers.insert(Self::address(pod), worker);
        }
    }

    fn end(&mut self, i: usize, phase: PodPhase, disrupted: bool) {
        let Some(pod) = self.nth(i) else { return };
        let (phase, disrupted) =
            if pod.is_deployment { (PodPhase::Pending, false) } else { (phase, disrupted) };
        (pod.phase, pod.disrupted, pod.ready_since) = (phase, disrupted, None);
        let address = Self::address(pod);
        self.workers.remove(&address);
    }

    fn on_worker(&mut self, i: usize, change: impl Fn(&mut WorkerView)) {
        let Some(address) = self.nth(i).map(|p| Self::address(p)) else { return };
        if let Some(worker) = self.workers.get_mut(&address) {
            change(worker);
        }
    }

    fn answer(&mut self, refuse: bool, lost: bool) {
        let Some((stage, call)) = self.call.pop_first() else { return };
        let mut accepted = BTreeSet::new();
        if !refuse && call.scheduler == self.scheduler && !self.silent {
            for address in call.addresses.iter().filter(|a| self.workers.contains_key(*a)) {
                accepted.insert(address.clone());
            }
        }
        for address in &accepted {
            match stage {
                RetireStage::Drain => {
                    let worker = self.workers.get_mut(address).unwrap();
                    (worker.leaving, worker.running) = (true, false);
                }
                RetireStage::Close => {
                    self.workers.remove(address);
                    self.closed.insert(address.clone());
                }
            }
        }
        self.memory.retired(&call, (!lost).then_some(&accepted), self.now);
        self.now = self.now.plus(Duration::from_millis(1));
    }

    fn state(&self) -> SchedulerState {
        if self.silent {
            return SchedulerState::Unreachable { why: "silent".into() };
        }
        let addresses = self.workers.keys().filter(|a| !self.shuffle.contains(*a)).cloned().collect();
        let offer = Offer { addresses, p2p: !self.shuffle.is_empty(), ..Offer::default() };
        SchedulerState::Known(Arc::new(Snapshot {
            id: self.scheduler.clone(),
            started: T0,
            at: self.now,
            read: self.now,
            workers: self.workers.clone(),
            offer: Some(offer),
            ..Snapshot::default()
        }))
    }

    /// One decision, carried out at once. Answers whether anything was done.
    pub fn turn(&mut self) -> bool {
        let cluster = cluster("c");
        let state = self.state();
        let before = self.staying();
        let decision = {
            let pods: Vec<&PodRecord> = self.pods.values().collect();
            let input = Input {
                group: &self.group,
                cluster: Some(&cluster),
                pods: &pods,
                cluster_pods: &pods,
                chosen_elsewhere: &self.elsewhere,
                results_moved: self.memory.results_moved(self.now),
                strays: &[],
                scheduler: &state,
                agents: state.known(),
                has_scheduler_pod: true,
                verdicts: &self.verdicts,
                threats: &self.threats,
                autoscaled: self.autoscaled,
                now: self.now,
                domain: "cluster.local",
                agent: &Default::default(),
            };
            decide(&input, &mut self.memory)
        };
        let forced =
            decision.actions.iter().any(|a| matches!(a, Action::Event(e) if e.reason == "DataLossRisk"));
        assert!(!(forced && self.autoscaled), "an autoscaler never forces");
        let watched = self.now.since(self.process_at);
        assert!(!forced || watched >= DRAIN_TIMEOUT, "forced by another's clock");
        self.group.status = decision.status;
        let busy = !decision.actions.is_empty();
        let back = decision.actions.iter().filter(|a| matches!(a, Action::UnmarkPod(_))).count();
        for action in decision.actions {
            self.carry_out(action, forced);
        }
        let wanted = usize::try_from(self.group.spec.worker.replicas).unwrap();
        assert!(self.staying() <= (before + back).max(wanted), "never more pods than wanted");
        busy
    }

    pub fn live(&self) -> usize {
        self.pods.values().filter(|p| p.is_live()).count()
    }

    fn staying(&self) -> usize {
        let stays = |p: &&PodRecord| p.is_live() && p.mark.is_none() && !self.threats.contains_key(&p.uid);
        self.pods.values().filter(stays).count()
    }
}
