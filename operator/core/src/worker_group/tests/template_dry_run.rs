//! Templates that are tried, and pods whose status does not say what keeps them.

use super::*;
use crate::{model::trouble::Trouble, validation::stuck_pods::Explanation};

#[test]
fn a_template_is_tried_once_and_a_bad_one_makes_no_pods() {
    let mut scene = Scene::new(2, 1);
    scene.memory.reserved(0..16);
    let check = |d: &Decision<DaskWorkerGroupStatus>| {
        d.actions.iter().find_map(|a| if let Action::DryRun(c) = a { Some(c[0].clone()) } else { None })
    };
    let d = scene.decide_once();
    let tried = check(&d).unwrap();
    assert_eq!(created(&d), 0);
    let causes = vec![("spec.containers[0].image".to_string(), "Required value".to_string())];
    scene.verdicts.insert(&tried.key, Verdict::Invalid { causes, message: String::new() }, scene.now);
    let d = scene.decide_once();
    assert_eq!((created(&d), deletes(&d).len()), (0, 0), "what runs stays");
    let accepted = d.status.conditions.iter().find(|c| c.type_ == conditions::ACCEPTED).unwrap();
    assert!(accepted.message.starts_with("spec.worker.spec.containers[0].image: Required value"));
    assert!(events(&d).contains(&"InvalidTemplate".to_string()));
    scene.verdicts.insert(&tried.key, Verdict::Valid { unknown: Vec::new() }, scene.now);
    assert_eq!(created(&scene.decide_once()), 1, "put right");
    scene.verdicts = Verdicts::default();
    assert!(check(&scene.decide_once()).is_none(), "another process need not ask again");
}

#[test]
fn events_are_asked_what_keeps_a_silent_pod() {
    let mut scene = Scene::new(1, 1);
    (scene.pods[0].phase, scene.pods[0].ready_since) = (PodPhase::Pending, None);
    let asked =
        |d: &Decision<DaskWorkerGroupStatus>| d.actions.iter().any(|a| matches!(a, Action::ReadPodEvents(_)));
    assert!(asked(&scene.decide()));
    let trouble = Trouble { reason: "FailedMount".into(), message: "no such volume".into() };
    scene.memory.explain(Some(Explanation {
        uid: scene.pods[0].uid.clone(),
        trouble: Some(trouble),
        at: scene.now,
    }));
    let d = scene.decide();
    assert!(!asked(&d));
    assert_eq!(reason(&d, conditions::PODS_FAILING).as_deref(), Some("FailedMount"));
    scene.later(31);
    assert!(asked(&scene.decide()), "it may be another one by now");
    scene.pods[0].ready_since = Some(scene.now);
    assert_eq!(reason(&scene.decide(), conditions::PODS_FAILING), None);
}

#[test]
fn events_that_said_nothing_are_asked_again_soon_and_then_ever_more_seldom() {
    let mut scene = Scene::new(1, 1);
    scene.group.status = scene.decide().status;
    (scene.pods[0].phase, scene.pods[0].ready_since) = (PodPhase::Pending, None);
    scene.pods[0].created = scene.now;
    let mut asked = Vec::new();
    for second in 1..=200 {
        scene.later(1);
        let d = scene.decide();
        assert!(d.requeue.is_some_and(|r| r <= Duration::from_secs(30)), "{second}: {:?}", d.requeue);
        if d.actions.iter().any(|a| matches!(a, Action::ReadPodEvents(_))) {
            asked.push(second);
            let (uid, at) = (scene.pods[0].uid.clone(), scene.now);
            scene.memory.explain(Some(Explanation { uid, trouble: None, at }));
        }
    }
    assert_eq!(asked, [10, 15, 23, 35, 53, 80, 110, 140, 170, 200]);
}
