//! Marks that were not acted on for a while, and answers that come late.

use super::*;
use crate::plan::scheduler_need::{SchedulerNeed, WorkersNeed};

/// One of two too many was chosen, and then the operator was away for ten minutes.
fn after_an_absence(wanted: i32) -> (Scene, u8) {
    let mut scene = Scene::new(1, 2);
    let d = scene.decide();
    let victim: u8 = scene.apply_marks(&d)[0][1..].parse().unwrap();
    scene.later(600);
    scene.snapshot();
    scene.memory = PlannerState::default();
    scene.memory.reserved(0..16);
    scene.group.spec.worker.replicas = wanted;
    (scene, victim)
}

fn unmarked(d: &Decision<DaskWorkerGroupStatus>) -> Vec<String> {
    let pods = d.actions.iter().filter_map(|a| match a {
        Action::UnmarkPod(p) => Some(p.name.clone()),
        _ => None,
    });
    pods.collect()
}

#[test]
fn an_old_mark_is_acted_on_if_it_is_still_right() {
    let (mut scene, victim) = after_an_absence(1);
    let drain = calls(&scene.decide());
    assert_eq!(drain[0].addresses, BTreeSet::from([address(victim)]));
}

#[test]
fn who_is_not_offered_any_more_stays() {
    let (mut scene, victim) = after_an_absence(1);
    scene.snapshot().offer.as_mut().unwrap().addresses.remove(&address(victim));
    let d = scene.decide();
    assert_eq!(
        (unmarked(&d), calls(&d).len()),
        (vec![format!("w{victim}")], 0),
        "it may have joined a shuffle"
    );
}

#[test]
fn who_is_not_too_many_any_more_stays_and_none_is_made_in_its_place() {
    let (mut scene, victim) = after_an_absence(2);
    let d = scene.decide();
    assert_eq!((unmarked(&d), calls(&d).len(), created(&d)), (vec![format!("w{victim}")], 0, 0));
    // Until the mark is seen to be gone.
    assert_eq!(unmarked(&scene.decide()), [format!("w{victim}")]);
    scene.pods.iter_mut().for_each(|p| p.mark = None);
    assert!(scene.decide().actions.iter().all(|a| matches!(a, Action::Event(_))));
}

#[test]
fn only_as_many_stay_as_are_wanted_the_dearest_first() {
    let mut scene = Scene::new(1, 4);
    let d = scene.decide();
    assert_eq!(scene.apply_marks(&d).len(), 3);
    scene.later(600);
    let first = marks(&d)[0].clone();
    let dear: u8 = first[1..].parse().unwrap();
    scene.worker(dear).bytes = 100;
    scene.memory = PlannerState::default();
    scene.group.spec.worker.replicas = 2;
    let d = scene.decide();
    assert_eq!(unmarked(&d), [first]);
    assert_eq!(calls(&d)[0].addresses.len(), 2);
}

#[test]
fn nothing_is_done_before_the_scheduler_says_whom_it_offers() {
    let (mut scene, _) = after_an_absence(1);
    for scheduler in [SchedulerState::Unknown, {
        scene.snapshot().offer = None;
        scene.snapshot().unanswered = Some("too large".into());
        scene.scheduler.clone()
    }] {
        scene.scheduler = scheduler;
        let d = scene.decide();
        assert_eq!((calls(&d).len(), unmarked(&d).len(), created(&d)), (0, 0, 0));
        assert_eq!(d.need, WorkersNeed::Offer.into());
    }
    assert_eq!(reason(&scene.decide(), conditions::SCALE_DOWN_BLOCKED).as_deref(), Some("NoOffer"));
}

/// Else `drainTimeout` would end workers that are wanted.
#[test]
fn who_is_wanted_again_stays_whether_the_scheduler_offers_or_not() {
    let (mut scene, victim) = after_an_absence(2);
    scene.snapshot().offer = None;
    scene.snapshot().unanswered = Some("too large".into());
    let d = scene.decide();
    assert_eq!((unmarked(&d), calls(&d).len()), (vec![format!("w{victim}")], 0));
}

#[test]
fn what_was_accepted_goes_on_however_old_the_mark_is() {
    let (mut scene, victim) = after_an_absence(2);
    scene.worker(victim).leaving = true;
    scene.snapshot().offer.as_mut().unwrap().addresses.remove(&address(victim));
    let d = scene.decide();
    assert_eq!((unmarked(&d).len(), calls(&d).len()), (0, 1), "there is no way back");
}

#[test]
fn a_mark_of_a_node_that_goes_needs_no_offer() {
    let (mut scene, victim) = after_an_absence(2);
    scene.threats.insert(format!("pod-uid-{victim}").into(), "karpenter.sh/disrupted".into());
    let d = scene.decide();
    assert_eq!((unmarked(&d).len(), calls(&d).len()), (0, 1));
}

#[test]
fn who_stays_and_was_told_to_leave_all_the_same_is_chosen_again() {
    let (mut scene, victim) = after_an_absence(2);
    scene.decide();
    scene.pods.iter_mut().for_each(|p| p.mark = None);
    scene.decide();
    scene.later(1);
    scene.worker(victim).leaving = true;
    assert_eq!(marks(&scene.decide()), [format!("w{victim}")], "an earlier call was carried out late");
}

/// The process that took the mark off was replaced before the answer came.
#[test]
fn who_was_told_to_leave_by_a_former_process_is_chosen_again() {
    let mut scene = Scene::new(2, 2);
    assert_eq!(scene.decide().need, WorkersNeed::Agents.into(), "a seldom reading is enough");
    scene.later(1);
    scene.worker(1).leaving = true;
    let d = scene.decide();
    assert_eq!((d.need, marks(&d)), (WorkersNeed::Registry.into(), vec!["w1".to_string()]));
    scene.later(300);
    let d = scene.decide();
    assert_eq!((d.need, marks(&d).len()), (SchedulerNeed::NONE, 0), "a call is over by then");
}

#[test]
fn an_answer_belongs_to_its_call() {
    let mut scene = Scene::new(1, 3);
    let d = scene.decide();
    scene.apply_marks(&d);
    let old = calls(&scene.decide())[0].clone();
    // The clock was set, and one of the two has gone meanwhile.
    scene.memory = PlannerState::default();
    scene.pods.retain(|p| p.name != marks(&d)[0]);
    let new = calls(&scene.decide())[0].clone();
    assert_ne!(old.addresses, new.addresses);
    scene.memory.retired(&old, Some(&BTreeSet::new()), scene.now);
    let d = scene.decide();
    assert_eq!((unmarked(&d).len(), calls(&d).len()), (0, 0), "the new call is still under way");
    scene.memory.retired(&new, Some(&new.addresses), scene.now);
    assert!(calls(&scene.decide()).is_empty(), "accepted");
}
