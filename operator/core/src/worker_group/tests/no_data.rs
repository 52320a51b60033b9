//! What leaves while little or nothing is known of the scheduler.

use super::*;

#[test]
fn no_worker_leaves_while_the_scheduler_does_not_answer() {
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
fn an_old_reading_is_no_proof_either() {
    let mut scene = Scene::new(1, 2);
    scene.snapshot().workers.remove(&address(1));
    scene.later(3);
    assert!(deletes(&scene.decide()).is_empty());
    scene.snapshot().at = T0;
    assert!(deletes(&scene.decide()).is_empty(), "it may have come while a slow scheduler was read");
    scene.snapshot();
    assert_eq!(deletes(&scene.decide()), ["w1"]);
}

/// One more than wanted; the first pod runs, and no worker of it is registered.
fn with_an_unregistered_one(wanted: i32, running: u8) -> Scene {
    let mut scene = Scene::new(wanted, running);
    scene.snapshot().workers.remove(&address(1));
    scene.snapshot().offer.as_mut().unwrap().addresses.remove(&address(1));
    scene
}

#[test]
fn a_slow_scheduler_and_an_unregistered_pod_hold_up_no_shrink() {
    let mut scene = with_an_unregistered_one(1, 3);
    let at = scene.now;
    scene.later(3);
    scene.snapshot().at = at;
    let d = scene.decide();
    assert_eq!((marks(&d), deletes(&d)), (vec!["w2".into(), "w3".into()], vec![]), "those that are known");

    let mut scene = with_an_unregistered_one(0, 3);
    let at = scene.now;
    scene.later(3);
    scene.snapshot().at = at;
    let d = scene.decide();
    assert_eq!(marks(&d).len(), 2);
    assert_eq!(reason(&d, conditions::SCALE_DOWN_BLOCKED).as_deref(), Some("WaitsForReading"));
}

#[test]
fn a_better_reading_is_waited_for_where_one_may_come_and_not_for_ever() {
    let mut scene = with_an_unregistered_one(2, 3);
    scene.later(3);
    for _ in 0..9 {
        let d = scene.decide();
        assert!(marks(&d).is_empty() && deletes(&d).is_empty(), "rather the one that may hold nothing");
        scene.later(1);
    }
    scene.later(1);
    assert_eq!(marks(&scene.decide()).len(), 1);
}

#[test]
fn a_persons_patience_ends_whatever_the_readings_are_like() {
    let mut scene = with_an_unregistered_one(0, 1);
    scene.decide_with_old_reading();
    scene.watch(300);
    let d = scene.decide_with_old_reading();
    assert_eq!(deletes(&d), ["w1"]);
    assert!(events(&d).contains(&"DataLossRisk".to_string()));
}

impl Scene {
    /// A decision by a reading that took three seconds.
    fn decide_with_old_reading(&mut self) -> Decision<DaskWorkerGroupStatus> {
        let at = Timestamp(self.now.0 - 3000);
        self.snapshot().at = at;
        self.decide()
    }
}

#[test]
fn a_scheduler_that_does_not_tell_who_may_leave_does_not_keep_a_person_waiting_for_ever() {
    for autoscaled in [false, true] {
        let mut scene = Scene::new(1, 2);
        scene.autoscaled = autoscaled;
        scene.snapshot().offer = None;
        scene.snapshot().unanswered = Some("too large".into());
        let d = scene.decide();
        assert!(deletes(&d).is_empty());
        assert_eq!(reason(&d, conditions::SCALE_DOWN_BLOCKED).as_deref(), Some("NoOffer"));
        scene.watch(300);
        assert_eq!(deletes(&scene.decide()).len(), usize::from(!autoscaled));
    }
}

#[test]
fn a_pod_that_never_had_a_node_holds_nothing_whoever_answers() {
    for scheduler in [
        SchedulerState::Unknown,
        SchedulerState::Unreachable { why: "TLS".into() },
        SchedulerState::Absent,
        SchedulerState::Starting,
    ] {
        let mut scene = Scene::new(0, 3);
        scene.pods[1].phase = PodPhase::Pending;
        scene.pods[1].scheduled = false;
        scene.pods[1].ip = None;
        scene.scheduler = scheduler.clone();
        let d = scene.decide();
        assert_eq!(deletes(&d), ["w2"], "{scheduler:?}");
        assert!(d.actions.iter().all(|a| !matches!(a, Action::DeletePod(p) if p.resource_version.is_none())));
    }
}

#[test]
fn who_waits_for_a_silent_scheduler_is_told_that_no_timeout_ends_it() {
    let mut scene = Scene::new(1, 2);
    scene.scheduler = SchedulerState::Unreachable { why: "timed out".into() };
    let d = scene.decide();
    let told = d.status.conditions.iter().find(|c| c.type_ == conditions::SCALE_DOWN_BLOCKED).unwrap();
    assert!(told.message.contains("drainTimeout does not run"), "{}", told.message);
}

#[test]
fn that_there_is_no_scheduler_must_be_seen_for_a_while() {
    for gone in [SchedulerState::Absent, SchedulerState::Starting] {
        let mut scene = Scene::new(1, 3);
        let d = scene.decide();
        // One of the two is marked.
        let first = marks(&d)[0].clone();
        let pod = scene.pods.iter_mut().find(|p| p.name == first).unwrap();
        pod.mark = Some(Mark { at: scene.now, scheduler: "s1".into() });
        let known = std::mem::replace(&mut scene.scheduler, gone.clone());
        assert!(deletes(&scene.decide()).is_empty(), "the cache may run behind");
        scene.later(4);
        assert!(deletes(&scene.decide()).is_empty());
        scene.scheduler = known;
        scene.decide();
        scene.scheduler = gone;
        scene.later(4);
        assert!(deletes(&scene.decide()).is_empty(), "it was there meanwhile");
        scene.later(5);
        let d = scene.decide();
        assert_eq!(deletes(&d).len(), 2, "one that was chosen, and one more");
        for action in &d.actions {
            let Action::DeletePod(delete) = action else { continue };
            assert!(delete.resource_version.is_some() && delete.valid_until.is_some(), "{delete:?}");
        }
    }
}

#[test]
fn that_a_pod_has_no_worker_counts_for_seconds() {
    let mut scene = with_an_unregistered_one(2, 3);
    let d = scene.decide();
    let Some(Action::DeletePod(delete)) = d.actions.first() else { panic!("{:?}", d.actions) };
    let until = delete.valid_until.unwrap();
    assert!(until.since(scene.now) <= Duration::from_secs(3), "{until:?}");
}
