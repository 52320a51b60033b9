//! The removal protocol, decision by decision.

use std::collections::BTreeSet;

use super::*;

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
    assert_eq!(&*delete.pod.uid, "pod-uid-2");
}

#[test]
fn the_phases_of_a_removal_have_their_names() {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    assert_eq!(scene.phase(victim), RemovalPhase::Marked);
    let drain = calls(&scene.decide());
    assert_eq!(scene.phase(victim), RemovalPhase::Draining);
    scene.answer(&drain[0], &[victim]);
    for _ in 0..2 {
        assert_eq!(scene.phase(victim), RemovalPhase::Drained, "no two heartbeats since");
        scene.heartbeat(victim);
    }
    assert_eq!(scene.phase(victim), RemovalPhase::Quiet);
    let close = calls(&scene.decide());
    assert_eq!(scene.phase(victim), RemovalPhase::Closing);
    scene.answer(&close[0], &[victim]);
    assert_eq!(scene.phase(victim), RemovalPhase::Closed);
    scene.memory = PlannerState::default();
    assert_eq!(scene.phase(victim), RemovalPhase::Unregistered, "another process closed it");

    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    let drain = calls(&scene.decide());
    scene.memory.retired(&drain[0], Some(&BTreeSet::new()), scene.now);
    assert_eq!(scene.phase(victim), RemovalPhase::Staying);
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
fn workers_without_tasks_go_before_those_with() {
    let mut scene = Scene::new(1, 2);
    scene.worker(1).bytes = 100;
    scene.snapshot().offer.as_mut().unwrap().processing.insert(address(2), 1);
    assert_eq!(marks(&scene.decide()), ["w1"]);
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
    let second = WorkerAddress::from("tcp://10.0.0.1:2");
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
    let fresh = WorkerAddress::from(format!("tcp://10.0.0.{victim}:9"));
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
    scene.memory = PlannerState::default();
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
fn a_worker_of_no_known_pod_is_no_proof_that_a_pod_is_empty() {
    let mut scene = Scene::new(1, 2);
    scene.pods[1].host_network = true;
    scene.snapshot().workers.remove(&address(2));
    scene.snapshot().workers.insert("tcp://node:9".into(), worker("tcp://node:9", 99));
    scene.snapshot().offer.as_mut().unwrap().addresses.clear();
    let d = scene.decide();
    assert!(deletes(&d).is_empty() && marks(&d).is_empty());
    assert_eq!(reason(&d, conditions::SCALE_DOWN_BLOCKED).as_deref(), Some("Unmapped"));
}

#[test]
fn a_pod_that_waits_for_a_sidecar_may_have_a_worker() {
    let mut scene = Scene::new(1, 2);
    scene.pods[0].phase = PodPhase::Pending;
    let d = scene.decide();
    assert!(deletes(&d).is_empty());
    assert_eq!(marks(&d).len(), 1);
}

#[test]
fn who_was_accepted_once_is_never_called_back() {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    let drain = calls(&scene.decide());
    scene.answer(&drain[0], &[victim]);
    for _ in 0..3 {
        scene.heartbeat(victim);
        scene.decide();
    }
    let close = RetireCall { stage: RetireStage::Close, ..drain[0].clone() };
    scene.answer(&close, &[]);
    let d = scene.decide();
    assert!(!d.actions.iter().any(|a| matches!(a, Action::UnmarkPod(_))));
    assert_eq!(reason(&d, conditions::SCALE_DOWN_BLOCKED).as_deref(), Some("Refused"));
    scene.later(3);
    scene.snapshot();
    assert_eq!(calls(&scene.decide()).len(), 1, "asked again");
}

#[test]
fn a_frozen_worker_does_not_hold_up_the_others() {
    let mut scene = Scene::new(1, 3);
    let d = scene.decide();
    let victims = scene.apply_marks(&d);
    let frozen: u8 = victims[0][1..].parse().unwrap();
    for n in (1..=3).filter(|n| *n != frozen) {
        scene.worker(n).last_seen = 100.0;
    }
    let drain = calls(&scene.decide());
    assert_eq!(drain[0].addresses.len(), 1);
    assert!(!drain[0].addresses.contains(&address(frozen)));
}
