//! Random walks of a group through a small world: what must hold at every step, whatever happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::prelude::*;

use crate::{
    model::{
        objects::Group,
        pod::{Mark, PodPhase},
        scheduler::{Offer, SchedulerState, Snapshot, WorkerView},
        time::Timestamp,
    },
    plan::action::{RetireCall, RetireStage},
    validation::dry_run::{Verdict, Verdicts},
    worker_group::{testing::*, *},
};

/// What happens to the world between two decisions.
#[derive(Clone, Debug)]
enum Step {
    Resize(i32),
    Start,
    Fail(usize),
    Evict(usize),
    Finish(usize),
    Busy(usize, u64),
    Hold(usize, u64),
    Silent(bool),
    NewScheduler,
    Answer {
        refuse: bool,
        lost: bool,
    },
    /// Another process takes over, whose clock is ahead by so many seconds.
    CrashOperator(u32),
    Autoscale(bool),
    LoseAnswers,
    /// A node is about to go, or none is.
    Threaten(Option<usize>),
    /// A worker takes part in a P2P shuffle, or there is none.
    Shuffle(Option<usize>),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..6_i32).prop_map(Step::Resize),
        4 => Just(Step::Start),
        1 => any::<usize>().prop_map(Step::Fail),
        1 => any::<usize>().prop_map(Step::Evict),
        1 => any::<usize>().prop_map(Step::Finish),
        2 => (any::<usize>(), 0..3_u64).prop_map(|(i, n)| Step::Busy(i, n)),
        1 => (any::<usize>(), 0..700_u64).prop_map(|(i, n)| Step::Hold(i, n)),
        1 => any::<bool>().prop_map(Step::Silent),
        1 => Just(Step::NewScheduler),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(refuse, lost)| Step::Answer { refuse, lost }),
        1 => prop_oneof![Just(0), Just(30), Just(4000)].prop_map(Step::CrashOperator),
        1 => any::<bool>().prop_map(Step::Autoscale),
        1 => Just(Step::LoseAnswers),
        2 => any::<Option<usize>>().prop_map(Step::Threaten),
        2 => any::<Option<usize>>().prop_map(Step::Shuffle),
        3 => (1..40_u64).prop_map(Step::Pass),
    ]
}

/// Two workers that dask-kubernetes made: their Deployments start them anew whenever they end.
fn taken_over() -> BTreeMap<String, PodRecord> {
    let one = |n: u8| {
        let mut p = pod(&format!("old-worker-{n}"), n);
        (p.is_deployment, p.template_hash, p.phase, p.ready_since) = (true, None, PodPhase::Pending, None);
        (p.name.clone(), p)
    };
    BTreeMap::from([one(201), one(202)])
}

