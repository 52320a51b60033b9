//! `drainTimeout`: when a shrink that a person asked for is forced, and when its time begins.

use super::*;

#[test]
fn who_is_not_on_offer_stays_until_a_persons_patience_ends() {
    for autoscaled in [false, true] {
        let mut scene = Scene::new(1, 2);
        scene.autoscaled = autoscaled;
        scene.snapshot().offer.as_mut().unwrap().addresses.clear();
        let d = scene.decide();
        assert_eq!(reason(&d, conditions::SCALE_DOWN_BLOCKED).as_deref(), Some("NotOffered"));
        scene.watch(299);
        assert!(deletes(&scene.decide()).is_empty());
        scene.later(1);
        let d = scene.decide();
        assert_eq!(deletes(&d).len(), usize::from(!autoscaled), "an autoscaler never forces");
        assert_eq!(events(&d).contains(&"DataLossRisk".to_string()), !autoscaled);
    }
}

#[test]
fn a_long_task_is_waited_for_until_a_persons_patience_ends() {
    let mut scene = Scene::new(1, 2);
    scene.group.spec.worker.drain_timeout = Some(30);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    let drain = calls(&scene.decide());
    scene.answer(&drain[0], &[victim]);
    scene.worker(victim).busy = 1;
    for _ in 0..25 {
        scene.heartbeat(victim);
        assert!(deletes(&scene.decide()).is_empty());
    }
    scene.later(10);
    let d = scene.decide();
    assert_eq!(deletes(&d), [format!("w{victim}")]);
    assert!(events(&d).contains(&"DataLossRisk".to_string()));
}

#[test]
fn a_persons_patience_begins_when_a_person_asks() {
    let mut scene = Scene::new(1, 2);
    scene.autoscaled = true;
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    let drain = calls(&scene.decide());
    scene.answer(&drain[0], &[victim]);
    scene.worker(victim).busy = 1;
    scene.later(1000);
    scene.snapshot();
    scene.decide();
    scene.autoscaled = false;
    assert!(deletes(&scene.decide()).is_empty(), "the autoscaler is gone, the task still runs");
    scene.watch(299);
    scene.snapshot();
    assert!(deletes(&scene.decide()).is_empty());
    scene.later(1);
    scene.snapshot();
    assert_eq!(deletes(&scene.decide()).len(), 1);
}

#[test]
fn a_wish_after_one_that_was_not_seen_has_time_of_its_own() {
    for changes in [1, 2] {
        let mut scene = Scene::new(1, 3);
        scene.snapshot().offer.as_mut().unwrap().addresses.clear();
        scene.decide();
        scene.watch(299);
        scene.later(1);
        scene.snapshot();
        // One change alone was something else than the size.
        scene.group.meta.generation += changes;
        assert_eq!(deletes(&scene.decide()).is_empty(), changes == 2, "{changes} changes");
    }
}

#[test]
fn a_new_wish_has_time_of_its_own_and_silence_does_not_count() {
    let mut scene = Scene::new(2, 3);
    scene.snapshot().offer.as_mut().unwrap().addresses.clear();
    scene.decide();
    scene.later(290);
    scene.group.spec.worker.replicas = 0;
    scene.decide();
    scene.later(20);
    scene.snapshot();
    assert!(deletes(&scene.decide()).is_empty());
    let known = std::mem::replace(&mut scene.scheduler, SchedulerState::Unreachable { why: "x".into() });
    for _ in 0..4 {
        scene.decide();
        scene.later(100);
    }
    scene.scheduler = known;
    scene.snapshot();
    assert!(deletes(&scene.decide()).is_empty());
}
