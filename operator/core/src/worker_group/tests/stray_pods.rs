//! Pods that lost their owner.

use serde_json::json;

use super::*;
use crate::model::owner::Owner;

/// A group of three with two pods, and one that lost its owner: made by the group under number 5 of 16.
fn scene() -> Scene {
    let mut scene = Scene::new(3, 2);
    scene.memory.reserved(0..16);
    scene.group.status.reserved_pod_numbers = Some(16);
    let name = names::worker_pod("c-default", &"group-uid".into(), 5);
    scene.strays = vec![PodRecord { owner_uid: None, ..pod(&name, 3) }];
    scene
}

fn adopted(d: &Decision<DaskWorkerGroupStatus>) -> Vec<serde_json::Value> {
    let patches = d.actions.iter().filter_map(|a| match a {
        Action::Patch(p) if p.kind == Kind::Pod => Some(p.body.clone()),
        _ => None,
    });
    patches.collect()
}

fn stray(d: &Decision<DaskWorkerGroupStatus>) -> Option<String> {
    let told = d.status.conditions.iter().find(|c| c.type_ == conditions::STRAY_PODS)?;
    (told.status == dask_crds::ConditionStatus::True).then(|| told.message.clone())
}

#[test]
fn a_pod_that_lost_its_owner_is_taken_back_and_not_replaced() {
    let mut scene = scene();
    let d = scene.decide();
    let owner = Owner::controller("DaskWorkerGroup", "c-default", "group-uid");
    assert_eq!(adopted(&d), [json!({"metadata": {"uid": "pod-uid-3", "ownerReferences": [owner]}})]);
    assert_eq!((created(&d), stray(&d)), (0, None));
    scene.strays[0].phase = PodPhase::Failed;
    let d = scene.decide();
    assert_eq!((adopted(&d).len(), created(&d)), (1, 1), "it is over: taken back to be cleared away");
    scene.strays[0].deleting = true;
    assert!(adopted(&scene.decide()).is_empty(), "it goes");
}

#[test]
fn labels_prove_nothing() {
    type Edit = fn(&mut Scene);
    let edits: [(&str, Edit); 6] = [
        ("a name of its own", |s| s.strays[0].name = "another".into()),
        ("of another group", |s| s.strays[0].name = names::worker_pod("c-default", &"former-uid".into(), 5)),
        ("a number that was not reserved", |s| s.group.status.reserved_pod_numbers = Some(5)),
        ("another cluster's label", |s| s.strays[0].cluster = "d".into()),
        ("not made from a template", |s| s.strays[0].template_hash = None),
        ("it has another owner", |s| s.strays[0].has_owners = true),
    ];
    for (what, edit) in edits {
        let mut scene = scene();
        edit(&mut scene);
        let d = scene.decide();
        assert!(adopted(&d).is_empty(), "{what}");
        assert_eq!(created(&d), 1, "{what}: it does not count");
        let told = stray(&d).expect(what);
        assert!(told.contains("1 pods") && told.contains("kubectl -n ns delete pod"), "{told}");
        assert!(!d.actions.iter().any(|a| matches!(a, Action::DeletePod(_))), "{what}");
    }
}

#[test]
fn what_is_no_stray_is_none() {
    let worker = pod("w", 1);
    assert_eq!(worker.stray_of(), None, "it has its owner");
    let stray = PodRecord { owner_uid: None, ..worker };
    assert_eq!(stray.stray_of(), Some("c-default"));
    assert_eq!(PodRecord { is_scheduler: true, ..stray.clone() }.stray_of(), None);
    assert_eq!(PodRecord { deployment: Some("d".into()), ..stray.clone() }.stray_of(), None);
    assert_eq!(PodRecord { runner: Some(Box::default()), ..stray }.stray_of(), None);
}
