//! Templates are tried first: a cluster is made as a whole or not at all.

use super::*;

fn refuse(scene: &mut Scene, kind: Kind, path: &str) {
    let d = scene.decide_once();
    let checks =
        d.actions.iter().find_map(|a| if let Action::DryRun(c) = a { Some(c.clone()) } else { None });
    for check in checks.expect("templates to try") {
        let causes = vec![(path.to_string(), "bad".to_string())];
        let verdict = if check.kind == kind {
            Verdict::Invalid { causes, message: String::new() }
        } else {
            Verdict::Valid { unknown: Vec::new() }
        };
        scene.verdicts.insert(&check.key, verdict, scene.now);
    }
}

fn accepted(d: &Decision<DaskClusterStatus>) -> (bool, String, String) {
    let c = d.status.conditions.iter().find(|c| c.type_ == conditions::ACCEPTED).unwrap();
    (c.status == dask_crds::ConditionStatus::True, c.reason.clone(), c.message.clone())
}

#[test]
fn nothing_is_made_of_a_spec_with_a_bad_part() {
    for (kind, path, ours) in [
        (Kind::Pod, "spec.containers[0].name", "spec.worker.spec.containers[0].name: bad"),
        (Kind::Deployment, "spec.template.spec.x", "spec.scheduler.spec.x: bad"),
        (Kind::Deployment, "spec.template.labels", "spec.scheduler.metadata.labels: bad"),
        (Kind::Service, "spec.ports[1].name", "spec.scheduler.service.ports[1].name: bad"),
    ] {
        let mut scene = Scene::new();
        refuse(&mut scene, kind, path);
        let d = scene.decide_once();
        assert_eq!(d.status.phase, Some(Phase::Error), "{path}");
        assert!(!d.actions.iter().any(|a| matches!(a, Action::Create { .. })), "{path}");
        let (holds, reason, message) = accepted(&d);
        assert!(!holds && reason == "InvalidTemplate" && message.starts_with(ours), "{message}");
        let again = scene.decide_once();
        assert!(again.actions.is_empty() && again.status == d.status, "told once, and no storm");
    }
}

#[test]
fn put_right_it_is_made() {
    let mut scene = Scene::new();
    refuse(&mut scene, Kind::Pod, "spec.x");
    scene.decide_once();
    scene.cluster.spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    scene.cluster.meta.generation += 1;
    assert_eq!(scene.decide().status.phase, Some(Phase::Created));
    let d = scene.decide();
    assert!(accepted(&d).0);
    assert_eq!(d.actions.iter().filter(|a| matches!(a, Action::Create { .. })).count(), 3);
}

#[test]
fn a_name_that_is_refused_is_an_invalid_name() {
    let mut scene = Scene::new();
    refuse(&mut scene, Kind::Service, "metadata.name");
    let d = scene.decide_once();
    assert_eq!((d.status.phase, accepted(&d).1.as_str()), (Some(Phase::Error), "InvalidName"));
}

#[test]
fn a_bad_edit_of_a_running_cluster_reaches_nothing() {
    let mut scene = Scene::running();
    scene.cluster.meta.generation += 1;
    scene.cluster.spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    refuse(&mut scene, Kind::Pod, "spec.nodeName");
    let d = scene.decide_once();
    assert_eq!(d.status.phase, Some(Phase::Running));
    assert!(patches(&d).is_empty(), "the group keeps its good template");
    assert!(!accepted(&d).0);
}

#[test]
fn another_process_need_not_ask_again() {
    let mut scene = Scene::running();
    scene.decide();
    scene.verdicts = Verdicts::default();
    assert!(scene.decide_once().actions.is_empty());
    scene.cluster.meta.generation += 1;
    assert!(matches!(scene.decide_once().actions[..], [Action::DryRun(_)]));
}

#[test]
fn a_running_cluster_keeps_every_part_that_can_be() {
    let mut scene = Scene::running();
    scene.cluster.meta.generation += 1;
    scene.cluster.spec.worker.spec.0.insert("nodeName".into(), json!("n"));
    refuse(&mut scene, Kind::Pod, "spec.nodeName");
    (scene.deployment, scene.service) = (None, None);
    let d = scene.decide_once();
    let made =
        d.actions.iter().filter_map(|a| if let Action::Create { kind, .. } = a { Some(*kind) } else { None });
    assert_eq!(
        made.collect::<Vec<_>>(),
        [Kind::Deployment, Kind::Service],
        "only the workers' template is bad"
    );
    assert_eq!(d.status.phase, Some(Phase::Running));
}

#[test]
fn what_its_own_service_has_does_not_stand_in_a_services_way() {
    let mut scene = Scene::running();
    scene.cluster.meta.generation += 1;
    scene.cluster.spec.scheduler.service.0["ports"][0]["nodePort"] = json!(30_786);
    scene.cluster.spec.scheduler.service.0.insert("clusterIP".into(), json!("10.0.0.9"));
    let service = tried_service(&mut scene);
    assert!(service.get("clusterIP").is_none() && service["ports"][0].get("nodePort").is_none());
    assert_eq!(service["ports"][0]["port"], 8786);
    scene.service = None;
    let service = tried_service(&mut scene);
    assert_eq!(service["ports"][0]["nodePort"], 30_786, "what others have counts while it is to be made");
    assert_eq!(service["clusterIP"], "10.0.0.9");
}

/// The spec of the Service that the API server is asked about.
fn tried_service(scene: &mut Scene) -> Value {
    let d = scene.decide_once();
    let Some(Action::DryRun(checks)) = d.actions.first() else { panic!("{:?}", d.actions) };
    let service = checks.iter().find(|c| c.kind == Kind::Service).unwrap();
    serde_json::from_str::<Value>(&service.body).unwrap()["spec"].take()
}

#[test]
fn a_service_that_may_be_refused_is_made_before_all_else() {
    let made = |scene: &mut Scene| -> Vec<Kind> {
        let d = scene.decide();
        d.actions
            .iter()
            .filter_map(|a| if let Action::Create { kind, .. } = a { Some(*kind) } else { None })
            .collect()
    };
    for (path, value) in [
        ("/ports/0/nodePort", json!(80)),
        ("/clusterIP", json!("10.0.0.9")),
        ("/clusterIPs", json!(["10.0.0.9"])),
        ("/healthCheckNodePort", json!(30_001)),
    ] {
        let mut scene = Scene::new();
        let mut service = Value::Object(scene.cluster.spec.scheduler.service.0.clone());
        match path {
            "/ports/0/nodePort" => service["ports"][0]["nodePort"] = value,
            path => service[&path[1..]] = value,
        }
        scene.cluster.spec.scheduler.service.0 = serde_json::from_value(service).unwrap();
        scene.decide();
        assert_eq!(made(&mut scene), [Kind::Service], "{path}");
        let d = scene.decide();
        scene.make(&d);
        assert_eq!(made(&mut scene), [Kind::Deployment, Kind::Group], "{path}");
    }
    let mut scene = Scene::new();
    scene.cluster.spec.scheduler.service.0.insert("clusterIP".into(), json!("None"));
    scene.decide();
    assert_eq!(made(&mut scene).len(), 3, "nothing to be refused: all at once");
}
