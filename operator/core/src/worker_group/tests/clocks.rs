//! Other clocks wrote times down: nothing is forced by them alone.

use super::*;

/// A person's shrink of which nothing is offered, as another process wrote it down by a clock that was an hour behind.
fn asked_by_another_clock() -> Scene {
    let mut scene = Scene::new(1, 3);
    let hour_ago = Timestamp(scene.now.0 - 3_600_000);
    scene.group.status = scene.decide().status;
    scene.group.status.shrinking_since = Some(hour_ago.rfc3339());
    scene.pods[0].mark = Some(Mark { at: hour_ago, scheduler: "s1".into() });
    scene.worker(1).leaving = true;
    scene.worker(1).busy = 1;
    scene.snapshot().offer.as_mut().unwrap().addresses.clear();
    scene.memory = PlannerState::default();
    scene
}

#[test]
fn a_new_process_forces_nothing_before_it_has_watched_for_as_long() {
    let mut scene = asked_by_another_clock();
    assert!(deletes(&scene.decide()).is_empty());
    scene.watch(299);
    assert!(deletes(&scene.decide()).is_empty());
    scene.later(1);
    assert_eq!(deletes(&scene.decide()).len(), 2, "the one that executes, and one that is not offered");
}

#[test]
fn a_process_that_was_suspended_has_watched_nothing_meanwhile() {
    let mut scene = asked_by_another_clock();
    scene.decide();
    scene.later(10_000);
    assert!(deletes(&scene.decide()).is_empty());
}

#[test]
fn after_a_suspension_what_is_asked_first_has_time_to_happen() {
    for timeout in [4, 60, 300] {
        let mut scene = Scene::new(1, 2);
        scene.group.spec.worker.drain_timeout = Some(timeout);
        let d = scene.decide();
        scene.apply_marks(&d);
        scene.later(10_000);
        let d = scene.decide();
        assert_eq!(calls(&d).len(), 1, "the drain that was never asked for");
        assert!(deletes(&d).is_empty(), "{timeout}");
    }
}

#[test]
fn silence_is_not_watched() {
    let mut scene = asked_by_another_clock();
    scene.decide();
    scene.watch(200);
    let known = std::mem::replace(&mut scene.scheduler, SchedulerState::Unreachable { why: "x".into() });
    scene.decide();
    scene.watch(200);
    scene.scheduler = known;
    assert!(deletes(&scene.decide()).is_empty());
}

#[test]
fn a_mark_from_the_future_does_not_hold_up_the_end() {
    let mut scene = asked_by_another_clock();
    scene.pods[0].mark =
        Some(Mark { at: scene.now.plus(Duration::from_secs(86_400)), scheduler: "s1".into() });
    scene.decide();
    scene.watch(300);
    assert!(deletes(&scene.decide()).contains(&"w1".to_string()));
}
