//! Service, Deployment and default group: made, repaired, and left to their other owners.

use super::*;

#[test]
fn lost_children_come_back() {
    let mut scene = Scene::running();
    scene.service = None;
    scene.group = None;
    let d = scene.decide();
    assert!(matches!(
        &d.actions[..],
        [Action::Create { kind: Kind::Service, .. }, Action::Create { kind: Kind::Group, .. }]
    ));
    assert_eq!(d.status.phase, Some(Phase::Running));
}

#[test]
fn what_was_changed_by_hand_is_put_right() {
    let mut scene = Scene::running();
    scene.deployment.as_mut().unwrap().replicas = 0;
    scene.deployment.as_mut().unwrap().strategy = "RollingUpdate".into();
    scene.service.as_mut().unwrap().spec["ports"] = json!([]);
    let patches = patches(&scene.decide());
    assert_eq!(
        patches[0].1["spec"],
        json!({"replicas": 1, "strategy": {"type": "Recreate", "rollingUpdate": null}})
    );
    assert_eq!(patches[1].1["spec"]["ports"][0]["port"], 8786);
}

#[test]
fn replicas_have_one_owner_at_a_time() {
    let mut scene = Scene::running();
    scene.group().spec.worker.replicas = 7;
    assert!(scene.decide().actions.is_empty(), "what a client or autoscaler set stands");
    scene.cluster.spec.worker.replicas = 3;
    let patches = patches(&scene.decide());
    assert_eq!(patches[0].1["spec"]["worker"], json!({"replicas": 3}));
    assert_eq!(patches[0].1["metadata"]["annotations"][names::COPIED_REPLICAS], "3");
}

#[test]
fn a_group_of_dask_kubernetes_keeps_its_size() {
    let mut scene = Scene::running();
    scene.group().meta.annotations.clear();
    scene.group().spec.worker.replicas = 7;
    let patches = patches(&scene.decide());
    assert_eq!(patches.len(), 1);
    assert!(patches[0].1.get("spec").is_none());
    assert_eq!(patches[0].1["metadata"]["annotations"][names::COPIED_REPLICAS], "2");
}

#[test]
fn a_users_default_group_keeps_its_labels_and_its_template() {
    let mut scene = Scene::running();
    scene.group().meta.labels = BTreeMap::from([("mine".into(), "yes".into())]);
    scene.group().meta.annotations.clear();
    scene.group().meta.owners.clear();
    scene.group().spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    let patches = patches(&scene.decide());
    assert!(patches[0].1["metadata"].get("labels").is_none());
    assert!(patches[0].1.get("spec").is_none());
    assert_eq!(patches[0].1["metadata"]["ownerReferences"][0]["uid"], "cluster-uid");
}

#[test]
fn a_changed_worker_template_is_copied_to_the_default_group() {
    let mut scene = Scene::running();
    scene.group().spec.worker.replicas = 7;
    scene.cluster.spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    let patches = patches(&scene.decide());
    assert_eq!(patches[0].1["spec"]["worker"], json!({"spec": {"nodeName": "n"}}));
}

#[test]
fn an_edited_agent_reaches_the_default_group() {
    let mut scene = Scene::running();
    for (mode, patch) in [
        (json!({"mode": "Disabled"}), Some(json!({"agent": {"mode": "Disabled"}}))),
        (json!({"mode": "Drain"}), Some(json!({"agent": {"mode": "Drain"}}))),
        (json!({}), Some(json!({"agent": {"mode": null}}))),
        (Value::Null, Some(json!({"agent": null}))),
        (Value::Null, None),
    ] {
        let agent: Option<dask_crds::AgentSpec> = serde_json::from_value(mode).unwrap();
        scene.cluster.spec.worker.agent = agent.clone();
        let patches = patches(&scene.decide());
        assert_eq!(patches.first().map(|p| p.1["spec"]["worker"].clone()), patch);
        scene.group().spec.worker.agent = agent;
    }
    assert_eq!(resources::default_group(&scene.cluster)["spec"]["worker"].get("agent"), None);
}

#[test]
fn an_object_of_another_owner_is_left_alone() {
    let mut scene = Scene::running();
    scene.service.as_mut().unwrap().owners = vec![Owner::controller("Application", "x", "9")];
    scene.service.as_mut().unwrap().spec = json!({});
    let d = scene.decide();
    assert!(patches(&d).is_empty());
    assert_eq!(reason(&d, conditions::SCHEDULER_READY), "NameTaken");
}

#[test]
fn what_kopf_left_on_the_service_goes() {
    let mut scene = Scene::running();
    scene.service.as_mut().unwrap().kopf = vec!["kopf.zalando.org/x".into()];
    let body = json!({"metadata": {"annotations": {"kopf.zalando.org/x": null}}});
    assert_eq!(patches(&scene.decide()), [(Kind::Service, body)]);
}
