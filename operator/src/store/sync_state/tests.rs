//! Watches that break, are renewed, and list anew.

use futures::FutureExt;
use tokio::time::advance;

use super::*;

const PODS: &str = "pods";

fn name() -> Name {
    (PODS, None)
}

/// A watch that is in sync.
fn watching() -> (SyncStates, Open) {
    let views = SyncStates::default();
    views.watch_started(&name());
    views.list_completed(&name());
    let open = views.opened(&name());
    (views, open)
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn a_renewal_is_no_break() {
    let (views, open) = watching();
    advance(seconds(120)).await;
    drop(open);
    advance(seconds(9)).await;
    assert_eq!(views.in_sync_for(PODS, "ns"), Some(seconds(129)));
    let _open = views.opened(&name());
    advance(seconds(120)).await;
    assert_eq!(views.in_sync_for(PODS, "ns"), Some(seconds(249)));
    assert!(views.broken().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_break_it_is_believed_when_it_has_caught_up() {
    let (views, open) = watching();
    drop(open);
    advance(seconds(11)).await;
    assert_eq!(views.in_sync_for(PODS, "ns"), None);
    assert_eq!(views.by_resource(), [(PODS, false)].into());
    advance(seconds(60)).await;
    assert_eq!(views.broken(), ["watch pods, out of sync for 71 s"]);
    let _open = views.opened(&name());
    assert_eq!(views.in_sync_for(PODS, "ns"), None, "what it missed has not arrived");
    advance(CATCH_UP).await;
    assert_eq!(views.in_sync_for(PODS, "ns"), Some(Duration::ZERO));
    advance(seconds(5)).await;
    assert_eq!(views.in_sync_for(PODS, "ns"), Some(seconds(5)), "counted from then");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_complete_is_believed_at_once_and_not_for_long() {
    let views = SyncStates::default();
    views.watch_started(&name());
    advance(seconds(60)).await;
    assert_eq!(views.in_sync_for(PODS, "ns"), None);
    views.list_completed(&name());
    assert_eq!(views.in_sync_for(PODS, "ns"), Some(Duration::ZERO));
    advance(seconds(11)).await;
    assert_eq!(views.in_sync_for(PODS, "ns"), None, "there is no connection");
}

#[tokio::test(start_paused = true)]
async fn a_failure_or_a_new_list_breaks_it() {
    for breaks in [SyncStates::failed, SyncStates::list_started] {
        let (views, _open) = watching();
        breaks(&views, &name());
        advance(seconds(11)).await;
        assert_eq!(views.in_sync_for(PODS, "ns"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_listed_before_another_process_ended_is_not_believed() {
    let (views, _open) = watching();
    advance(seconds(1)).await;
    assert!(views.must_relist(&name()).now_or_never().is_none() && !views.is_relisting());
    views.relist_from_before(Instant::now());
    assert!(views.must_relist(&name()).now_or_never().is_some() && views.is_relisting());
    assert_eq!(views.in_sync_for(PODS, "ns"), None);
    assert_eq!(views.by_resource(), [(PODS, false)].into());
    views.list_started(&name());
    assert!(views.is_relisting(), "it is at it");
    assert_eq!(views.in_sync_for(PODS, "ns"), None, "it still shows what it showed");
    views.list_completed(&name());
    assert!(!views.is_relisting());
    assert!(views.in_sync_for(PODS, "ns").is_some());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_old_connection_says_nothing_of_the_next() {
    let (views, old) = watching();
    let _new = views.opened(&name());
    drop(old);
    advance(seconds(11)).await;
    assert_eq!(views.in_sync_for(PODS, "ns"), Some(seconds(11)));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_see_nodes_is_ready_all_the_same() {
    let (views, _open) = watching();
    views.watch_started(&("nodes", None));
    advance(UNREADY * 2).await;
    assert!(views.broken().is_empty());
    assert_eq!(views.by_resource(), [("nodes", false), (PODS, true)].into());
}

#[tokio::test(start_paused = true)]
async fn each_namespace_has_its_own() {
    let views = SyncStates::default();
    let (a, b) = ((PODS, Some("a".to_string())), (PODS, Some("b".to_string())));
    for name in [&a, &b] {
        views.watch_started(name);
        views.list_completed(name);
    }
    let _open = views.opened(&a);
    advance(seconds(11)).await;
    assert!(views.in_sync_for(PODS, "a").is_some() && views.in_sync_for(PODS, "b").is_none());
    assert_eq!(views.in_sync_for("nodes", ""), Some(Duration::MAX), "not watched");
    assert_eq!(views.by_resource(), [(PODS, false)].into());
}
