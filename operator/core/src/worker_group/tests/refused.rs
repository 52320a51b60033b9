//! Pods that the API server does not make, and what all that are made at once share.

use super::*;
use crate::validation::api_rejection::Rejections;

#[test]
fn creations_that_fail_are_told_when_it_happens_again() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    let words = "failed calling webhook \"w.example.com\": context deadline exceeded (500)";
    for times in 1..=3 {
        let d = scene.decide();
        assert_eq!(created(&d), 1);
        let failed = CreateOutcome::Failed(words.into());
        scene.memory.created(&[(0, failed)], &scene.template(), scene.now);
        let d = scene.decide();
        let told = d.status.conditions.iter().find(|c| c.reason == "CreateNotAnswered");
        assert_eq!(told.is_some(), times > 1, "once may be chance");
        let text = told.map(|c| c.message.as_str()).unwrap_or(words);
        assert!(text.contains(words), "{text}");
        assert!(times == 1 || text.contains("put the webhook that it names right"), "{text}");
        scene.now = scene.now.plus(d.requeue.unwrap());
    }
    scene.decide();
    scene.memory.created(&[(0, CreateOutcome::Created)], &scene.template(), scene.now);
    assert_ne!(reason(&scene.decide(), conditions::PODS_FAILING).as_deref(), Some("CreateNotAnswered"));
}

#[test]
fn a_right_that_is_missing_is_told_with_its_remedy() {
    let mut scene = Scene::new(1, 0);
    scene.memory.reserved(0..16);
    let words = "pods is forbidden: User \"u\" cannot create resource \"pods\" in API group \"\"";
    scene.decide();
    scene.memory.created(&[(0, CreateOutcome::Rejected(words.into()))], &scene.template(), scene.now);
    let d = scene.decide();
    let told = d.status.conditions.iter().find(|c| c.type_ == conditions::PODS_FAILING).unwrap();
    assert!(told.message.contains(words) && told.message.contains("service account"), "{}", told.message);

    let trouble =
        Trouble { reason: "Forbidden".into(), message: format!("marking Pod x was refused: {words}") };
    scene.memory.rejections = Rejections::of(trouble, 2);
    let d = scene.decide();
    assert_eq!(reason(&d, conditions::WRITE_REFUSED).as_deref(), Some("Forbidden"));
    scene.memory.rejections = Rejections::default();
    assert_eq!(reason(&scene.decide(), conditions::WRITE_REFUSED), None);
}

#[test]
fn all_pods_of_a_batch_share_one_body() {
    let mut scene = Scene::new(9, 0);
    scene.memory.reserved(0..64);
    let d = scene.decide();
    let Some(Action::CreatePods(first)) = d.actions.first() else { panic!("{:?}", d.actions) };
    scene.memory.created(&[(first[0].number, CreateOutcome::Created)], &scene.template(), scene.now);
    let d = scene.decide();
    let Some(Action::CreatePods(pods)) = d.actions.first() else { panic!("{:?}", d.actions) };
    assert!(Arc::ptr_eq(&pods[0].body, &pods[1].body));
    assert_eq!(pods[0].body.hash, scene.template());
    let cluster = scene.cluster.clone().unwrap();
    for pod in pods {
        let alone = crate::resources::worker_pod(
            &scene.group,
            &cluster,
            pod.number,
            crate::resources::Site { domain: "cluster.local", agent: &scene.agent },
        );
        let body: serde_json::Value = serde_json::from_str(&pod.body.named(&pod.name)).unwrap();
        assert_eq!((&alone.name, &alone.body), (&pod.name, &body), "the same as one that is made alone");
    }
}
