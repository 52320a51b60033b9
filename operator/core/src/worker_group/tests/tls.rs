//! A scheduler that speaks TLS: what is told, and a shrink through the agents.

use super::*;
use crate::model::scheduler::SPEAKS_TLS;

/// `running` ready pods under the agent, and so many wanted.
fn scene(wanted: i32, running: u8) -> Scene {
    let mut scene = Scene::new(wanted, running);
    scene.scheduler = SchedulerState::SpeaksTls;
    scene.pods.iter_mut().for_each(|p| p.agent.hash = Some("agent".into()));
    scene
}

fn deleted(d: &Decision<DaskWorkerGroupStatus>) -> Vec<&str> {
    let name = |a| match a {
        &Action::DeletePod(DeletePod { ref pod, .. }) => Some(pod.name.as_str()),
        _ => None,
    };
    d.actions.iter().filter_map(name).collect()
}

fn blocked(d: &Decision<DaskWorkerGroupStatus>) -> (String, String) {
    let c = d.status.conditions.iter().find(|c| c.type_ == conditions::SCALE_DOWN_BLOCKED).unwrap();
    (c.reason.clone(), c.message.clone())
}

#[test]
fn it_is_told_and_nothing_is_done_where_nothing_is_too_many() {
    let mut scene = scene(2, 2);
    let d = scene.decide();
    assert!(deleted(&d).is_empty());
    let c = d.status.conditions.iter().find(|c| c.type_ == conditions::SCHEDULER_UNREACHABLE).unwrap();
    assert_eq!((c.reason.as_str(), c.status), (SPEAKS_TLS, dask_crds::ConditionStatus::True));
    assert!(
        c.message.len() < conditions::MAX_MESSAGE && c.message.contains("--protocol tls"),
        "{}",
        c.message
    );
}

#[test]
fn pods_leave_one_at_a_time_through_their_agents() {
    let mut scene = scene(1, 4);
    scene.pods[1].scheduled = false;
    scene.pods[1].phase = PodPhase::Pending;
    (scene.pods[1].ready_since, scene.pods[1].ip) = (None, None);
    scene.pods[2].created = T0.plus(Duration::from_secs(9));
    let d = scene.decide();
    assert_eq!(deleted(&d), ["w2", "w3"], "one that never had a node, and the youngest");
    assert_eq!(d.need, WorkersNeed::Offer.into());
    let (reason, message) = blocked(&d);
    assert!(reason == SPEAKS_TLS && message.starts_with("2 more") && message.contains("w3"), "{message}");
    scene.pods.remove(1);
    scene.pods[1].deleting = true;
    let d = scene.decide();
    assert!(deleted(&d).is_empty(), "until it is gone");
    assert!(blocked(&d).1.contains("w3 moves its results now"));
    scene.pods.remove(1);
    scene.pods[0].template_hash = Some("old".into());
    assert_eq!(deleted(&scene.decide()), ["w1"], "outdated ones before younger ones");
    scene.pods.remove(0);
    let d = scene.decide();
    assert!(deleted(&d).is_empty() && d.status.shrinking_since.is_none());
}

#[test]
fn pods_without_the_agent_and_pods_that_are_not_ready_stay() {
    let mut scene = scene(0, 2);
    scene.pods[0].agent.hash = None;
    scene.pods[1].ready_since = None;
    let d = scene.decide();
    assert!(deleted(&d).is_empty());
    assert!(blocked(&d).1.contains("kubectl delete pod"));
}

#[test]
fn an_autoscaler_keeps_its_size() {
    let mut scene = scene(1, 2);
    scene.autoscaled = true;
    let d = scene.decide();
    assert!(deleted(&d).is_empty());
    assert!(blocked(&d).1.contains("DaskAutoscaler"));
}

#[test]
fn the_last_worker_goes_when_patience_is_over_and_not_before() {
    let mut scene = scene(0, 1);
    let d = scene.decide();
    assert!(deleted(&d).is_empty() && blocked(&d).1.contains("drainTimeout"));
    scene.watch(300);
    scene.later(1);
    let d = scene.decide();
    assert_eq!(deleted(&d), ["w1"]);
    assert!(events(&d).contains(&"DataLossRisk".into()), "{:?}", events(&d));
}

/// Marked while the scheduler could be asked; it came back with TLS.
#[test]
fn who_was_chosen_before_goes_first() {
    let mut scene = scene(2, 3);
    scene.pods[0].mark = Some(Mark { at: T0, scheduler: "s1".into() });
    assert_eq!(deleted(&scene.decide()), ["w1"]);
}

/// A condition that does not change is looked at ever more seldom, and what is said of it stays.
#[test]
fn a_shrink_that_waits_is_looked_at_ever_more_seldom() {
    let mut scene = Scene::new(1, 2);
    scene.snapshot().offer.as_mut().unwrap().addresses.clear();
    assert_eq!(scene.decide().requeue, Some(POLL));
    let mut waits = Vec::new();
    for _ in 0..4 {
        scene.later(60);
        scene.snapshot();
        waits.push(scene.decide().requeue.unwrap().as_secs());
    }
    assert_eq!(waits, [6, 12, 18, 24]);
    let before = blocked(&scene.decide());
    scene.later(1);
    scene.snapshot().offer = None;
    let d = scene.decide();
    assert_eq!(blocked(&d), before, "until the scheduler has answered again");
    assert!(d.actions.is_empty(), "{:?}", d.actions);
}
