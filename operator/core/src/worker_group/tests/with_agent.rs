//! The agent of new workers: told in a condition, tried before it is used, and let go where it cannot start.

mod crash;

use super::*;
use crate::{
    model::{restarts::Restarts, scheduler::Nanny, trouble::Trouble},
    resources::agent_plan::Plan,
};

/// A group of workers with a command, and an operator that has an agent for them.
fn scene(wanted: i32, running: u8) -> Scene {
    let mut scene = Scene::new(wanted, running);
    scene.agent.image = Some("agent:1".into());
    says(&mut scene, json!(["dask", "worker"]));
    scene.memory.reserved(0..16);
    scene
}

/// The worker's args; the pods that run were made of them.
fn says(scene: &mut Scene, args: serde_json::Value) {
    scene.group.spec.worker.spec.0["containers"][0]["args"] = args;
    let hash = scene.template();
    scene.pods.iter_mut().for_each(|p| p.template_hash = Some(hash.clone()));
}

fn chooses(scene: &mut Scene, mode: &str) {
    scene.group.spec.worker.agent = Some(serde_json::from_value(json!({ "mode": mode })).unwrap());
}

fn told(d: &Decision<DaskWorkerGroupStatus>, type_: &str) -> Option<(bool, String, String)> {
    let c = d.status.conditions.iter().find(|c| c.type_ == type_)?;
    Some((c.status == dask_crds::ConditionStatus::True, c.reason.clone(), c.message.clone()))
}

/// The agent's condition: whether it holds, its reason, and its events.
fn outcome(d: &Decision<DaskWorkerGroupStatus>) -> (bool, String, Vec<String>) {
    let (holds, reason, _) = told(d, conditions::WORKER_AGENT).unwrap();
    (holds, reason, events(d))
}

#[test]
fn the_status_tells_it_and_only_what_was_not_chosen_makes_an_event() {
    let mut scene = scene(1, 1);
    assert_eq!(outcome(&scene.decide()), (true, "Drain".into(), vec![]));
    chooses(&mut scene, "Disabled");
    assert_eq!(outcome(&scene.decide()), (false, "Disabled".into(), vec![]));
    chooses(&mut scene, "Drain");
    says(&mut scene, json!([]));
    assert_eq!(outcome(&scene.decide()), (false, "NoCommand".into(), vec!["NoCommand".into()]));
    assert_eq!(outcome(&scene.decide()), (false, "NoCommand".into(), vec![]), "once");
    says(&mut scene, json!(["dask", "worker"]));
    scene.group.spec.worker.spec.0.insert("volumes".into(), json!([{"name": "dask-agent", "emptyDir": {}}]));
    assert_eq!(outcome(&scene.decide()), (false, "NameTaken".into(), vec!["NameTaken".into()]));
    scene.group.spec.worker.spec.0.insert("os".into(), json!({"name": "windows"}));
    assert_eq!(outcome(&scene.decide()), (false, "Windows".into(), vec![]));
    scene.agent = agent_plan::Settings::default();
    assert_eq!(told(&scene.decide(), conditions::WORKER_AGENT), None, "there is none to have");
}

#[test]
fn what_is_tried_is_what_is_made() {
    let mut scene = scene(1, 0);
    let tried = scene.decide_once().actions.into_iter().find_map(|a| match a {
        Action::DryRun(checks) => Some(checks[0].body.clone()),
        _ => None,
    });
    let made = scene.decide().actions.into_iter().find_map(|a| match a {
        Action::CreatePods(pods) => Some(pods[0].body.named(&pods[0].name)),
        _ => None,
    });
    // Each pod has a name of its own.
    let [tried, made] = [tried, made].map(|body| {
        let mut pod: serde_json::Value = serde_json::from_str(&body.unwrap()).unwrap();
        let mut spec = pod["spec"].take();
        spec["containers"][0]["env"][0]["value"] = json!("name");
        spec
    });
    assert_eq!(tried, made);
    assert_eq!(made["initContainers"][0]["image"], "agent:1");
}

