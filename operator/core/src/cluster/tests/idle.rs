//! `idleTimeout`: only an idle scheduler's own word deletes a cluster.

use std::sync::Arc;

use super::*;
use crate::{
    model::scheduler::{Idle, Snapshot},
    plan::scheduler_need::SchedulerNeed,
};

/// A running cluster whose scheduler said this, a moment ago.
fn scene(idle: Option<Idle>, last_busy: Option<Timestamp>) -> Scene {
    let mut scene = Scene::running();
    scene.cluster.spec.idle_timeout = 600;
    scene.now = T0.plus(Duration::from_secs(10_000));
    let snapshot =
        Snapshot { idle, last_busy, at: scene.now, read: scene.now, started: T0, ..Snapshot::default() };
    scene.scheduler = SchedulerState::Known(Arc::new(snapshot));
    scene
}

fn ago(seconds: u64) -> Timestamp {
    Timestamp(T0.plus(Duration::from_secs(10_000 - seconds)).0)
}

fn is_deleted(d: &Decision<DaskClusterStatus>) -> bool {
    d.actions.iter().any(|a| matches!(a, Action::Delete { kind: Kind::Cluster, .. }))
}

#[test]
fn it_goes_when_the_time_is_over_and_not_before() {
    let d = scene(Some(Idle::Since(ago(599))), Some(T0)).decide();
    assert!(!is_deleted(&d));
    assert_eq!((d.need, d.requeue), (SchedulerNeed::IDLE, Some(Duration::from_secs(1))));
    assert!(conditions::holds(&d.status.conditions, conditions::IDLE));
    let d = scene(Some(Idle::Since(ago(600))), Some(T0)).decide();
    assert!(is_deleted(&d));
    assert!(d.actions.iter().any(|a| matches!(a, Action::Event(e) if e.reason == "IdleTimeout")));
}

#[test]
fn null_means_busy_and_silence_means_nothing() {
    assert!(!is_deleted(&scene(Some(Idle::Busy), None).decide()));
    assert!(!is_deleted(&scene(None, None).decide()));
    let mut silent = scene(Some(Idle::Since(ago(9_000))), Some(T0));
    silent.scheduler = SchedulerState::Unreachable { why: "x".into() };
    assert!(!is_deleted(&silent.decide()));
    let mut old = scene(Some(Idle::Since(ago(9_000))), Some(T0));
    old.now = old.now.plus(Duration::from_secs(31));
    assert!(!is_deleted(&old.decide()), "an old reading says nothing about now");
}

#[test]
fn a_clock_that_runs_behind_deletes_nothing_early() {
    assert!(!is_deleted(&scene(Some(Idle::Since(ago(4_000))), Some(ago(5))).decide()));
    // Older than its pod: an hour behind.
    let mut behind = scene(Some(Idle::Since(ago(4_000))), Some(T0));
    let mut pod = testing::pod("c-scheduler-x", 1);
    pod.created = T0.plus(Duration::from_secs(3_600));
    behind.pods.push(pod);
    assert!(!is_deleted(&behind.decide()));
}

#[test]
fn only_a_reading_after_the_end_of_the_time_counts() {
    let mut scene = scene(Some(Idle::Since(ago(598))), Some(T0));
    scene.now = scene.now.plus(Duration::from_secs(4));
    assert!(!is_deleted(&scene.decide()), "a client may have come since");
}

#[test]
fn a_jobs_cluster_stays_while_its_program_thinks() {
    let mut scene = scene(Some(Idle::Since(ago(9_000))), Some(T0));
    scene.cluster.meta.owners = vec![crate::model::owner::Owner::controller("DaskJob", "j", "u")];
    assert!(!is_deleted(&scene.decide()));
}

#[test]
fn without_a_timeout_nothing_is_asked() {
    let mut scene = scene(Some(Idle::Since(ago(9_000))), Some(T0));
    scene.cluster.spec.idle_timeout = 0;
    let d = scene.decide();
    assert_eq!((d.need, is_deleted(&d)), (SchedulerNeed::NONE, false));
}

#[test]
fn a_process_deletes_nothing_that_it_has_not_watched() {
    assert!(
        !is_deleted(&scene(Some(Idle::Since(ago(9_000))), None).decide()),
        "by another process' word alone"
    );
    assert!(!is_deleted(&scene(Some(Idle::Since(ago(9_000))), Some(ago(599))).decide()));
    assert!(is_deleted(&scene(Some(Idle::Since(ago(9_000))), Some(ago(600))).decide()));
}

#[test]
fn it_goes_only_as_it_was_read() {
    let mut scene = scene(Some(Idle::Since(ago(600))), Some(T0));
    scene.cluster.meta.resource_version = "7".into();
    let d = scene.decide();
    let versions: Vec<_> = d
        .actions
        .iter()
        .filter_map(|a| match a {
            Action::Delete { resource_version, .. } => Some(resource_version.as_deref()),
            _ => None,
        })
        .collect();
    assert_eq!(versions, [Some("7")], "a user may have set spec.idleTimeout to 0");
}
