//! Decisions where the scheduler tells what waits, and where it does not.

use super::*;
use crate::model::demand::{Demand as Reading, Shape, Work};

/// So many ready tasks of 100 s that ask for one of this resource, or for nothing.
fn tasks(resource: &str, ready: u64, is_served: bool) -> Work {
    let resources = (!resource.is_empty()).then(|| (resource.to_string(), 1.0)).into_iter().collect();
    let served_by = is_served.then(|| "tcp://10.0.0.1:0".into());
    let shape = Shape { resources, is_pinned: false, served_by };
    Work { shape, ready, seconds: Some(100.0), ..Work::default() }
}

impl Scene {
    /// The scheduler tells of this work, and two seconds pass.
    fn reads(&mut self, demand: DemandReading, target: u32) -> Vec<i32> {
        self.now = self.now.plus(Duration::from_secs(2));
        let (id, workers, at) = ("s".into(), self.workers.clone(), self.now);
        let snapshot = Snapshot { id, at, target: Some(target), demand, workers, ..Snapshot::default() };
        self.scheduler = SchedulerState::Known(Arc::new(snapshot));
        self.decide();
        self.sizes()
    }

    /// The scheduler tells who is registered, and breaks off at the next question.
    fn reads_nothing(&mut self, why: &str) {
        self.now = self.now.plus(Duration::from_secs(2));
        let snapshot =
            Snapshot { at: self.now, target: Some(9), unanswered: Some(why.into()), ..Snapshot::default() };
        self.scheduler = SchedulerState::Known(Arc::new(snapshot));
        self.decide();
    }

    fn works(&mut self, work: Vec<Work>) -> Vec<i32> {
        let idle_workers = u32::try_from(self.workers.len()).unwrap();
        let reading = Reading { work, idle_workers, threads: idle_workers };
        self.reads(DemandReading::Known(reading), 40)
    }

    fn says(&self, type_: &str) -> (String, String) {
        let all = &self.autoscaler.status.conditions;
        let found = all.iter().find(|c| c.type_ == type_).map(|c| (c.reason.clone(), c.message.clone()));
        found.unwrap_or_default()
    }
}

#[test]
fn work_that_no_worker_can_do_is_told_and_adds_none() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 1);
    scene.registered(1);
    assert_eq!(scene.works(vec![tasks("TPU", 60, false), tasks("", 3, true)]), [3], "the target says 40");
    let (reason, message) = scene.says(conditions::INFEASIBLE);
    assert_eq!(reason, "NoWorkerFits");
    assert!(message.starts_with("60 tasks ask for TPU=1, which no worker has"), "{message}");
    assert_eq!(scene.says(conditions::DEMAND_KNOWN).0, "Known");
    assert_eq!(scene.autoscaler.status.waiting_tasks, Some(63));
    scene.works(vec![tasks("", 60, true)]);
    assert_eq!(scene.says(conditions::INFEASIBLE).0, "Feasible");
    assert_eq!(scene.autoscaler.status.waiting_tasks, Some(63), "it is about as many");
    scene.works(vec![]);
    assert_eq!(scene.autoscaler.status.waiting_tasks, Some(0));
}

#[test]
fn a_worker_is_tried_once_where_nothing_tells_what_it_has() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 0);
    assert_eq!(scene.works(vec![tasks("TPU", 60, false)]), [1]);
    scene.registered(1);
    for _ in 0..30 {
        scene.works(vec![tasks("TPU", 60, false)]);
    }
    assert_eq!((scene.sizes(), scene.says(conditions::INFEASIBLE).0.as_str()), (vec![0], "NoWorkerFits"));
    scene.workers.clear();
    assert_eq!(scene.works(vec![tasks("TPU", 60, false)]), [0], "it did not have it");
    scene.groups[0].status.template_hash = Some("another".into());
    assert_eq!(scene.works(vec![tasks("TPU", 60, false)]), [1]);
}

