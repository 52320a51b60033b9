//! What an autoscaler is told of how to act, and what it tells.

use super::*;

#[test]
fn what_keeps_the_size_is_told() {
    let mut scene = Scene::new(json!({"cluster": "c", "minimum": 1, "maximum": 40}), 0);
    let limit = |scene: &Scene| scene.autoscaler.status.limited_by.clone().unwrap_or_default();
    scene.wants("s", 90);
    assert_eq!(limit(&scene), "Step");
    scene.wants("s", 90);
    assert_eq!(limit(&scene), "Maximum");
    scene.wants("s", 40);
    assert_eq!(limit(&scene), "");
    scene.wants("s", 0);
    assert_eq!(limit(&scene), "Keep");
    scene.settles(0, 60);
    assert_eq!((limit(&scene), scene.sizes()), ("Minimum".into(), vec![1]));
    let changes = &scene.autoscaler.status.changes;
    assert_eq!(changes.iter().map(|c| (c.from, c.to)).collect::<Vec<_>>(), [(40, 1), (33, 40), (0, 33)]);
    assert_eq!(changes[1].reason, "the scheduler would like 90; spec.maximum allows no more");
    assert_eq!(Some(&changes[0].time), scene.autoscaler.status.last_scale_time.as_ref());
}

#[test]
fn the_last_ten_changes_are_told() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 0);
    for n in 1..30 {
        scene.wants("s", n);
    }
    let changes = &scene.autoscaler.status.changes;
    assert_eq!((changes.len(), changes[0].to, changes[9].to), (10, 29, 20));
}

#[test]
fn a_paused_one_decides_nothing_and_a_dry_run_says_what_it_would() {
    let mut scene = Scene::new(json!({"cluster": "c", "mode": "DryRun"}), 2);
    assert_eq!(scene.wants("s", 9), None);
    assert_eq!((scene.autoscaler.status.desired, scene.sizes()), (Some(9), vec![2]));
    assert_eq!(scene.active(), "DryRun");
    assert!(!scene.decides(0), "the size is a person's");
    scene.autoscaler.spec.mode = Some(dask_crds::AutoscalerMode::Paused);
    assert_eq!(scene.wants("s", 9), None);
    assert_eq!((scene.active().as_str(), scene.decides(0)), ("Paused", false));
    scene.autoscaler.spec.mode = None;
    assert_eq!(scene.wants("s", 9), Some(9));
    let mut scene = Scene::with_two(1, 0);
    scene.autoscaler.spec.mode = Some(dask_crds::AutoscalerMode::DryRun);
    assert_eq!(scene.settles(5, 2), [1, 4], "the other one grows");
}

#[test]
fn how_long_workers_take_to_start_is_learned_told_and_read_again() {
    let mut scene = Scene::new(json!({"cluster": "c"}), 1);
    scene.registered(1);
    scene.pods[0].created = T0;
    scene.pods[0].ready_since = Some(T0.plus(Duration::from_secs(40)));
    scene.wants("s", 1);
    assert_eq!(scene.autoscaler.status.startup_seconds, Some(40));
    scene.memory = PlannerState::default();
    scene.pods[0].ready_since = Some(T0.plus(Duration::from_secs(900)));
    scene.wants("s", 1);
    assert_eq!(scene.autoscaler.status.startup_seconds, Some(40), "it became ready again");
    for _ in 0..8 {
        scene.wants("s", 0);
        assert_eq!(scene.sizes(), [1], "kept for 16 s");
    }
    scene.wants("s", 0);
    assert_eq!(scene.sizes(), [0]);
}

#[test]
fn a_group_whose_pods_do_not_come_is_replaced_and_comes_last_for_a_while() {
    let mut scene = Scene::with_two(0, 0);
    assert_eq!(scene.settles(4, 2), [4, 0]);
    let quota = conditions::yes(conditions::PODS_FAILING, "CreateRejected", "exceeded quota");
    scene.groups[0].status.conditions = conditions::update(&[], vec![quota], 1, scene.now);
    assert_eq!(scene.settles(4, 118), [4, 0], "a node may be on its way");
    assert_eq!(scene.settles(4, 4), [4, 4]);
    assert_eq!(scene.settles(4, 30), [4, 4], "the others start");
    scene.registered(4);
    scene.pods.clear();
    assert_eq!(scene.settles(4, 30), [0, 4]);
    scene.groups[0].status.conditions.clear();
    assert_eq!(scene.settles(6, 4), [0, 6], "it comes last for a while");
    scene.settles(6, 600);
    assert_eq!(scene.settles(8, 4), [2, 6]);
}

#[test]
fn a_window_keeps_idle_workers_for_as_long_as_it_says() {
    let window = |seconds: u32| json!({"scaleDown": {"stabilizationWindowSeconds": seconds}});
    let mut scene = Scene::new(json!({"cluster": "c", "behavior": window(300)}), 0);
    assert_eq!(scene.settles(7, 2), [7]);
    assert_eq!(scene.settles(0, 300), [7]);
    assert_eq!(scene.settles(0, 2), [0]);
    let mut scene = Scene::new(json!({"cluster": "c", "behavior": window(0)}), 0);
    scene.settles(7, 2);
    assert_eq!([scene.settles(0, 4), scene.settles(0, 2)], [[7], [0]], "three answers agree");
}
