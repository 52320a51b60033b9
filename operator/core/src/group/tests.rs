//! The removal protocol and the supply of pods, decision by decision.

use std::collections::{BTreeMap, BTreeSet};

use super::{testing::*, *};
use crate::{
    action::{RetireCall, RetireStage},
    record::{Mark, PodPhase, Trouble},
    scheduler::{Offer, Snapshot, WorkerView},
};

/// A group with its pods and its scheduler, and the memory between decisions.
struct Scene {
    group: Group,
    cluster: Option<Cluster>,
    pods: Vec<PodRecord>,
    scheduler: SchedulerState,
    autoscaled: bool,
    now: Timestamp,
    memory: Memory,
}

fn address(n: u8) -> String {
    format!("tcp://10.0.0.{n}:1")
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
            scheduler: SchedulerState::Known(Box::new(snapshot)),
            autoscaled: false,
            now: T0.plus(Duration::from_secs(60)),
            memory: Memory::default(),
        }
    }

    fn decide(&mut self) -> Decision<DaskWorkerGroupStatus> {
        let pods: Vec<&PodRecord> = self.pods.iter().collect();
        let input = Input {
            group: &self.group,
            cluster: self.cluster.as_ref(),
            pods: &pods,
            scheduler: &self.scheduler,
            autoscaled: self.autoscaled,
            now: self.now,
            domain: "cluster.local",
        };
        let decision = decide(&input, &mut self.memory);
        self.group.status = decision.status.clone();
        decision
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    fn snapshot(&mut self) -> &mut Snapshot {
        let now = self.now;
        match &mut self.scheduler {
            SchedulerState::Known(s) => {
                s.at = now;
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

#[test]
fn a_group_as_wanted_needs_nothing() {
    let mut scene = Scene::new(3, 3);
    let first = scene.decide();
    assert!(first.actions.is_empty(), "{:?}", first.actions);
    assert_eq!(first.need, SchedulerNeed::None);
    assert_eq!(scene.decide().status, first.status);
}

#[test]
fn numbers_are_reserved_before_pods_are_made_and_slow_start_doubles() {
    let mut scene = Scene::new(5, 0);
    let d = scene.decide();
    assert_eq!(created(&d), 0);
    let Some(Action::ReserveNumbers { up_to }) = d.actions.first() else { panic!("{:?}", d.actions) };
    scene.memory.reserved(0..*up_to);
    let mut names = BTreeSet::new();
    for expected in [1, 2, 2] {
        let d = scene.decide();
        let Some(Action::CreatePods(pods)) = d.actions.first() else { panic!("{:?}", d.actions) };
        assert_eq!(pods.len(), expected);
        let outcomes: Vec<_> = pods.iter().map(|p| (p.number, CreateOutcome::Created)).collect();
        for p in pods {
            assert!(names.insert(p.name.clone()), "a name is never used twice");
            scene.pods.push(pod(&p.name, u8::try_from(scene.pods.len() + 1).unwrap()));
        }
        scene.memory.created(&outcomes, scene.now);
    }
    assert_eq!(created(&scene.decide()), 0);
}

#[test]
fn a_creation_without_an_answer_is_repeated_under_its_name() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    let first = scene.decide();
    let Action::CreatePods(pods) = &first.actions[0] else { panic!() };
    scene.memory.created(&[(pods[0].number, CreateOutcome::Unknown)], scene.now);
    let Action::CreatePods(again) = &scene.decide().actions[0] else { panic!() };
    assert_eq!(again[0].name, pods[0].name);
}

#[test]
fn refused_pods_wait_longer_each_time_and_say_why() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    let mut waits = Vec::new();
    for _ in 0..4 {
        let d = scene.decide();
        assert_eq!(created(&d), 1);
        let refused = CreateOutcome::Rejected("exceeded quota".into());
        scene.memory.created(&[(0, refused)], scene.now);
        let d = scene.decide();
        assert_eq!(created(&d), 0);
        assert_eq!(reason(&d, conditions::PODS_FAILING).as_deref(), Some("CreateRejected"));
        waits.push(d.requeue.unwrap().as_secs());
        scene.now = scene.now.plus(d.requeue.unwrap());
    }
    assert_eq!(waits, [1, 2, 4, 8]);
}

#[test]
fn the_whole_protocol_in_its_order() {
    let mut scene = Scene::new(2, 3);
    scene.worker(1).bytes = 10;
    scene.worker(3).bytes = 20;
    let d = scene.decide();
    assert_eq!(marks(&d), ["w2"], "fewest bytes");
    assert_eq!((deletes(&d).len(), calls(&d).len()), (0, 0), "written down before anything else");
    scene.apply_marks(&d);

    let drain = calls(&scene.decide());
    assert_eq!(drain.len(), 1);
    assert_eq!((drain[0].stage, drain[0].addresses.len()), (RetireStage::Drain, 1));
    assert!(scene.decide().actions.is_empty(), "one call at a time");
    scene.answer(&drain[0], &[2]);
    scene.worker(2).busy = 1;
    for _ in 0..5 {
        scene.heartbeat(2);
        let d = scene.decide();
        assert!(calls(&d).is_empty() && deletes(&d).is_empty(), "it still executes");
    }
    scene.worker(2).busy = 0;
    let close = calls(&scene.decide());
    assert_eq!(close[0].stage, RetireStage::Close);
    assert!(deletes(&scene.decide()).is_empty());
    scene.answer(&close[0], &[2]);
    let d = scene.decide();
    assert_eq!(deletes(&d), ["w2"]);
    let Action::DeletePod(delete) = &d.actions[0] else { panic!() };
    assert_eq!(delete.pod.uid, "pod-uid-2");
}

#[test]
fn a_heartbeat_from_before_the_drain_is_not_believed() {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    let drain = calls(&scene.decide());
    scene.answer(&drain[0], &[victim]);
    assert!(calls(&scene.decide()).is_empty(), "no heartbeat since");
    scene.heartbeat(victim);
    assert!(calls(&scene.decide()).is_empty(), "one may have been on its way");
    scene.heartbeat(victim);
    assert_eq!(calls(&scene.decide())[0].stage, RetireStage::Close);
}

#[test]
fn all_victims_of_a_decision_go_in_one_call() {
    let mut scene = Scene::new(1, 5);
    let d = scene.decide();
    assert_eq!(scene.apply_marks(&d).len(), 4);
    let drain = calls(&scene.decide());
    assert_eq!((drain.len(), drain[0].addresses.len()), (1, 4));
}

#[test]
fn a_refused_worker_is_unmarked_and_another_one_is_tried() {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    let first = scene.apply_marks(&d)[0].clone();
    let drain = calls(&scene.decide());
    scene.answer(&drain[0], &[]);
    let d = scene.decide();
    assert!(d.actions.iter().any(|a| matches!(a, Action::UnmarkPod(p) if p.name == first)));
    for pod in &mut scene.pods {
        pod.mark = None;
    }
    let second = marks(&scene.decide());
    assert_ne!(second, [first], "the refused one waits");
    assert_eq!(second.len(), 1);
}

#[test]
fn no_answer_is_neither_yes_nor_no() {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    scene.apply_marks(&d);
    let drain = calls(&scene.decide());
    scene.memory.retired(&drain[0], None, scene.now);
    let d = scene.decide();
    assert!(calls(&d).is_empty() && deletes(&d).is_empty());
    scene.later(6);
    assert_eq!(calls(&scene.decide()).len(), 1, "asking again is safe");
}

#[test]
fn nobody_leaves_while_the_scheduler_does_not_answer() {
    let mut scene = Scene::new(0, 3);
    scene.pods[0].phase = PodPhase::Pending;
    scene.scheduler = SchedulerState::Unreachable { why: "timed out".into() };
    for _ in 0..10 {
        scene.later(100);
        let d = scene.decide();
        assert!(deletes(&d).is_empty() && marks(&d).is_empty());
        assert_eq!(reason(&d, conditions::SCALE_DOWN_BLOCKED).as_deref(), Some("SchedulerUnreachable"));
        assert_eq!(reason(&d, conditions::SCHEDULER_UNREACHABLE).as_deref(), Some("NoAnswer"));
    }
    scene.scheduler = SchedulerState::Unknown;
    let d = scene.decide();
    assert!(deletes(&d).is_empty() && marks(&d).is_empty());
}

#[test]
fn what_holds_nothing_goes_first() {
    let mut scene = Scene::new(1, 4);
    scene.pods[0].phase = PodPhase::Pending;
    scene.pods[1].phase = PodPhase::Pending;
    scene.pods[1].scheduled = false;
    for n in [1, 2, 3] {
        scene.snapshot().workers.remove(&address(n));
    }
    let d = scene.decide();
    assert_eq!(deletes(&d), ["w2", "w1", "w3"], "no node, not started, not registered");
    assert!(marks(&d).is_empty());
    assert!(d.actions.iter().all(|a| match a {
        Action::DeletePod(p) => p.resource_version.is_some(),
        _ => true,
    }));
}

#[test]
fn without_a_scheduler_there_is_nothing_to_retire() {
    let mut scene = Scene::new(1, 2);
    scene.scheduler = SchedulerState::Absent;
    assert_eq!(deletes(&scene.decide()).len(), 1);
}

#[test]
fn workers_without_tasks_go_before_those_with() {
    let mut scene = Scene::new(1, 2);
    scene.worker(1).bytes = 100;
    scene.snapshot().offer.as_mut().unwrap().processing.insert(address(2), 1);
    assert_eq!(marks(&scene.decide()), ["w1"]);
}

#[test]
fn who_is_not_on_offer_stays_until_a_persons_patience_ends() {
    for autoscaled in [false, true] {
        let mut scene = Scene::new(1, 2);
        scene.autoscaled = autoscaled;
        scene.snapshot().offer.as_mut().unwrap().addresses.clear();
        let d = scene.decide();
        assert_eq!(reason(&d, conditions::SCALE_DOWN_BLOCKED).as_deref(), Some("NotOffered"));
        scene.later(299);
        assert!(deletes(&scene.decide()).is_empty());
        scene.later(1);
        let d = scene.decide();
        assert_eq!(deletes(&d).len(), usize::from(!autoscaled), "an autoscaler never forces");
        assert_eq!(events(&d).contains(&"DataLossRisk".to_string()), !autoscaled);
    }
}

#[test]
fn a_long_task_is_waited_for_until_a_persons_patience_ends() {
    let mut scene = Scene::new(1, 2);
    scene.group.spec.worker.drain_timeout = Some(30);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    let drain = calls(&scene.decide());
    scene.answer(&drain[0], &[victim]);
    scene.worker(victim).busy = 1;
    for _ in 0..25 {
        scene.heartbeat(victim);
        assert!(deletes(&scene.decide()).is_empty());
    }
    scene.later(10);
    let d = scene.decide();
    assert_eq!(deletes(&d), [format!("w{victim}")]);
    assert!(events(&d).contains(&"DataLossRisk".to_string()));
}

#[test]
fn a_shrink_goes_only_as_far_as_there_is_room() {
    let mut scene = Scene::new(1, 3);
    for n in 1..=3 {
        scene.worker(n).bytes = 300;
    }
    let d = scene.decide();
    assert_eq!(marks(&d).len(), 1, "two hold 300 + 300 of 600 each, one could not hold 900");
    assert_eq!(reason(&d, conditions::SCALE_DOWN_LIMITED).as_deref(), Some("NotEnoughMemory"));
}

#[test]
fn several_processes_of_a_pod_leave_together() {
    let mut scene = Scene::new(1, 2);
    let second = "tcp://10.0.0.1:2".to_string();
    scene.snapshot().workers.insert(second.clone(), worker("w1-1", 1));
    assert_eq!(marks(&scene.decide()), ["w2"], "only one process of w1 is on offer");
    scene.snapshot().offer.as_mut().unwrap().addresses.insert(second.clone());
    scene.worker(2).bytes = 1;
    let d = scene.decide();
    assert_eq!(scene.apply_marks(&d), ["w1"]);
    let drain = calls(&scene.decide());
    assert_eq!(drain[0].addresses, BTreeSet::from([address(1), second]));
    scene.answer(&drain[0], &[1]);
    let d = scene.decide();
    assert!(!d.actions.iter().any(|a| matches!(a, Action::UnmarkPod(_))), "half of it cannot come back");
}

#[test]
fn a_restarted_worker_is_drained_under_its_new_address() {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    let drain = calls(&scene.decide());
    scene.answer(&drain[0], &[victim]);
    scene.snapshot().workers.remove(&address(victim));
    let fresh = format!("tcp://10.0.0.{victim}:9");
    scene.snapshot().workers.insert(fresh.clone(), worker(&format!("w{victim}"), victim));
    let again = calls(&scene.decide());
    assert_eq!(again[0].addresses, BTreeSet::from([fresh]));
}

#[test]
fn forgetting_everything_in_the_middle_is_safe() {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    let drain = calls(&scene.decide());
    scene.answer(&drain[0], &[victim]);
    scene.memory = Memory::default();
    let d = scene.decide();
    assert!(deletes(&d).is_empty() && marks(&d).is_empty());
    assert_eq!(calls(&d), drain, "the same pod, asked again");
}

#[test]
fn new_demand_does_not_call_back_who_leaves_and_waits_for_its_place() {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    scene.apply_marks(&d);
    scene.group.spec.worker.replicas = 2;
    scene.memory.reserved(0..16);
    let d = scene.decide();
    assert_eq!(created(&d), 0, "retiring pods count until they are gone");
    assert_eq!(calls(&d).len(), 1);
    scene.pods.retain(|p| p.mark.is_none());
    assert_eq!(created(&scene.decide()), 1);
}

#[test]
fn pods_lost_from_outside_are_replaced_at_once_and_failed_ones_wait() {
    let mut scene = Scene::new(2, 2);
    scene.memory.reserved(0..16);
    scene.pods[0].phase = PodPhase::Failed;
    scene.pods[0].disrupted = true;
    scene.pods[1].deleting = true;
    let d = scene.decide();
    assert_eq!((deletes(&d), created(&d)), (vec!["w1".to_string()], 1));
    assert_eq!(d.status.failures, None);

    let mut scene = Scene::new(1, 1);
    scene.memory.reserved(0..16);
    scene.pods[0].phase = PodPhase::Failed;
    let d = scene.decide();
    assert_eq!((deletes(&d).len(), created(&d)), (1, 0));
    assert_eq!(d.status.failures, Some(1));
    scene.pods.clear();
    scene.later(1);
    assert_eq!(created(&scene.decide()), 1);
}

#[test]
fn from_the_third_round_on_pods_are_made_one_at_a_time() {
    let mut scene = Scene::new(9, 0);
    scene.memory.reserved(0..64);
    let mut made = Vec::new();
    for round in 0..5_u8 {
        scene.later(301);
        let n = created(&scene.decide());
        made.push(n);
        scene.pods = (0..n)
            .map(|i| {
                let mut p = pod(&format!("r{round}-{i}"), round);
                (p.phase, p.created, p.ready_since) = (PodPhase::Failed, scene.now, None);
                p
            })
            .collect();
        scene.memory.created(&[], scene.now);
        scene.decide();
        scene.pods.clear();
    }
    assert_eq!(made, [1, 2, 4, 1, 1]);
}

#[test]
fn a_new_template_starts_with_a_clean_slate() {
    let mut scene = Scene::new(1, 1);
    scene.pods[0].phase = PodPhase::Failed;
    assert_eq!(scene.decide().status.failures, Some(1));
    scene.pods.clear();
    scene.group.spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    scene.memory.reserved(0..16);
    let d = scene.decide();
    assert_eq!((d.status.failures, created(&d)), (None, 1));
}

#[test]
fn pods_of_an_earlier_template_are_counted_and_left_alone() {
    let mut scene = Scene::new(2, 2);
    scene.group.spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    let d = scene.decide();
    assert_eq!(d.status.workers.unwrap().outdated, 2);
    assert!(deletes(&d).is_empty() && marks(&d).is_empty());
}

#[test]
fn a_missing_or_dying_cluster_gets_no_pods() {
    let mut scene = Scene::new(2, 0);
    scene.memory.reserved(0..16);
    scene.cluster.as_mut().unwrap().meta.deleting = true;
    assert_eq!(created(&scene.decide()), 0);
    scene.cluster = None;
    assert!(events(&scene.decide()).is_empty(), "it goes with its cluster");
    scene.group.meta.owners.clear();
    let d = scene.decide();
    assert_eq!(created(&d), 0);
    let ready = d.status.conditions.iter().find(|c| c.type_ == conditions::READY).unwrap();
    assert_eq!(ready.reason, "ClusterNotFound");
    assert_eq!(events(&d), ["ClusterNotFound"]);
}

#[test]
fn trouble_is_told_with_its_reason() {
    let mut scene = Scene::new(2, 2);
    for p in &mut scene.pods {
        (p.phase, p.ready_since) = (PodPhase::Pending, None);
        p.trouble = Some(Trouble { reason: "ImagePullBackOff".into(), message: "no such image".into() });
    }
    let d = scene.decide();
    assert_eq!(reason(&d, conditions::PODS_FAILING).as_deref(), Some("ImagePullBackOff"));
    assert_eq!(events(&d), ["ImagePullBackOff"]);
    assert!(events(&scene.decide()).is_empty(), "told once");
}