#[test]
fn each_group_grows_for_its_own_work() {
    let mut scene = Scene::with_two(0, 0);
    let container = json!({"name": "worker", "args": ["dask", "worker", "--resources", "GPU=1"]});
    scene.groups[1].spec.worker.spec.0["containers"] = json!([container]);
    assert_eq!(scene.works(vec![tasks("GPU", 4, false)]), [0, 4], "from zero, and not the oldest group");
    assert_eq!(scene.works(vec![tasks("GPU", 6, true)]), [0, 6], "with the next reading");
    scene.others[0].spec.maximum = Some(6);
    assert_eq!(
        scene.works(vec![tasks("GPU", 9, true)]),
        [0, 6],
        "the other group grows not for what it cannot do"
    );
    assert_eq!(scene.works(vec![tasks("GPU", 6, true), tasks("", 2, true)]), [2, 6]);
    for _ in 0..30 {
        scene.works(vec![tasks("GPU", 6, true)]);
    }
    assert_eq!(scene.sizes(), [0, 6], "what only it can do keeps the second group");
    for _ in 0..90 {
        scene.works(vec![]);
    }
    assert_eq!(scene.sizes(), [0, 0]);
}

#[test]
fn what_is_scarce_is_not_spent_on_plain_work() {
    let mut scene = Scene::with_two(0, 0);
    let container = json!({"name": "worker", "args": ["dask", "worker", "--resources", "GPU=1"]});
    scene.groups[0].spec.worker.spec.0["containers"] = json!([container]);
    assert_eq!(scene.works(vec![tasks("", 4, false), tasks("GPU", 2, false)]), [2, 4], "the older has GPUs");
    scene.others[0].spec.maximum = Some(4);
    assert_eq!(scene.works(vec![tasks("", 6, false)]), [2, 4], "those that are there are used");
    assert_eq!(scene.works(vec![tasks("", 9, false)]), [5, 4], "where nothing else may come");
    for _ in 0..30 {
        scene.works(vec![tasks("", 2, false)]);
    }
    assert_eq!(scene.sizes(), [0, 2]);
}

#[test]
fn the_group_of_the_higher_priority_comes_first() {
    let mut scene = Scene::with_two(0, 0);
    scene.others[0].spec.priority = Some(5);
    assert_eq!(scene.works(vec![tasks("", 4, false)]), [0, 4]);
    scene.autoscaler.spec.priority = Some(6);
    assert_eq!(scene.works(vec![tasks("", 7, false)]), [3, 4]);
    for _ in 0..30 {
        scene.works(vec![tasks("", 2, false)]);
    }
    assert_eq!(scene.sizes(), [2, 0]);
}

#[test]
fn variables_tell_of_resources_too_and_growth_is_bounded() {
    let mut scene = Scene::new(json!({"cluster": "c", "maximum": 45}), 0);
    let env = json!([{"name": "DASK_DISTRIBUTED__WORKER__RESOURCES__GPU", "value": "1"}]);
    scene.groups[0].spec.worker.spec.0["containers"] = json!([{"name": "worker", "env": env}]);
    let sizes: Vec<_> = (0..3).map(|_| scene.works(vec![tasks("GPU", 500, false)])[0]).collect();
    assert_eq!(sizes, [32, 45, 45]);
}

#[test]
fn where_the_work_is_not_known_the_target_is_followed() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 1);
    assert_eq!(scene.reads(DemandReading::NotAsked, 7), [1], "a reading for others");
    assert_eq!(scene.says(conditions::DEMAND_KNOWN).0, "");
    scene.reads_nothing("timed out in request dask_operator_demand_2");
    let (reason, message) = scene.says(conditions::ACTIVE);
    assert!(reason == "NoTarget" && message.contains("(timed out"), "{message}");
    assert_eq!(scene.reads(DemandReading::Unavailable { why: "pickle is off".into() }, 7), [7]);
    let (reason, message) = scene.says(conditions::DEMAND_KNOWN);
    assert!(reason == "Unavailable" && message.contains("(pickle is off)"), "{message}");
    assert_eq!(scene.autoscaler.status.waiting_tasks, None);
}

#[test]
fn one_autoscaler_that_says_so_keeps_the_scheduler_from_being_asked() {
    let mut scene = Scene::with_two(1, 0);
    scene.scheduler = SchedulerState::Unknown;
    assert_eq!(scene.decide().0.need, SchedulerNeed::DEMAND);
    scene.others[0].spec.demand_probe = Some(dask_crds::DemandProbe::Off);
    assert_eq!(scene.decide().0.need, SchedulerNeed::TARGET);
    assert_eq!(scene.reads(DemandReading::NotAsked, 5), [5, 0]);
    assert_eq!(scene.says(conditions::DEMAND_KNOWN).0, "Off");
}
