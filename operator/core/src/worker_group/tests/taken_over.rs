//! Workers that dask-kubernetes made: Deployments that count as workers.

use super::*;

#[test]
fn what_dask_kubernetes_made_counts_and_leaves_first() {
    let mut scene = Scene::new(3, 3);
    (scene.pods[1].is_deployment, scene.pods[1].template_hash) = (true, None);
    // The others would be cheaper.
    scene.worker(2).bytes = 100;
    let d = scene.decide();
    assert!(created(&d) == 0 && deletes(&d).is_empty() && marks(&d).is_empty());
    assert_eq!(d.status.workers.unwrap().outdated, 0);
    scene.group.spec.worker.replicas = 2;
    let d = scene.decide();
    assert_eq!(scene.apply_marks(&d), ["w2"]);
    let kind = d.actions.iter().find_map(|a| match a {
        Action::MarkPods { pods, .. } => Some(pods[0].kind),
        _ => None,
    });
    assert_eq!(kind, Some(Kind::Deployment), "the mark is the Deployment's: its pod may be replaced");
    let call = calls(&scene.decide()).remove(0);
    scene.answer(&call, &[2]);
    scene.heartbeat(2);
    scene.decide();
    scene.heartbeat(2);
    scene.decide();
    scene.heartbeat(2);
    let call = calls(&scene.decide()).remove(0);
    assert_eq!(call.stage, RetireStage::Close);
    scene.answer(&call, &[2]);
    assert_eq!(deletes(&scene.decide()), ["w2"], "last of all");
}

#[test]
fn a_deployments_worker_is_its_pod_of_the_moment() {
    let deployment = crate::model::deployment::DeploymentRecord {
        uid: "d".into(),
        replicas: 1,
        annotations: [(names::RETIRING.to_string(), "{}".to_string())].into(),
        ..Default::default()
    };
    let (mut dying, mut living) = (pod("g-worker-1-x", 1), pod("g-worker-1-y", 2));
    (dying.deleting, living.ready_since) = (true, None);
    let of = |pods: &[&PodRecord]| PodRecord::of_deployment("g-worker-1", &deployment, pods);
    let worker = of(&[&dying, &living]).unwrap();
    assert_eq!((worker.name.as_str(), worker.uid.as_str()), ("g-worker-1", "d"));
    assert_eq!(worker.ip.as_deref(), Some("10.0.0.2"));
    assert!(worker.mark.is_some() && worker.is_deployment && worker.is_live());
    let waiting = of(&[&dying]).unwrap();
    assert!(waiting.is_live() && !waiting.scheduled, "another pod is about to come");
    let off = crate::model::deployment::DeploymentRecord { replicas: 0, ..deployment.clone() };
    assert_eq!(PodRecord::of_deployment("g-worker-1", &off, &[&living]), None);
}

#[test]
fn a_deployments_worker_that_is_registered_is_drained_though_no_pod_shows() {
    let mut scene = Scene::new(1, 2);
    let old = &mut scene.pods[0];
    (old.is_deployment, old.template_hash) = (true, None);
    (old.phase, old.scheduled, old.ip, old.ready_since) = (PodPhase::Pending, false, None, None);
    let d = scene.decide();
    assert_eq!((deletes(&d), marks(&d)), (Vec::new(), vec!["w1".to_string()]));
    // Not registered, and the registry was read just now: it holds nothing.
    scene.snapshot().workers.remove(&address(1));
    assert_eq!(deletes(&scene.decide()), ["w1"]);
    scene.scheduler = SchedulerState::Unreachable { why: "x".into() };
    assert!(deletes(&scene.decide()).is_empty());
}
