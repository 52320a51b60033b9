//! What is learned of pods that become ready.

use super::*;
use crate::{
    model::{pod::PodRecord, scheduler::SchedulerState, time::Timestamp},
    worker_group::testing::{self, T0},
};

/// A pod of this number that was ready after so many seconds, if it is.
fn pod(number: u8, seconds: Option<u64>) -> PodRecord {
    let ready_since = seconds.map(|s| T0.plus(Duration::from_secs(s)));
    PodRecord { created: T0, ready_since, ..testing::pod(&number.to_string(), number) }
}

fn observe(startups: &mut Startups, pods: &[PodRecord], told: Option<u64>) -> Option<u64> {
    let (group, pods): (_, Vec<&PodRecord>) = (testing::group("g", 1), pods.iter().collect());
    let groups = [Workers { group: &group, pods: &pods }];
    let scheduler = SchedulerState::Unknown;
    let (autoscalers, cluster, now): (&[&Autoscaler], _, _) = (&[], None, Timestamp(0));
    let input =
        Input { autoscalers, cluster, groups: &groups, scheduler: &scheduler, default_maximum: 1, now };
    startups.observe(&input, |_| told.map(Duration::from_secs));
    startups.known(&group.meta.uid).map(|d| d.as_secs())
}

#[test]
fn the_one_in_the_middle_counts_and_each_pod_once() {
    let mut startups = Startups::default();
    assert_eq!(observe(&mut startups, &[pod(1, None)], None), None);
    assert_eq!(startups.of(&"group-uid".into()), UNKNOWN);
    assert_eq!(observe(&mut startups, &[pod(1, Some(8))], None), Some(8));
    assert_eq!(
        observe(&mut startups, &[pod(1, Some(500)), pod(2, Some(10)), pod(3, Some(90))], None),
        Some(10)
    );
    assert_eq!(observe(&mut startups, &[pod(4, Some(9_000))], None), Some(10), "something was wrong with it");
    let many: Vec<_> = (10..40).map(|n| pod(n, Some(30))).collect();
    assert_eq!(observe(&mut startups, &many, None), Some(30), "the last ones count");
    assert!(startups.0["group-uid"].took.len() <= LAST);
}

#[test]
fn what_was_told_counts_for_a_process_that_has_seen_nothing() {
    let mut startups = Startups::default();
    assert_eq!(observe(&mut startups, &[pod(1, Some(600))], Some(20)), Some(20));
    let seen = [pod(1, Some(600)), pod(2, Some(30)), pod(3, Some(31))];
    assert_eq!(observe(&mut startups, &seen, Some(20)), Some(30));
}
