//! Autoscalers, decision by decision.

mod demand;
mod told;

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    model::{
        demand::DemandReading,
        object::Object,
        pod::PodRecord,
        scheduler::{Snapshot, WorkerView},
        worker_address::WorkerAddress,
    },
    worker_group::testing::{self, T0},
};

fn autoscaler(name: &str, spec: serde_json::Value) -> Autoscaler {
    let mut meta = testing::cluster(name).meta;
    meta.uid = format!("{name}-uid").into();
    meta.owners = vec![resources::cluster_owner(&testing::cluster("c"))];
    Object { meta, spec: serde_json::from_value(spec).unwrap(), status: Default::default() }
}

/// A group of another name, made some seconds later.
fn group(name: &str, replicas: i32, later: u64) -> Group {
    let mut group = testing::group(name, replicas);
    group.meta.uid = format!("{name}-uid").into();
    group.meta.created = T0.plus(Duration::from_secs(later));
    group
}

struct Scene {
    autoscaler: Autoscaler,
    others: Vec<Autoscaler>,
    cluster: Option<Cluster>,
    groups: Vec<Group>,
    pods: Vec<PodRecord>,
    workers: BTreeMap<WorkerAddress, WorkerView>,
    scheduler: SchedulerState,
    now: Timestamp,
    memory: PlannerState,
}

impl Scene {
    fn new(spec: serde_json::Value, current: i32) -> Self {
        Self {
            autoscaler: autoscaler("a", spec),
            others: Vec::new(),
            cluster: Some(testing::cluster("c")),
            groups: vec![group("c-default", current, 0)],
            pods: Vec::new(),
            workers: BTreeMap::new(),
            scheduler: SchedulerState::Unknown,
            now: T0,
            memory: PlannerState::default(),
        }
    }

    /// Two groups with an autoscaler each.
    fn with_two(size: i32, more: i32) -> Self {
        let mut scene = Self::new(json!({"cluster": "c"}), size);
        scene.groups.push(group("c-more", more, 1));
        scene.others.push(autoscaler("b", json!({"cluster": "c", "workerGroup": "c-more"})));
        scene
    }

    fn line(&mut self, words: &[&str]) {
        let container = json!({"name": "worker", "image": "dask", "args": words});
        self.groups[0].spec.worker.spec.0["containers"] = json!([container]);
    }

    /// One pod of the first group has so many registered workers.
    fn registered(&mut self, processes: u8) {
        let pod = PodRecord { owner_uid: Some("c-default-uid".into()), ..testing::pod("w", 1) };
        let view = |n: u8| WorkerView { name: format!("w-{n}"), ..WorkerView::default() };
        self.workers = (0..processes).map(|n| (format!("tcp://10.0.0.1:{n}").into(), view(n))).collect();
        self.pods = vec![pod];
    }

    fn wants(&mut self, id: &str, target: u32) -> Option<i32> {
        self.now = self.now.plus(Duration::from_secs(2));
        let workers = self.workers.clone();
        let demand = DemandReading::Unavailable { why: "old".into() };
        let target = Some(target);
        let snapshot =
            Snapshot { id: id.into(), at: self.now, target, demand, workers, ..Snapshot::default() };
        self.scheduler = SchedulerState::Known(Arc::new(snapshot));
        self.decide().1
    }

    /// The sizes of all groups after the scheduler wanted so many for so long.
    fn settles(&mut self, target: u32, seconds: u64) -> Vec<i32> {
        for _ in 0..seconds / 2 {
            self.wants("s", target);
        }
        self.sizes()
    }

    fn sizes(&self) -> Vec<i32> {
        self.groups.iter().map(|g| g.spec.worker.replicas).collect()
    }

    fn decide(&mut self) -> (Decision<DaskAutoscalerStatus>, Option<i32>) {
        let all: Vec<&Autoscaler> = std::iter::once(&self.autoscaler).chain(&self.others).collect();
        let pods: Vec<&PodRecord> = self.pods.iter().collect();
        let of = |g: &Group| if g.meta.name == "c-default" { pods.as_slice() } else { &[] };
        let groups: Vec<_> = self.groups.iter().map(|group| Workers { group, pods: of(group) }).collect();
        let input = Input {
            autoscalers: &all,
            cluster: self.cluster.as_ref(),
            groups: &groups,
            scheduler: &self.scheduler,
            default_maximum: 50,
            now: self.now,
        };
        let decisions = decide(&input, &mut self.memory);
        assert_eq!(decisions.len(), 1 + self.others.len());
        let mut own = None;
        for (n, d) in decisions.iter().enumerate() {
            for action in &d.actions {
                if let Action::Scale { group, replicas, .. } = action {
                    own = if n == 0 { Some(*replicas) } else { own };
                    let group = self.groups.iter_mut().find(|g| g.meta.name == *group);
                    group.unwrap().spec.worker.replicas = *replicas;
                }
            }
        }
        let mut all = decisions.into_iter();
        let d = all.next().unwrap();
        self.autoscaler.status = d.status.clone();
        self.others.iter_mut().zip(all).for_each(|(a, d)| a.status = d.status);
        (d, own)
    }

