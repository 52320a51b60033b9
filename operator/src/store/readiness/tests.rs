//! What is acted on, and what is kept of objects that cannot be read.

use std::collections::BTreeSet;

use dask_operator_core::{
    model::{
        object::{Cluster, Job, Object},
        pod::PodRecord,
        time::Timestamp,
    },
    protocol::expectations::{Expected, LIMIT},
};
use serde_json::json;
use tokio::time::advance;

use super::*;
use crate::store::{
    Waiting,
    sync_state::{Name, Open},
};

const ALL: [&str; 7] = [
    Clusters::PLURAL,
    Groups::PLURAL,
    Autoscalers::PLURAL,
    Jobs::PLURAL,
    Deployments::PLURAL,
    Services::PLURAL,
    Pods::PLURAL,
];

fn key() -> ObjectKey {
    ObjectKey::new("ns", "j")
}

fn meta(uid: &str) -> Meta {
    Meta { namespace: "ns".into(), name: "j".into(), uid: uid.into(), ..Meta::default() }
}

fn cluster(uid: &str) -> Cluster {
    let spec = json!({"worker": {"spec": {}}, "scheduler": {"spec": {}, "service": {}}});
    Object { meta: meta(uid), spec: serde_json::from_value(spec).unwrap(), status: Default::default() }
}

fn job() -> Job {
    let of_cluster = json!({"worker": {"spec": {}}, "scheduler": {"spec": {}, "service": {}}});
    let spec = json!({"job": {"spec": {}}, "cluster": {"spec": of_cluster}});
    Object { meta: meta("job"), spec: serde_json::from_value(spec).unwrap(), status: Default::default() }
}

fn unreadable(uid: &str) -> Unreadable {
    Unreadable { meta: meta(uid), error: "unknown variant".into() }
}

/// A state in which every watch is in sync.
fn in_sync() -> (State, Vec<Open>) {
    let state = State::default();
    let open = |r: &&'static str| {
        let name: Name = (r, None);
        state.views.watch_started(&name);
        state.views.list_completed(&name);
        state.views.opened(&name)
    };
    let open = ALL.iter().map(open).collect();
    (state, open)
}

#[tokio::test(start_paused = true)]
async fn what_rests_on_a_broken_watch_is_not_decided() {
    let (state, _open) = in_sync();
    state.views.failed(&(Pods::PLURAL, None));
    let of = |kind: fn(ObjectKey) -> ObjectRef| state.blind(&kind(key()));
    assert_eq!(of(ObjectRef::Job), None, "a renewal");
    advance(Duration::from_secs(11)).await;
    for kind in [ObjectRef::Cluster, ObjectRef::Group, ObjectRef::Autoscalers, ObjectRef::Job] {
        assert_eq!(of(kind), Some(StaleView::OutOfSync(vec!["pods"])));
    }
    let (state, _open) = in_sync();
    state.views.failed(&(Services::PLURAL, None));
    advance(Duration::from_secs(11)).await;
    assert!(state.blind(&ObjectRef::Cluster(key())).is_some());
    assert_eq!(state.blind(&ObjectRef::Group(key())), None, "it does not look at Services");
}

/// A pod that was made while pods are not seen is expected for as long as they are not.
#[tokio::test(start_paused = true)]
async fn own_writes_are_waited_for_until_the_watch_is_back() {
    let (mut state, _open) = in_sync();
    state.apply::<Clusters>(&key(), cluster("c"));
    let subject = ObjectRef::Cluster(key());
    let pod = ObjectKey::new("ns", "pod");
    let waiting = Waiting { subject: &subject, uid: &"c".into(), now: Timestamp(0) };
    state.expect::<Pods>(waiting, &pod, &"p".into(), Expected::Version("9".into()));
    state.views.failed(&(Pods::PLURAL, None));
    advance(Duration::from_secs(1800)).await;
    assert_eq!(state.wait(&subject, Timestamp(1_800_000)), Some(LIMIT));
    let _open = state.views.opened(&(Pods::PLURAL, None));
    advance(Duration::from_secs(3)).await;
    assert!(state.wait(&subject, Timestamp(1_803_000)).is_some());
    state.apply::<Pods>(&pod, PodRecord::default());
    advance(LIMIT).await;
    assert_eq!(state.wait(&subject, Timestamp(1_983_000)), None, "a missed event stops nothing for ever");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_keeps_its_last_record() {
    let (mut state, _open) = in_sync();
    state.apply::<Clusters>(&key(), cluster("c"));
    let enqueue_after = state.mark_unreadable::<Clusters>(&key(), unreadable("c"));
    assert_eq!(enqueue_after, [ObjectRef::Cluster(key())].into());
    assert!(state.cache.clusters.contains_key(&key()));
    assert!(state.unreadable(&ObjectRef::Cluster(key())).is_some());
    assert_eq!(state.blind(&ObjectRef::Job(key())), None, "the job goes by what is known");
    state.retain::<Clusters>(None, &[key()].into());
    assert!(state.unreadable(&ObjectRef::Cluster(key())).is_some(), "it was listed");
    state.retain::<Jobs>(None, &BTreeSet::new());
    assert!(state.unreadable(&ObjectRef::Cluster(key())).is_some(), "another kind was listed");
    state.apply::<Clusters>(&key(), cluster("c"));
    assert!(state.unreadable(&ObjectRef::Cluster(key())).is_none(), "it can be read again");
}

#[tokio::test(start_paused = true)]
async fn what_never_could_be_read_is_not_missing() {
    let (mut state, _open) = in_sync();
    state.apply::<Jobs>(&key(), job());
    state.mark_unreadable::<Clusters>(&key(), unreadable("c"));
    let blind = StaleView::Unreadable { kind: "DaskCluster", name: "j".into() };
    assert_eq!(state.blind(&ObjectRef::Job(key())), Some(blind));
    state.forget();
    assert!(state.blind(&ObjectRef::Job(key())).is_some(), "also in a new term");
    state.retain::<Clusters>(None, &BTreeSet::new());
    assert_eq!(state.blind(&ObjectRef::Job(key())), None, "now it is missing");
}

#[tokio::test(start_paused = true)]
async fn another_object_of_that_name_replaces_what_was_known() {
    let (mut state, _open) = in_sync();
    state.apply::<Clusters>(&key(), cluster("old"));
    state.mark_unreadable::<Clusters>(&key(), unreadable("new"));
    assert!(!state.cache.clusters.contains_key(&key()), "the old one is gone");
    assert!(state.blind(&ObjectRef::Job(key())).is_some());
    state.remove::<Clusters>(&key());
    assert_eq!(state.blind(&ObjectRef::Job(key())), None);
}
