//! Calls of ours move results between workers: a reading from before shows no pod as empty.

use super::*;

/// Worker 2 is being drained; 1 runs, is not registered, and is too much. Answers the call.
fn while_another_is_drained() -> (Scene, RetireCall) {
    let mut scene = Scene::new(2, 3);
    scene.pods[1].mark = Some(Mark { at: scene.now, scheduler: "s1".into() });
    scene.snapshot();
    let call = calls(&scene.decide()).remove(0);
    scene.group.spec.worker.replicas = 1;
    scene.snapshot().workers.remove(&address(1));
    scene.snapshot().offer.as_mut().unwrap().addresses.remove(&address(1));
    (scene, call)
}

#[test]
fn a_running_pod_is_not_empty_while_a_call_moves_results() {
    let (mut scene, call) = while_another_is_drained();
    assert_eq!(deletes(&scene.decide()), [""; 0], "a worker that has just come may be given some");
    let accepted = [address(2)].into();
    scene.memory.retired(&call, Some(&accepted), scene.now);
    assert_eq!(deletes(&scene.decide()), [""; 0], "the reading began before the call ended");
    scene.later(1);
    scene.snapshot();
    assert_eq!(deletes(&scene.decide()), ["w1"]);
}

#[test]
fn what_has_not_started_goes_all_the_same() {
    let (mut scene, _) = while_another_is_drained();
    scene.pods[0].phase = PodPhase::Pending;
    scene.pods[0].ip = None;
    assert_eq!(deletes(&scene.decide()), ["w1"]);
}

#[test]
fn a_call_that_was_not_answered_may_be_carried_out_late() {
    let (mut scene, call) = while_another_is_drained();
    scene.pods.retain(|p| *p.uid != *"pod-uid-2");
    scene.snapshot().workers.remove(&address(2));
    scene.memory.retired(&call, None, scene.now);
    for seconds in [1, 298] {
        scene.later(seconds);
        scene.snapshot();
        assert_eq!(deletes(&scene.decide()), [""; 0]);
    }
    scene.later(1);
    scene.snapshot();
    assert_eq!(deletes(&scene.decide()), ["w1"]);
}

#[test]
fn calls_of_other_groups_move_results_too() {
    let mut scene = Scene::new(2, 3);
    scene.snapshot().workers.remove(&address(1));
    scene.moved_elsewhere = Some(scene.now);
    assert_eq!(deletes(&scene.decide()), [""; 0]);
    scene.later(1);
    scene.snapshot();
    assert_eq!(deletes(&scene.decide()), ["w1"]);
}

#[test]
fn a_marked_pod_without_a_worker_waits_for_calls_as_well() {
    let mut scene = Scene::new(2, 3);
    scene.pods[0].mark = Some(Mark { at: T0, scheduler: "s1".into() });
    scene.snapshot().workers.remove(&address(1));
    scene.moved_elsewhere = Some(scene.now);
    assert_eq!(deletes(&scene.decide()), [""; 0]);
    scene.moved_elsewhere = Some(T0);
    assert_eq!(deletes(&scene.decide()), ["w1"]);
}

#[test]
fn a_deletion_that_was_decided_is_not_sent_once_a_call_has_begun() {
    let mut scene = Scene::new(2, 3);
    scene.snapshot().workers.remove(&address(1));
    let d = scene.decide();
    let Some(Action::DeletePod(delete)) = d.actions.first() else { panic!("{:?}", d.actions) };
    assert!(delete.is_valid(scene.now, Some(T0)) && delete.is_valid(scene.now, None));
    assert!(!delete.is_valid(scene.now, Some(scene.now)));
    assert!(!delete.is_valid(scene.now.plus(Duration::from_secs(4)), None), "it counts for seconds");
}

#[test]
fn a_clock_that_is_set_back_keeps_no_pod() {
    let hour = Duration::from_secs(3600);
    for answer in [Some([address(2)].into()), None] {
        let (mut scene, call) = while_another_is_drained();
        scene.memory.retired(&call, answer.as_ref(), scene.now.plus(hour));
        assert_eq!(scene.memory.results_moved(scene.now), None);
    }
}