    fn decides(&self, group: usize) -> bool {
        let all = std::iter::once(&self.autoscaler).chain(&self.others);
        let group = &self.groups[group];
        acting(all, &group.spec.cluster, &group.meta.name)
            .is_some_and(|a| decides(a, self.cluster.as_ref(), Some(&self.memory), self.now))
    }

    fn active(&mut self) -> String {
        let d = self.decide().0;
        d.status.conditions.iter().find(|c| c.type_ == conditions::ACTIVE).unwrap().reason.clone()
    }
}

#[test]
fn from_zero_up_and_back_to_zero() {
    let mut scene = Scene::new(json!({"cluster": "c", "maximum": 4}), 0);
    assert_eq!(scene.wants("s", 9), Some(4));
    assert_eq!(scene.wants("s", 0), None);
    let mut sizes = Vec::new();
    for _ in 0..60 {
        sizes.extend(scene.wants("s", 0));
    }
    assert_eq!(sizes, [0], "once, when they have been idle for a while");
    assert_eq!(scene.autoscaler.status.target, Some(0));
}

#[test]
fn a_new_scheduler_says_zero_and_removes_no_worker_at_first() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 5);
    scene.wants("old", 0);
    scene.wants("old", 0);
    assert_eq!(scene.wants("new", 0), None);
    assert_eq!(scene.wants("new", 0), None);
    assert_eq!(scene.wants("new", 0), Some(0));
}

#[test]
fn no_answer_is_no_reason_to_shrink() {
    let mut scene = Scene::new(json!({"cluster": "c", "minimum": 0, "maximum": 9}), 5);
    scene.wants("s", 0);
    scene.wants("s", 0);
    scene.scheduler = SchedulerState::Unreachable { why: "x".into() };
    assert_eq!(scene.active(), "SchedulerUnreachable");
    assert_eq!(scene.wants("s", 0), None, "what it said before does not count any more");
}

#[test]
fn bounds_need_no_scheduler_upwards_and_nulls_are_no_bounds() {
    let mut scene = Scene::new(json!({"cluster": "c", "minimum": 3, "maximum": null}), 1);
    assert_eq!(scene.decide().1, Some(3));
    let mut scene = Scene::new(json!({"cluster": "c", "minimum": null}), 1);
    assert_eq!(scene.decide().1, None);
}

#[test]
fn other_groups_and_processes_are_counted() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 0);
    scene.groups.push(group("c-more", 3, 1));
    scene.registered(2);
    assert_eq!(scene.wants("s", 8), Some(3));
}

#[test]
fn the_command_line_tells_the_processes_of_a_pod() {
    let mut scene = Scene::new(json!({"cluster": "c", "minimum": 0, "maximum": 100}), 0);
    scene.line(&["dask", "worker", "--name", "$(DASK_WORKER_NAME)", "--nworkers", "4"]);
    assert_eq!(scene.wants("s", 8), Some(2));
    scene.registered(1);
    assert_eq!(scene.settles(8, 120), [2], "three of four are not registered yet");
    scene.registered(8);
    assert_eq!(scene.settles(16, 120), [2], "there are more than it says");
}

#[test]
fn what_was_registered_last_counts_where_the_command_line_does_not_tell() {
    let mut scene = Scene::new(json!({"cluster": "c", "maximum": 100}), 0);
    scene.line(&["dask", "worker", "--nworkers", "auto"]);
    scene.registered(8);
    assert_eq!(scene.wants("s", 8), Some(1));
    scene.settles(0, 120);
    scene.registered(0);
    scene.pods.clear();
    assert_eq!(scene.settles(16, 20), [2], "from zero again");
    scene.registered(1);
    assert_eq!(scene.settles(16, 40), [2], "the first of eight is registered");
    scene.registered(4);
    assert_eq!(scene.settles(16, 120), [4], "there are four, and it stays so");
}

