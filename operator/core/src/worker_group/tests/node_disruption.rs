//! Workers whose node is about to go, decision by decision.

use super::*;

const TAINT: &str = "karpenter.sh/disrupted";

/// Two wanted, two there, and the first one's node is about to go.
fn scene() -> Scene {
    let mut scene = Scene::new(2, 2);
    scene.threats.insert("pod-uid-1".into(), TAINT.into());
    scene
}

/// Makes the replacement that is asked for, as pod `n`.
fn replace(scene: &mut Scene, n: u8) {
    scene.memory.reserved(0..16);
    let d = scene.decide();
    let Some(Action::CreatePods(pods)) = d.actions.first() else { panic!("{:?}", d.actions) };
    assert_eq!((pods.len(), marks(&d).len()), (1, 0), "first another one is made");
    scene.memory.created(&[(pods[0].number, CreateOutcome::Created)], &scene.template(), scene.now);
    let mut made = pod(&pods[0].name, n);
    (made.phase, made.ready_since, made.ip) = (PodPhase::Pending, None, None);
    scene.pods.push(made);
}

#[test]
fn another_one_is_made_first_and_then_it_leaves_by_the_protocol() {
    let mut scene = scene();
    scene.worker(1).busy = 1;
    replace(&mut scene, 3);
    let d = scene.decide();
    assert_eq!(scene.apply_marks(&d), ["w1"]);
    assert_eq!(d.status.workers.unwrap().disrupted, Some(1));
    assert_eq!(reason(&d, conditions::DISRUPTED).as_deref(), Some("NodeLeaves"));
    let text = &d.status.conditions.iter().find(|c| c.type_ == conditions::DISRUPTED).unwrap().message;
    assert!(text.contains("w1") && text.contains(TAINT), "{text}");

    let drain = calls(&scene.decide());
    assert_eq!((drain.len(), drain[0].stage), (1, RetireStage::Drain));
    scene.answer(&drain[0], &[1]);
    scene.worker(1).busy = 1;
    for _ in 0..400 {
        scene.heartbeat(1);
        let d = scene.decide();
        assert!(
            calls(&d).is_empty() && deletes(&d).is_empty(),
            "it still executes, and no time limit ends that"
        );
    }
    scene.worker(1).busy = 0;
    let close = calls(&scene.decide());
    scene.answer(&close[0], &[1]);
    assert_eq!(deletes(&scene.decide()), ["w1"]);
}

#[test]
fn where_none_can_be_made_it_leaves_all_the_same() {
    let mut scene = scene();
    scene.memory.reserved(0..16);
    let d = scene.decide();
    let Some(Action::CreatePods(pods)) = d.actions.first() else { panic!("{:?}", d.actions) };
    let refused = CreateOutcome::Rejected("exceeded quota".into());
    scene.memory.created(&[(pods[0].number, refused)], &scene.template(), scene.now);
    let d = scene.decide();
    assert_eq!((created(&d), marks(&d)), (0, vec!["w1".to_string()]));
}

#[test]
fn it_waits_until_its_results_have_somewhere_to_go() {
    let mut scene = scene();
    scene.worker(1).bytes = 500;
    scene.worker(2).bytes = 500;
    replace(&mut scene, 3);
    assert!(marks(&scene.decide()).is_empty(), "the other one has no room");
    let w3 = worker(&scene.pods[2].name.clone(), 3);
    scene.snapshot().workers.insert(address(3), w3);
    (scene.pods[2].phase, scene.pods[2].ready_since) = (PodPhase::Running, Some(scene.now));
    scene.pods[2].ip = Some("10.0.0.3".into());
    assert_eq!(marks(&scene.decide()), ["w1"]);
}

#[test]
fn no_worker_leaves_a_shuffle_or_a_scheduler_that_is_silent() {
    let mut scene = scene();
    replace(&mut scene, 3);
    scene.snapshot().offer = Some(Offer { shuffle_blocks: true, ..Offer::default() });
    assert!(marks(&scene.decide()).is_empty());
    scene.scheduler = SchedulerState::Unreachable { why: "silent".into() };
    let d = scene.decide();
    assert!(marks(&d).is_empty() && deletes(&d).is_empty());
}

#[test]
fn a_participant_of_a_shuffle_waits_for_its_end_and_not_for_ever() {
    let mut scene = scene();
    replace(&mut scene, 3);
    scene.snapshot().offer = Some(Offer { p2p: true, ..Offer::default() });
    let d = scene.decide();
    assert!(marks(&d).is_empty(), "the scheduler does not offer it: it has a part in the shuffle");
    let text = &d.status.conditions.iter().find(|c| c.type_ == conditions::DISRUPTED).unwrap().message;
    assert!(text.contains("P2P"), "{text}");
    scene.later(59);
    scene.snapshot();
    assert!(marks(&scene.decide()).is_empty());
    scene.later(1);
    scene.snapshot();
    assert_eq!(marks(&scene.decide()), ["w1"], "the node's end does not wait");
}

#[test]
fn one_that_has_no_part_in_the_shuffle_leaves_at_once() {
    let mut scene = scene();
    replace(&mut scene, 3);
    let addresses = BTreeSet::from([address(1)]);
    scene.snapshot().offer = Some(Offer { p2p: true, addresses, ..Offer::default() });
    assert_eq!(marks(&scene.decide()), ["w1"]);
    let mut scene = self::scene();
    replace(&mut scene, 3);
    scene.snapshot().offer = Some(Offer::default());
    assert_eq!(marks(&scene.decide()), ["w1"], "not offered for something else");
}

#[test]
fn one_that_was_chosen_before_and_joined_a_shuffle_waits_too() {
    let mut scene = scene();
    replace(&mut scene, 3);
    scene.pods[0].mark = Some(Mark { at: scene.now, scheduler: "s1".into() });
    scene.snapshot().offer = Some(Offer { p2p: true, ..Offer::default() });
    assert!(calls(&scene.decide()).is_empty());
    scene.snapshot().offer = Some(Offer::default());
    assert_eq!(calls(&scene.decide()).len(), 1);
}

#[test]
fn an_ordinary_shrink_needs_no_word_of_shuffles() {
    let mut scene = Scene::new(1, 2);
    scene.snapshot().offer.as_mut().unwrap().p2p = true;
    assert_eq!(marks(&scene.decide()).len(), 1);
}

#[test]
fn one_that_never_registered_is_deleted() {
    let mut scene = scene();
    scene.snapshot().workers.remove(&address(1));
    scene.now = scene.snapshot().at;
    replace(&mut scene, 3);
    assert_eq!(deletes(&scene.decide()), ["w1"]);
}

#[test]
fn a_node_that_stays_after_all_costs_nothing() {
    let mut scene = scene();
    replace(&mut scene, 3);
    scene.threats.clear();
    let d = scene.decide();
    assert_eq!(marks(&d).len() + deletes(&d).len(), 1, "one of three is too much, whichever");
    assert_eq!(d.status.workers.unwrap().disrupted, None);
}

#[test]
fn a_shrink_takes_those_that_cannot_stay() {
    let mut scene = Scene::new(1, 2);
    scene.threats.insert("pod-uid-2".into(), TAINT.into());
    let d = scene.decide();
    assert_eq!(marks(&d), ["w2"]);
    assert!(!d.actions.iter().any(|a| matches!(a, Action::ReserveNumbers { .. })), "none is made for it");
}
