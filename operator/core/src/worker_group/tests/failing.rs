//! Pods that end by themselves: what is told of them when they are gone.

use super::*;
use crate::model::trouble::{OWN_LIMIT, Trouble};

/// A pod that ended like this.
fn ended(phase: PodPhase, trouble: Option<(&str, &str)>) -> Scene {
    let mut scene = Scene::new(2, 2);
    scene.memory.reserved(0..16);
    scene.decide();
    let trouble = trouble.map(|(reason, message)| Trouble { reason: reason.into(), message: message.into() });
    let now = scene.now;
    let pod = &mut scene.pods[0];
    (pod.phase, pod.trouble, pod.ready_since, pod.created) = (phase, trouble, None, now);
    pod.finished = Some(now.plus(Duration::from_secs(9)));
    scene.pods[1].ready_since = Some(now);
    scene.worker(1);
    scene.snapshot().workers.remove(&address(1));
    scene.later(10);
    scene
}

/// What the condition says when the pod is gone.
fn told(mut scene: Scene) -> (String, String) {
    let d = scene.decide();
    assert_eq!(deletes(&d), ["w1"]);
    scene.pods.remove(0);
    let d = scene.decide();
    assert_eq!(created(&d), 0, "the next one waits");
    let told = d.status.conditions.iter().find(|c| c.type_ == conditions::PODS_FAILING).unwrap();
    (told.reason.clone(), told.message.clone())
}

#[test]
fn why_a_pod_ended_is_told_after_it_is_gone() {
    let (reason, text) =
        told(ended(PodPhase::Failed, Some(("Error", "last ended with exit code 3: no module named x"))));
    assert_eq!(reason, "Error");
    assert!(text.contains("w1") && text.contains("exit code 3: no module named x"), "{text}");
    let (reason, text) = told(ended(PodPhase::Succeeded, None));
    assert_eq!(reason, "Completed");
    assert!(text.contains("exit code 0"), "{text}");
}

#[test]
fn a_pod_that_used_more_than_its_limits_backs_off_and_is_told_with_a_remedy() {
    let message = "Usage of EmptyDir volume \"spill\" exceeds the limit \"1Gi\".";
    let (reason, text) = told(ended(PodPhase::Failed, Some((OWN_LIMIT, message))));
    assert_eq!(reason, OWN_LIMIT);
    assert!(text.contains(message) && text.contains("sizeLimit"), "{text}");
}
