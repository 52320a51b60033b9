//! Random walks of a job through a small world: what must hold at every step, whatever happens.

use proptest::prelude::*;

use crate::{
    job::{testing::*, *},
    model::{pod::PodPhase, trouble::Trouble},
};

/// What happens between two decisions.
#[derive(Clone, Debug)]
enum Step {
    Start,
    Exit(i64),
    Evict,
    DeletePod,
    PodGone,
    DeleteCluster,
    ClusterGone,
    Trouble,
    CrashOperator,
    /// The next writes do not reach the API server.
    Away(bool),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Start),
        2 => prop_oneof![Just(0_i64), Just(1)].prop_map(Step::Exit),
        1 => Just(Step::Evict),
        1 => Just(Step::DeletePod),
        2 => Just(Step::PodGone),
        1 => Just(Step::DeleteCluster),
        3 => Just(Step::ClusterGone),
        1 => Just(Step::Trouble),
        1 => Just(Step::CrashOperator),
        3 => any::<bool>().prop_map(Step::Away),
        3 => (1..400_u64).prop_map(Step::Pass),
    ]
}

/// The world, with what was seen of it.
struct World {
    scene: Scene,
    away: bool,
    runners_made: u32,
    crashed: bool,
    last: Option<JobStatus>,
    outcome: Option<Outcome>,
    exit: Option<i64>,
}

impl World {
    fn new() -> Self {
        let mut scene = Scene::new();
        scene.accept();
        scene.memory = PlannerState::default();
        Self { scene, away: false, runners_made: 0, crashed: false, last: None, outcome: None, exit: None }
    }

    fn apply(&mut self, step: &Step) {
        let scene = &mut self.scene;
        scene.now = scene.now.plus(Duration::from_secs(1));
        let started = scene.runner.as_ref().is_some_and(|p| p.phase == PodPhase::Running);
        let waits = scene.runner.as_ref().is_some_and(|p| p.phase == PodPhase::Pending && !p.deleting);
        match step {
            Step::Start if waits => {
                let created = scene.pod().created;
                scene.with_runner(PodPhase::Running);
                scene.pod().created = created;
            }
            Step::Exit(code) if started => {
                scene.main_ends(*code);
                let phase = if *code == 0 { PodPhase::Succeeded } else { PodPhase::Failed };
                scene.pod().phase = phase;
                self.exit.get_or_insert(*code);
            }
            Step::Evict if started || waits => {
                let pod = scene.pod();
                (pod.phase, pod.disrupted) = (PodPhase::Failed, true);
                pod.trouble = Some(Trouble { reason: "Evicted".into(), message: "memory".into() });
            }
            Step::DeletePod if scene.runner.is_some() => {
                let gone_by = scene.now.plus(Duration::from_secs(30));
                scene.pod().deleting = true;
                scene.pod().runner.as_mut().unwrap().gone_by = Some(gone_by);
            }
            Step::PodGone if scene.runner.as_ref().is_some_and(|p| p.deleting) => scene.runner = None,
            Step::DeleteCluster if scene.cluster.is_some() => {
                scene.cluster.as_mut().unwrap().meta.deleting = true;
            }
            Step::ClusterGone if scene.cluster.as_ref().is_some_and(|c| c.meta.deleting) => {
                scene.cluster = None;
            }
            Step::Trouble if waits => {
                scene.pod().trouble =
                    Some(Trouble { reason: "ImagePullBackOff".into(), message: "no image".into() });
            }
            Step::CrashOperator => {
                scene.memory = PlannerState::default();
                self.crashed = true;
            }
            Step::Away(away) => self.away = *away,
            Step::Pass(seconds) => scene.now = scene.now.plus(Duration::from_secs(*seconds)),
            _ => {}
        }
    }

    /// One decision, carried out as far as the API server is there. Answers whether anything was done.
    fn turn(&mut self) -> bool {
        let scene = &mut self.scene;
        let decision = decide(scene.input());
        let writes =
            decision.actions.iter().any(|a| !matches!(a, Action::ReadPodEvents(_) | Action::Event(_)));
        let changes = writes || decision.status != scene.job.status;
        if self.away {
            return changes;
        }
        scene.job.status = decision.status;
        for action in decision.actions {
            self.carry_out(action);
        }
        self.check();
        changes
    }

    fn carry_out(&mut self, action: Action) {
        let scene = &mut self.scene;
        match action {
            Action::Create { kind: Kind::Cluster, .. } => {
                assert!(scene.cluster.is_none());
                scene.with_cluster();
            }
            Action::Create { kind: Kind::Pod, .. } => {
                assert!(scene.runner.is_none() && scene.cluster.is_some(), "not without its cluster");
                self.runners_made += 1;
                scene.memory.runner_made();
                self.exit = None;
                scene.with_runner(PodPhase::Pending);
                let now = scene.now;
                scene.pod().created = now;
            }
            Action::Delete { kind: Kind::Cluster, .. } => {
                assert!(Outcome::of(&scene.job).is_some(), "the outcome is written down first");
                scene.cluster.as_mut().unwrap().meta.deleting = true;
            }
            Action::Delete { kind: Kind::Pod, .. } => scene.pod().deleting = true,
            Action::Patch(p) if p.kind == Kind::Pod => {
                scene.pod().phase = PodPhase::Failed;
                scene.pod().runner.as_mut().unwrap().deadline = Some(1);
            }
            Action::Patch(p) if p.kind == Kind::Job => {
                let text = p.body["metadata"]["annotations"][names::OUTCOME].as_str().unwrap().to_string();
                scene.job.meta.annotations.insert(names::OUTCOME.into(), text);
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        let job = &self.scene.job;
        assert!(self.last <= job.status.job_status, "{:?} after {:?}", job.status.job_status, self.last);
        self.last = job.status.job_status;
        let outcome = Outcome::of(job);
        assert!(self.outcome.is_none() || self.outcome == outcome, "an outcome stands");
        self.outcome = outcome;
        if job.status.job_status > Some(JobStatus::Running) {
            let keys = json!(job.status).as_object().map(serde_json::Map::len);
            assert_eq!(keys, Some(5));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_job_ends_once_whatever_happens(steps in proptest::collection::vec(step(), 0..40)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
            world.turn();
        }
        // Faults end, and the program would like to go on.
        world.away = false;
        for _ in 0..12 {
            for step in [Step::Start, Step::PodGone, Step::ClusterGone, Step::Exit(0), Step::Pass(200)] {
                world.apply(&step);
                world.turn();
            }
        }
        let status = world.scene.job.status.job_status;
        prop_assert!(status > Some(JobStatus::Running), "it never ends: {:?}", world.scene.job.status);
        prop_assert!(world.scene.cluster.is_none(), "its cluster burns on");
        // An operator that dies cannot know of a pod that came and went before the next one looked.
        prop_assert!(world.runners_made <= 1 || world.crashed, "a program is not started twice");
        if status == Some(JobStatus::Successful) {
            prop_assert_eq!(world.exit, Some(0));
        }
        prop_assert!(!world.turn(), "nothing is left to do");
    }
}