#[test]
fn a_template_that_was_tried_without_the_agent_is_tried_again_with_it() {
    let is_tried = |scene: &mut Scene| {
        scene.verdicts = Verdicts::default();
        let d = scene.decide_once();
        (
            d.actions.iter().any(|a| matches!(a, Action::DryRun(_))),
            told(&d, conditions::WORKER_AGENT).is_some(),
        )
    };
    let mut scene = scene(1, 1);
    scene.agent.image = None;
    scene.decide();
    assert_eq!(is_tried(&mut scene), (false, false));
    scene.agent.image = Some("agent:1".into());
    assert_eq!(is_tried(&mut scene), (true, false), "it is told when it was tried");
    scene.decide();
    assert_eq!(is_tried(&mut scene), (false, true), "another process need not ask again");
    chooses(&mut scene, "Disabled");
    assert_eq!(is_tried(&mut scene), (true, true));
}

#[test]
fn a_mode_changes_new_pods_alone() {
    let mut scene = scene(2, 1);
    chooses(&mut scene, "Drain");
    scene.decide();
    chooses(&mut scene, "Disabled");
    let d = scene.decide();
    assert_eq!((created(&d), deletes(&d).len(), marks(&d).len()), (1, 0, 0));
    assert_eq!(d.status.workers.unwrap().outdated, 0);
}

#[test]
fn an_agent_that_cannot_start_names_the_switch_and_the_switch_helps() {
    let mut scene = scene(1, 1);
    scene.snapshot().workers.clear();
    let pod = &mut scene.pods[0];
    (pod.phase, pod.ready_since) = (PodPhase::Pending, None);
    pod.trouble = Some(Trouble { reason: "ImagePullBackOff".into(), message: "no such image".into() });
    pod.agent.hash = Plan::of(&scene.group.spec.worker, &scene.agent).hash(&scene.agent);
    pod.agent.is_in_trouble = true;
    let d = scene.decide();
    let (_, reason, message) = told(&d, conditions::PODS_FAILING).unwrap();
    assert_eq!((reason.as_str(), deletes(&d).len()), ("ImagePullBackOff", 0));
    assert!(
        message.contains("agent.imagePullSecrets") && message.ends_with("agent.mode: Disabled"),
        "{message}"
    );
    // Another image, or the same with a Secret, may be one that can be had; without an agent none is needed.
    scene.agent.image = Some("agent:2".into());
    assert_eq!(deletes(&scene.decide()), ["w1"]);
    scene.agent.image = Some("agent:1".into());
    assert_eq!(deletes(&scene.decide()).len(), 0);
    scene.agent.pull_secrets = vec!["key".into()];
    assert_eq!(deletes(&scene.decide()), ["w1"]);
    scene.agent.pull_secrets.clear();
    chooses(&mut scene, "Disabled");
    assert_eq!(deletes(&scene.decide()), ["w1"]);
    // Not one whose agent is well.
    scene.pods[0].agent.is_in_trouble = false;
    assert_eq!(deletes(&scene.decide()).len(), 0);
}

#[test]
fn what_was_left_in_haste_is_told() {
    let mut scene = scene(1, 1);
    let mut gone = pod("c-default-worker-gone", 9);
    (gone.deleting, gone.agent.last_words) = (true, Some("Busy: the time was over".into()));
    scene.pods.push(gone);
    let text = "pod c-default-worker-gone ended before its workers had left: Busy: the time was over";
    assert_eq!(left_in_haste(&mut scene), [text]);
}

fn left_in_haste(scene: &mut Scene) -> Vec<String> {
    let messages = scene.decide().actions.into_iter().filter_map(|a| match a {
        Action::Event(e) if e.reason == "LeftInHaste" => Some(e.message),
        _ => None,
    });
    messages.collect()
}

