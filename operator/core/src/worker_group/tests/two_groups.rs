//! Two groups of one cluster shrink: the room for what moves is counted once.

use super::*;

/// Two of three leave, each with as much as the third has room for.
fn scene() -> Scene {
    let mut scene = Scene::new(1, 2);
    scene.worker(1).bytes = 400;
    scene.worker(2).bytes = 400;
    // The other group's: one with room, and one that has as much to hand over.
    for n in [8, 9] {
        let mut other = pod(&format!("o{n}"), n);
        other.owner_uid = Some("other-uid".into());
        scene.others.push(other);
        scene.snapshot().workers.insert(address(n), worker(&format!("o{n}"), n));
    }
    scene.worker(9).bytes = 400;
    scene
}

#[test]
fn there_is_room_for_one() {
    assert_eq!(marks(&scene().decide()).len(), 1);
}

#[test]
fn what_another_groups_leaving_worker_holds_takes_room() {
    let mut scene = scene();
    scene.others[1].mark = Some(Mark { at: scene.now, scheduler: "s1".into() });
    scene.worker(2).bytes = 590;
    let d = scene.decide();
    assert_eq!(marks(&d).len(), 0, "400 of o9 and 400 of w1 do not fit into 600 of o8 and 10 of w2");
    assert_eq!(reason(&d, conditions::SCALE_DOWN_LIMITED).as_deref(), Some("NotEnoughMemory"));
}

#[test]
fn so_does_what_the_other_group_chose_a_moment_ago() {
    let mut scene = scene();
    scene.worker(2).bytes = 590;
    scene.elsewhere.insert(scene.others[1].uid.clone());
    assert!(marks(&scene.decide()).is_empty(), "decided on the same reading, and no watch has shown it");
}

#[test]
fn a_worker_that_is_about_to_go_takes_nothing_in() {
    let mut scene = scene();
    scene.worker(2).bytes = 590;
    scene.threats.insert(scene.others[0].uid.clone(), "karpenter.sh/disrupted".into());
    assert!(marks(&scene.decide()).is_empty());
}

#[test]
fn what_was_chosen_is_told_to_other_groups_until_it_shows() {
    let mut scene = scene();
    let d = scene.decide();
    let chosen: Vec<_> = scene.memory.chosen().cloned().collect();
    assert_eq!(chosen.len(), 1);
    scene.apply_marks(&d);
    scene.decide();
    assert_eq!(scene.memory.chosen().count(), 0);
    let mut lost = self::scene();
    lost.decide();
    lost.group.spec.worker.replicas = 2;
    lost.later(61);
    lost.decide();
    assert_eq!(lost.memory.chosen().count(), 0, "a mark that was not written");
}