#[test]
fn all_groups_get_their_sizes_from_one_reading() {
    let mut scene = Scene::with_two(0, 0);
    assert_eq!(scene.wants("s", 7), Some(7), "the older group takes it all");
    assert_eq!(scene.settles(7, 300), [7, 0]);
    let mut scene = Scene::with_two(3, 4);
    assert_eq!(scene.settles(7, 300), [3, 4], "what there is stays as it is");
    assert_eq!(scene.settles(4, 300), [3, 1], "the younger shrinks first");
    scene.autoscaler.spec.maximum = Some(2);
    assert_eq!(scene.settles(9, 300), [2, 7]);
}

#[test]
fn one_change_is_a_change_of_all() {
    let mut scene = Scene::with_two(0, 0);
    scene.autoscaler.spec.maximum = Some(3);
    assert_eq!(scene.settles(3, 2), [3, 0]);
    scene.wants("s", 5);
    scene.groups[1].spec.worker.replicas = 0;
    scene.decide();
    assert_eq!(scene.sizes(), [3, 0], "that reading made a step already");
    assert_eq!(scene.settles(5, 2), [3, 2]);
}

#[test]
fn a_group_whose_autoscaler_cannot_act_counts_as_it_is() {
    let mut scene = Scene::with_two(0, 5);
    (scene.others[0].spec.minimum, scene.others[0].spec.maximum) = (Some(9), Some(1));
    assert_eq!(scene.settles(8, 60), [3, 5]);
    assert_eq!([scene.decides(0), scene.decides(1)], [true, false], "a person's shrink of it ends");
}

#[test]
fn a_scheduler_that_is_silent_for_long_decides_nothing() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 4);
    scene.wants("s", 4);
    scene.scheduler = SchedulerState::Unreachable { why: "x".into() };
    scene.decide();
    scene.now = scene.now.plus(INERT - Duration::from_secs(1));
    scene.decide();
    assert!(scene.decides(0));
    scene.now = scene.now.plus(Duration::from_secs(1));
    assert!(!scene.decides(0));
    scene.wants("s", 4);
    assert!(scene.decides(0));
    scene.cluster = None;
    assert!(!scene.decides(0));
}

#[test]
fn without_a_maximum_the_operators_default_binds_and_says_so() {
    let mut scene = Scene::new(json!({"cluster": "c", "maximum": null}), 0);
    assert_eq!(scene.wants("s", 90), Some(32), "in steps");
    assert_eq!(scene.active(), "Scaling");
    assert_eq!(scene.settles(90, 40), [50]);
    assert_eq!(scene.active(), "AtDefaultMaximum");
    assert_eq!(scene.settles(50, 10), [50]);
    assert_eq!(scene.active(), "Scaling");
    let mut scene = Scene::new(json!({"cluster": "c", "minimum": 60}), 0);
    assert_eq!(scene.decide().1, Some(60), "a minimum is what its author wants");
    scene.autoscaler.spec.maximum = Some(60);
    scene.settles(90, 40);
    assert_eq!(scene.active(), "Scaling", "that maximum is the author's own");
}

#[test]
fn of_two_on_one_group_the_older_acts() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 0);
    let mut older = autoscaler("z", json!({"cluster": "c", "workerGroup": "c-default"}));
    older.meta.created = Timestamp(T0.0 - 1000);
    scene.others = vec![older, autoscaler("0", json!({"cluster": "c", "workerGroup": "c-more"}))];
    assert_eq!(scene.wants("s", 8), None);
    let d = scene.decide().0;
    assert!(conditions::holds(&d.status.conditions, conditions::CONFLICT));
    assert_eq!(scene.active(), "Conflict");
    assert_eq!(scene.sizes(), [8], "the older one did");
    scene.others.clear();
    assert_eq!(scene.wants("s", 9), Some(9));
    assert!(!conditions::holds(&scene.autoscaler.status.conditions, conditions::CONFLICT));
}

#[test]
fn what_cannot_be_acted_on_says_why_and_heals() {
    let mut scene = Scene::new(json!({"cluster": "c", "minimum": 5, "maximum": 3}), 0);
    let (d, size) = scene.decide();
    assert_eq!(size, None);
    assert!(
        d.actions.iter().any(|a| matches!(a, Action::Event(e) if e.message.contains("spec.minimum (5)")))
    );
    scene.autoscaler.spec.minimum = Some(2);
    assert_eq!(scene.wants("s", 0), Some(2));

    let mut scene = Scene::new(json!({"cluster": "c"}), 0);
    scene.autoscaler.meta.owners.clear();
    let cluster = scene.cluster.take();
    assert_eq!(scene.active(), "ClusterNotFound");
    scene.cluster = cluster;
    let groups = std::mem::take(&mut scene.groups);
    assert_eq!(scene.active(), "WorkerGroupNotFound");
    scene.groups = groups;
    assert_eq!(scene.wants("s", 2), Some(2));
}