#[test]
fn what_was_left_in_haste_is_told_of_a_pod_that_is_gone() {
    let mut scene = scene(1, 1);
    scene.memory.heard("gone", "Busy: x");
    let told = ["pod gone ended before its workers had left: Busy: x"];
    assert_eq!(left_in_haste(&mut scene), told);
    // The pass may have failed before it told it.
    scene.now = scene.now.plus(Duration::from_secs(59));
    assert_eq!(left_in_haste(&mut scene), told);
    scene.now = scene.now.plus(Duration::from_secs(1));
    assert_eq!(left_in_haste(&mut scene), [""; 0]);
    (0..1000).for_each(|n| scene.memory.heard(&n.to_string(), "Busy: x"));
    assert_eq!(left_in_haste(&mut scene).len(), 100);
}

#[test]
fn what_was_started_again_is_counted_and_stays_counted_while_the_scheduler_is_silent() {
    let counts = |scene: &mut Scene| {
        let workers = scene.decide().status.workers.unwrap();
        (workers.restarts, workers.oom_kills)
    };
    let mut scene = scene(2, 2);
    assert_eq!(counts(&mut scene), (None, None));
    scene.pods[0].restarts = Restarts { restarts: 2, oom_kills: 1 };
    scene.worker(2).nanny = Nanny::Agent(Restarts { restarts: 1, oom_kills: 0 });
    assert_eq!(counts(&mut scene), (Some(3), Some(1)));
    // Another process of the same pod, which began later: its agent's numbers are no more than these.
    let twin =
        WorkerView { nanny: Nanny::Agent(Restarts { restarts: 4, oom_kills: 3 }), ..worker("w2-1", 2) };
    scene.snapshot().workers.insert("tcp://10.0.0.2:2".into(), twin);
    assert_eq!(counts(&mut scene), (Some(6), Some(4)));
    let known = std::mem::replace(&mut scene.scheduler, SchedulerState::Unreachable { why: "late".into() });
    assert_eq!(counts(&mut scene), (Some(6), Some(4)));
    scene.scheduler = known;
    // Its next process has not registered yet: that is no news.
    let all = scene.snapshot().workers.clone();
    scene.snapshot().workers.retain(|_, w| w.name == "w1");
    assert_eq!(counts(&mut scene), (Some(6), Some(4)));
    scene.snapshot().workers = all;
    scene.pods.retain(|p| p.name == "w1");
    assert_eq!(counts(&mut scene), (Some(2), Some(1)), "of the pods that are there");
    // A worker of another group counts nowhere.
    let mut scene = Scene::new(1, 1);
    let stranger =
        WorkerView { nanny: Nanny::Agent(Restarts { restarts: 9, oom_kills: 9 }), ..worker("x", 77) };
    scene.snapshot().workers.insert("tcp://10.0.0.77:1".into(), stranger);
    assert_eq!(counts(&mut scene), (None, None));
}

#[test]
fn a_worker_whose_image_asks_for_another_nanny_is_told() {
    let message = |scene: &mut Scene| {
        let told = scene
            .decide()
            .status
            .conditions
            .into_iter()
            .find(|c| c.type_ == conditions::WORKER_AGENT)
            .unwrap();
        (told.reason, told.message)
    };
    let mut scene = scene(2, 2);
    chooses(&mut scene, "Full");
    for pod in &mut scene.pods {
        pod.agent.hash = Plan::of(&scene.group.spec.worker, &scene.agent).hash(&scene.agent);
    }
    let planned = message(&mut scene);
    scene.worker(1).nanny = Nanny::Agent(Restarts::default());
    assert_eq!(message(&mut scene), planned);
    scene.worker(2).nanny = Nanny::Own;
    let (reason, text) = message(&mut scene);
    assert!(reason == "Full" && text.contains("pod w2 keeps Dask's own Nanny"), "{text}");
    let known = std::mem::replace(&mut scene.scheduler, SchedulerState::Unreachable { why: "late".into() });
    assert_eq!(message(&mut scene).1, text, "it stays while the scheduler cannot be asked");
    scene.scheduler = known;
    // One that was made to have its own, or without an agent.
    for hash in [Some("another".into()), None] {
        scene.pods[1].agent.hash = hash;
        assert_eq!(message(&mut scene), planned);
    }
}
