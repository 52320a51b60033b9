//! Creating pods, decision by decision.

use std::collections::BTreeSet;

use super::*;
use crate::model::trouble::Trouble;

#[test]
fn a_group_as_wanted_needs_nothing() {
    let mut scene = Scene::new(3, 3);
    scene.decide();
    scene.later(300);
    let first = scene.decide();
    assert!(first.actions.is_empty(), "{:?}", first.actions);
    assert_eq!(
        first.need,
        SchedulerNeed::NONE,
        "what a former process asked of the scheduler is over by now"
    );
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
        scene.memory.created(&outcomes, &scene.template(), scene.now);
    }
    assert_eq!(created(&scene.decide()), 0);
}

#[test]
fn a_creation_without_an_answer_is_repeated_under_its_name() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    let first = scene.decide();
    let Action::CreatePods(pods) = &first.actions[0] else { panic!() };
    scene.memory.created(&[(pods[0].number, CreateOutcome::Unknown)], &scene.template(), scene.now);
    assert!(created(&scene.decide()) == 0, "not at once");
    scene.later(1);
    let Action::CreatePods(again) = &scene.decide().actions[0] else { panic!() };
    assert_eq!(again[0].name, pods[0].name);
}

#[test]
fn a_pod_that_came_and_went_before_its_creation_was_answered_has_had_its_name() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    let first = scene.decide();
    let Action::CreatePods(pods) = &first.actions[0] else { panic!() };
    scene.memory.gone(&pods[0].name);
    scene.memory.created(&[(pods[0].number, CreateOutcome::Unknown)], &scene.template(), scene.now);
    scene.later(1);
    let Action::CreatePods(next) = &scene.decide().actions[0] else { panic!() };
    assert_ne!(next[0].name, pods[0].name);
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
        scene.memory.created(&[(0, refused)], &scene.template(), scene.now);
        let d = scene.decide();
        assert_eq!(created(&d), 0);
        assert_eq!(reason(&d, conditions::PODS_FAILING).as_deref(), Some("CreateRejected"));
        waits.push(d.requeue.unwrap().as_secs());
        scene.now = scene.now.plus(d.requeue.unwrap());
    }
    assert_eq!(waits, [1, 2, 4, 8]);
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
        scene.memory.created(&[], &scene.template(), scene.now);
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

#[test]
fn a_creation_that_shows_up_later_does_not_lend_its_name_again() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    let Action::CreatePods(first) = &scene.decide().actions[0] else { panic!() };
    let (number, name) = (first[0].number, first[0].name.clone());
    scene.memory.created(&[(number, CreateOutcome::Unknown)], &scene.template(), scene.now);
    scene.pods.push(pod(&name, 1));
    scene.decide();
    scene.pods.clear();
    scene.later(60);
    let Action::CreatePods(next) = &scene.decide().actions[0] else { panic!() };
    assert_ne!(next[0].name, name);
}

#[test]
fn a_corrected_template_does_not_wait_for_the_refused_one() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    for _ in 0..9 {
        scene.memory.created(&[(0, CreateOutcome::Rejected("no".into()))], &scene.template(), scene.now);
    }
    assert_eq!(created(&scene.decide()), 0);
    scene.group.spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    let d = scene.decide();
    assert_eq!(created(&d), 1);
    assert_eq!(reason(&d, conditions::PODS_FAILING), None);
}

#[test]
fn one_healthy_pod_does_not_excuse_the_others() {
    let mut scene = Scene::new(2, 2);
    scene.memory.reserved(0..16);
    scene.later(60);
    scene.pods[1].phase = PodPhase::Failed;
    scene.pods[1].created = scene.now;
    assert_eq!(scene.decide().status.failures, Some(1));
    scene.pods.pop();
    assert_eq!(scene.decide().status.failures, Some(1), "it was there before the failure");
    let mut replacement = pod("w3", 3);
    scene.later(2);
    (replacement.created, replacement.ready_since) = (scene.now, Some(scene.now));
    scene.pods.push(replacement);
    assert!(scene.decide().requeue.unwrap() <= crash_backoff::LASTS, "looked at again when it has lasted");
    scene.later(30);
    assert_eq!(scene.decide().status.failures, None);
}

#[test]
fn pods_of_a_former_cluster_are_not_replaced() {
    let mut scene = Scene::new(2, 0);
    scene.memory.reserved(0..16);
    scene.cluster.as_mut().unwrap().meta.uid = "another".into();
    let d = scene.decide();
    assert!(d.actions.is_empty(), "{:?}", d.actions);
}

#[test]
fn a_corrected_template_replaces_what_never_started() {
    let mut scene = Scene::new(3, 3);
    let waits = |p: &mut PodRecord| (p.phase, p.ready_since) = (PodPhase::Pending, None);
    waits(&mut scene.pods[0]);
    (scene.pods[0].scheduled, scene.pods[0].ip) = (false, None);
    waits(&mut scene.pods[1]);
    for n in [1, 2] {
        scene.snapshot().workers.remove(&address(n));
    }
    assert!(deletes(&scene.decide()).is_empty(), "they wait, and the template is theirs");
    scene.group.spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    assert_eq!(deletes(&scene.decide()), ["w1", "w2"], "what runs stays");
    scene.group.spec.worker.replicas = 1;
    let d = scene.decide();
    assert!(marks(&d).is_empty(), "the two that go are enough");
    scene.group.spec.worker.replicas = 3;
    scene.scheduler = SchedulerState::Unknown;
    let d = scene.decide();
    assert_eq!((deletes(&d), d.need), (vec!["w1".to_string()], WorkersNeed::Offer.into()));
}

#[test]
fn who_cannot_leave_does_not_keep_a_new_worker_away() {
    let mut scene = Scene::new(0, 1);
    scene.memory.reserved(0..16);
    let d = scene.decide();
    scene.apply_marks(&d);
    scene.group.spec.worker.replicas = 1;
    assert_eq!(created(&scene.decide()), 0, "it counts while it leaves");
    scene.later(30);
    scene.snapshot();
    assert_eq!(created(&scene.decide()), 1, "but not for ever");
}

#[test]
fn refused_pods_are_looked_at_again_though_nothing_shows_them() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    let d = scene.decide();
    assert_eq!(created(&d), 1);
    assert!(d.requeue.is_some_and(|wait| wait <= Duration::from_secs(1)));
}

#[test]
fn no_worker_before_the_scheduler_has_a_pod() {
    let mut scene = Scene::new(2, 0);
    scene.memory.reserved(0..16);
    scene.has_scheduler_pod = false;
    let d = scene.decide();
    assert_eq!(created(&d), 0);
    let ready = d.status.conditions.iter().find(|c| c.type_ == conditions::READY).unwrap();
    assert_eq!(ready.reason, "WaitsForScheduler");
    scene.has_scheduler_pod = true;
    assert_eq!(created(&scene.decide()), 1);
}
