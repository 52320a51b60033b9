//! Pods that crash, and what may be behind it.

use super::*;

/// A pod that crashes, and has an agent as this operator would give it.
fn crashes(scene: &mut Scene, n: usize) {
    let hash = Plan::of(&scene.group.spec.worker, &scene.agent).hash(&scene.agent);
    let pod = &mut scene.pods[n];
    (pod.ready_since, pod.agent.hash) = (None, hash);
    let text = "back-off 5m0s restarting failed container (last ended with exit code 1 (Error))";
    pod.trouble = Some(Trouble { reason: "CrashLoopBackOff".into(), message: text.into() });
}

#[test]
fn a_crash_in_which_no_agent_reported_names_the_agent_and_the_switch_helps() {
    let mut scene = scene(2, 2);
    scene.snapshot().workers.clear();
    crashes(&mut scene, 0);
    crashes(&mut scene, 1);
    let failing = |scene: &mut Scene| told(&scene.decide(), conditions::PODS_FAILING).unwrap().2;
    let message = failing(&mut scene);
    assert!(message.contains("no agent of such a pod has reported"), "{message}");
    assert!(message.contains("spec.worker.agent.mode: Disabled"), "{message}");
    // One that was heard of: then it is the worker's own fault, as one without an agent is.
    scene.pods[1].ready_since = Some(T0);
    assert!(!failing(&mut scene).contains("no agent"));
    scene.pods[1].ready_since = None;
    scene.pods[1].agent.last_words = Some("Busy: x".into());
    assert!(!failing(&mut scene).contains("no agent"));
    scene.pods[1].agent.last_words = None;
    assert_eq!(deletes(&scene.decide()).len(), 0);
    chooses(&mut scene, "Disabled");
    assert_eq!(deletes(&scene.decide()), ["w1", "w2"], "the switch reaches pods that hold nothing");
    scene.pods.iter_mut().for_each(|p| p.agent.hash = None);
    assert!(!failing(&mut scene).contains("no agent"));
    assert_eq!(deletes(&scene.decide()).len(), 0);
}

#[test]
fn a_worker_that_crashes_is_not_replaced_for_another_agents_sake() {
    let mut scene = scene(1, 1);
    scene.snapshot().workers.clear();
    crashes(&mut scene, 0);
    scene.agent.image = Some("agent:2".into());
    assert_eq!(deletes(&scene.decide()).len(), 0, "an upgrade replaces nothing");
    says(&mut scene, json!(["role", "--of", "worker"]));
    let d = scene.decide();
    assert_eq!(outcome(&d).1, "EntryPointUnknown");
    assert_eq!(deletes(&d), ["w1"], "but an agent that cannot start there goes");
}

#[test]
fn a_program_that_dask_has_no_more_is_named() {
    let mut scene = scene(1, 1);
    says(&mut scene, json!(["dask-worker", "--nthreads", "1"]));
    crashes(&mut scene, 0);
    let failing = |scene: &mut Scene| told(&scene.decide(), conditions::PODS_FAILING).unwrap().2;
    let message = failing(&mut scene);
    assert!(
        message.contains("no program dask-worker") && message.contains("write `dask worker`"),
        "{message}"
    );
    says(&mut scene, json!(["dask", "worker"]));
    assert!(!failing(&mut scene).contains("no program"));
}

#[test]
fn keys_of_ours_in_a_template_are_told_and_make_no_pods_without_end() {
    let mut scene = scene(1, 0);
    scene.group.spec.worker.metadata =
        serde_json::from_value(json!({"annotations": {"kubernetes.dask.org/retiring": "x"}})).unwrap();
    let d = scene.decide();
    let (holds, reason, message) = told(&d, conditions::SPEC_WARNING).unwrap();
    assert_eq!((holds, reason.as_str()), (true, "ReservedKey"));
    assert!(
        message.contains("spec.worker.metadata.annotations[kubernetes.dask.org/retiring]: \"x\""),
        "{message}"
    );
    let made = d.actions.into_iter().find_map(|a| match a {
        Action::CreatePods(pods) => Some(pods),
        _ => None,
    });
    let made = made.unwrap();
    assert_eq!(made.len(), 1);
    let body: serde_json::Value = serde_json::from_str(&made[0].body.named(&made[0].name)).unwrap();
    assert_eq!(body["metadata"]["annotations"].get("kubernetes.dask.org/retiring"), None);
}
