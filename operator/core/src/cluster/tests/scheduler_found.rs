//! The scheduler is found by its Service, and starts by a program that there is.

use super::*;

/// A cluster whose Service was made of this selector by an operator that took it as it is written.
fn made_as_written(selector: Value) -> Scene {
    let mut scene = Scene::running();
    scene.cluster.spec.scheduler.service.0["selector"] = selector.clone();
    scene.service.as_mut().unwrap().spec["selector"] = selector;
    scene
}

#[test]
fn a_service_that_selects_too_much_is_put_right_and_the_scheduler_left_alone() {
    let mut scene = made_as_written(json!({"dask.org/component": "scheduler"}));
    let d = scene.decide();
    let selector = json!({"spec": {"selector": {"dask.org/cluster-name": "c"}}});
    assert_eq!(patches(&d), [(Kind::Service, selector)]);
    assert!(
        !d.status.conditions.iter().any(|c| c.type_ == conditions::SPEC_WARNING),
        "there is nothing to do"
    );
    scene.service.as_mut().unwrap().spec["selector"]["dask.org/cluster-name"] = json!("c");
    assert_eq!(patches(&scene.decide()), []);
    assert_eq!(patches(&made_as_written(json!({})).decide()), [], "another controller writes its endpoints");
}

#[test]
fn labels_for_the_selector_are_no_change_of_a_running_scheduler() {
    let mut scene = made_as_written(json!({
        "dask.org/cluster-name": "c", "dask.org/component": "scheduler", "app.kubernetes.io/instance": "a",
    }));
    scene.cluster.meta.labels.insert("app.kubernetes.io/instance".into(), "a".into());
    let d = scene.decide();
    assert_eq!(patches(&d), []);
    let pending = d.status.conditions.iter().find(|c| c.type_ == conditions::SCHEDULER_UPDATE_PENDING);
    assert!(pending.is_none_or(|c| c.status == dask_crds::ConditionStatus::False));
}

#[test]
fn a_program_that_dask_has_no_more_is_named_where_it_crashes() {
    let message = |command: Value, reason: &str| {
        let mut scene = Scene::running();
        scene.cluster.spec.scheduler.spec.0["containers"][0]["args"] = command;
        let mut pod = testing::pod("c-scheduler-x", 9);
        (pod.is_scheduler, pod.ready_since) = (true, None);
        pod.trouble = Some(Trouble { reason: reason.into(), message: "exit code 127".into() });
        scene.pods = vec![pod];
        let d = scene.decide();
        d.status.conditions.into_iter().find(|c| c.type_ == conditions::SCHEDULER_READY).unwrap().message
    };
    let old = message(json!(["/opt/bin/dask-scheduler"]), "CrashLoopBackOff");
    assert!(old.contains("no program dask-scheduler") && old.ends_with("write `dask scheduler`"), "{old}");
    assert!(!message(json!(["dask", "scheduler"]), "CrashLoopBackOff").contains("no program"));
    assert!(!message(json!(["dask-scheduler"]), "ImagePullBackOff").contains("no program"));
}