struct World {
    group: Group,
    pods: BTreeMap<String, PodRecord>,
    workers: BTreeMap<String, WorkerView>,
    closed: BTreeSet<String>,
    scheduler: String,
    silent: bool,
    threats: BTreeMap<String, String>,
    /// Since when they have been.
    threatened_at: BTreeMap<String, Timestamp>,
    /// Addresses of workers with a part in a P2P shuffle.
    shuffle: BTreeSet<String>,
    /// When this process of the operator began.
    process_at: Timestamp,
    elsewhere: BTreeSet<String>,
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
    fn new(autoscaled: bool) -> Self {
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

    fn address(pod: &PodRecord) -> String {
        format!("tcp://{}:1", pod.name)
    }

    fn nth(&mut self, i: usize) -> Option<&mut PodRecord> {
        let n = self.pods.len();
        self.pods.values_mut().nth(i.checked_rem(n)?)
    }

    fn apply(&mut self, step: Step) {
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
            Step::NewScheduler => {
                self.scheduler = format!("{}+", self.scheduler);
                self.workers.clear();
                while let Some((_, call)) = self.call.pop_first() {
                    self.memory.retired(&call, None, self.now);
                }
                for pod in self.pods.values_mut().filter(|p| p.phase == PodPhase::Running) {
                    pod.phase = if pod.is_deployment { PodPhase::Pending } else { PodPhase::Succeeded };
                }
            }
            Step::Answer { refuse, lost } => self.answer(refuse, lost),
            Step::CrashOperator(ahead) => {
                self.memory = PlannerState::default();
                self.call.clear();
                self.now = self.now.plus(Duration::from_secs(ahead.into()));
                self.process_at = self.now;
            }
            Step::Autoscale(yes) => self.autoscaled = yes,
            Step::LoseAnswers => self.answers_lost = true,
            Step::Threaten(None) => {
                self.threats.clear();
                self.threatened_at.clear();
            }
            Step::Threaten(Some(i)) => {
                if let Some(uid) = self.nth(i).map(|p| p.uid.clone()) {
                    self.threatened_at.entry(uid.clone()).or_insert(self.now);
                    self.threats.insert(uid, "karpenter.sh/disrupted".into());
                }
            }
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
    fn turn(&mut self) -> bool {
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

    fn live(&self) -> usize {
        self.pods.values().filter(|p| p.is_live()).count()
    }

    fn staying(&self) -> usize {
        let stays = |p: &&PodRecord| p.is_live() && p.mark.is_none() && !self.threats.contains_key(&p.uid);
        self.pods.values().filter(stays).count()
    }

    fn carry_out(&mut self, action: Action, forced: bool) {
        match action {
            Action::ReserveNumbers { up_to } => {
                let first = self.group.status.reserved_pod_numbers.unwrap_or(0);
                self.group.status.reserved_pod_numbers = Some(up_to);
                self.memory.reserved(first..up_to);
            }
            Action::CreatePods(pods) => {
                for new in &pods {
                    assert!(self.names.insert(new.name.clone()), "{} is used twice", new.name);
                    self.count = self.count.wrapping_add(1);
                    let mut p = pod(&new.name, self.count);
                    p.uid = format!("uid-of-{}", new.name);
                    (p.phase, p.ready_since, p.created, p.ip) = (PodPhase::Pending, None, self.now, None);
                    self.pods.insert(new.name.clone(), p);
                }
                let lost = std::mem::take(&mut self.answers_lost);
                let outcome = if lost { CreateOutcome::Unknown } else { CreateOutcome::Created };
                let made: Vec<_> = pods.iter().map(|p| (p.number, outcome.clone())).collect();
                self.memory.created(&made, "t", self.now);
            }
            Action::MarkPods { pods, mark } => {
                assert!(!self.silent, "no pod is chosen while the scheduler is silent");
                pods.iter().for_each(|p| self.leaves_no_shuffle(p));
                self.mark(&pods, Some(&mark));
            }
            Action::UnmarkPod(pod) => self.mark(&[pod], None),
            Action::Check(checks) => {
                for check in checks {
                    self.verdicts.insert(&check.key, Verdict::Valid { unknown: Vec::new() }, self.now);
                }
            }
            Action::Retire(call) => {
                assert!(self.call.insert(call.stage, call).is_none(), "one call at a time");
            }
            Action::DeletePod(delete) => {
                let pod = self.pods.remove(&delete.pod.name).unwrap();
                assert_eq!(pod.uid, delete.pod.uid);
                let address = Self::address(&pod);
                let held = self.workers.contains_key(&address) && !self.closed.contains(&address);
                assert!(!held || forced, "{} was deleted with what it held: {}", pod.name, delete.why);
                assert!(!self.silent || !pod.is_live(), "the scheduler is silent");
                self.workers.remove(&address);
            }
            _ => {}
        }
    }

    /// A participant of a shuffle goes only with its node, and not at once.
    fn leaves_no_shuffle(&self, chosen: &crate::plan::action::PodRef) {
        let address = Self::address(&self.pods[&chosen.name]);
        if !self.shuffle.contains(&address) || self.workers.get(&address).is_none_or(|w| w.leaving) {
            return;
        }
        let waited = self.threatened_at.get(&chosen.uid).map(|at| self.now.since(*at));
        assert!(
            waited.is_some_and(|w| w.as_secs() >= 60),
            "{} leaves a shuffle after {waited:?}",
            chosen.name
        );
    }

    fn mark(&mut self, pods: &[crate::plan::action::PodRef], mark: Option<&Mark>) {
        for p in pods {
            self.pods.get_mut(&p.name).unwrap().mark = mark.cloned();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_the_end_is_as_wanted(
        steps in proptest::collection::vec(step(), 0..60), autoscaled: bool,
    ) {
        let mut world = World::new(autoscaled);
        for step in steps {
            world.apply(step);
            world.turn();
        }
        world.silent = false;
        world.shuffle.clear();
        let calm = |w: &mut World| {
            w.apply(Step::Start);
            for worker in w.workers.values_mut() {
                (worker.busy, worker.bytes) = (0, 0);
            }
            w.apply(Step::Answer { refuse: false, lost: false });
            w.apply(Step::Pass(60));
        };
        for _ in 0..80 {
            calm(&mut world);
            world.turn();
        }
        prop_assert!(world.workers.values().all(|w| !w.leaving), "no worker is left half gone");
        prop_assert_eq!(world.live(), usize::try_from(world.group.spec.worker.replicas).unwrap());
        calm(&mut world);
        prop_assert!(!world.turn(), "nothing is left to do");
    }
}
