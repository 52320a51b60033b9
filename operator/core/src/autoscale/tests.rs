//! Autoscalers, decision by decision.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    group::testing::{self, T0},
    record::Object,
    scheduler::Snapshot,
};

fn autoscaler(name: &str, spec: serde_json::Value) -> Autoscaler {
    let mut meta = testing::cluster(name).meta;
    meta.uid = format!("{name}-uid");
    meta.owners = vec![template::cluster_owner(&testing::cluster("c"))];
    Object { meta, spec: serde_json::from_value(spec).unwrap(), status: Default::default() }
}

struct Scene {
    autoscaler: Autoscaler,
    others: Vec<Autoscaler>,
    cluster: Option<Cluster>,
    group: Option<Group>,
    scheduler: SchedulerState,
    per_pod: u32,
    elsewhere: u32,
    now: Timestamp,
    memory: Memory,
}

impl Scene {
    fn new(spec: serde_json::Value, current: i32) -> Self {
        Self {
            autoscaler: autoscaler("a", spec),
            others: Vec::new(),
            cluster: Some(testing::cluster("c")),
            group: Some(testing::group("c-default", current)),
            scheduler: SchedulerState::Unknown,
            per_pod: 1,
            elsewhere: 0,
            now: T0,
            memory: Memory::default(),
        }
    }

    fn wants(&mut self, id: &str, target: u32) -> Option<i32> {
        self.now = self.now.plus(Duration::from_secs(2));
        let snapshot = Snapshot { id: id.into(), at: self.now, target: Some(target), ..Snapshot::default() };
        self.scheduler = SchedulerState::Known(Arc::new(snapshot));
        self.decide().1
    }

    fn decide(&mut self) -> (Decision<DaskAutoscalerStatus>, Option<i32>) {
        let mut all: Vec<&Autoscaler> = self.others.iter().collect();
        all.push(&self.autoscaler);
        let input = Input {
            autoscaler: &self.autoscaler,
            all: &all,
            cluster: self.cluster.as_ref(),
            group: self.group.as_ref(),
            processes_per_pod: self.per_pod,
            processes_elsewhere: self.elsewhere,
            scheduler: &self.scheduler,
            now: self.now,
            domain: "cluster.local",
        };
        let d = decide(&input, &mut self.memory);
        self.autoscaler.status = d.status.clone();
        let size = d.actions.iter().find_map(|a| match a {
            Action::Scale { replicas, .. } => Some(*replicas),
            _ => None,
        });
        if let (Some(size), Some(group)) = (size, self.group.as_mut()) {
            group.spec.worker.replicas = size;
        }
        (d, size)
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
    assert_eq!(sizes, [3, 2, 1, 0], "a quarter but at least one at a time");
    assert_eq!(scene.autoscaler.status.target, Some(0));
}

#[test]
fn a_new_scheduler_says_zero_and_removes_nobody_at_first() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 5);
    scene.wants("old", 0);
    scene.wants("old", 0);
    assert_eq!(scene.wants("new", 0), None);
    assert_eq!(scene.wants("new", 0), None);
    assert_eq!(scene.wants("new", 0), Some(4));
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
    (scene.elsewhere, scene.per_pod) = (3, 2);
    assert_eq!(scene.wants("s", 8), Some(3));
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
    scene.others.clear();
    assert_eq!(scene.wants("s", 8), Some(8));
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
    let group = scene.group.take();
    assert_eq!(scene.active(), "WorkerGroupNotFound");
    scene.group = group;
    assert_eq!(scene.wants("s", 2), Some(2));
}
