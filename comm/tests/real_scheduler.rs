//! The client against real schedulers of the oldest, newest and two versions between.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

use dask_comm::{CommError, DistributedVersion, Work, WorkerStatus};
use dask_test_cluster::{Cluster, named, open};
use std::collections::BTreeSet;

#[tokio::test]
async fn dask_2024_1_0() {
    every_operation("2024.1.0").await;
}

#[tokio::test]
async fn dask_2024_12_1() {
    every_operation("2024.12.1").await;
}

#[tokio::test]
async fn dask_2025_7_0() {
    every_operation("2025.7.0").await;
}

#[tokio::test]
async fn dask_2026_8_0() {
    every_operation("2026.8.0").await;
}

/// One cluster for all: starting one is most of the time, and each part leaves it as the next needs it.
async fn every_operation(version: &str) {
    let mut cluster = Cluster::start(version).await;
    assert_eq!(cluster.client.versions().await.unwrap(), DistributedVersion::parse(version));
    fresh_cluster(&mut cluster).await;
    load(&mut cluster).await;
    demand(&mut cluster).await;
    keys_that_are_no_texts(&mut cluster).await;
    p2p(&mut cluster, "rechunk").await;
    p2p(&mut cluster, "shuffle").await;
    drain_and_remove(&mut cluster).await;
    last_worker_stays(&mut cluster).await;
}

async fn fresh_cluster(cluster: &mut Cluster) {
    let identity = cluster
        .identity_when("running", |i| i.workers.values().all(|w| w.status == WorkerStatus::Running))
        .await;
    assert!(identity.id.starts_with("Scheduler-"), "{}", identity.id);
    let names: BTreeSet<&str> = identity.workers.values().map(|w| w.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["7", "w0"]), "an integer name is a text");
    for (address, worker) in &identity.workers {
        assert_eq!((address, worker.host.as_str()), (&worker.address, "127.0.0.1"));
        assert_eq!((worker.nthreads, worker.memory_limit, worker.nanny.as_deref()), (1, 512 << 20, None));
        assert_eq!((worker.executing, worker.in_memory, worker.managed_bytes), (0, 0, 0));
        assert!((10 << 20..1 << 30).contains(&worker.rss_bytes), "{}", worker.rss_bytes);
        assert!(worker.last_seen >= identity.started && identity.started > 1.7e9, "{identity:?}");
    }
    let since = cluster.idle().await;
    assert!(since >= identity.started, "{since}");
    assert_eq!(cluster.client.check_idle().await.unwrap(), Some(since));
    assert_eq!(cluster.client.adaptive_target().await.unwrap(), 0, "nothing to do");
    assert!(!cluster.client.p2p_active().await.unwrap());
}

async fn load(cluster: &mut Cluster) {
    let gate = cluster.gate("load");
    cluster.tell(&format!("hold 200 {}", gate.display()));
    let identity =
        cluster.identity_when("both execute", |i| i.workers.values().all(|w| w.executing == 1)).await;
    let addresses: Vec<String> = identity.workers.keys().cloned().collect();

    // 200 tasks of half a second, it believes, in 5 seconds: 20 workers.
    cluster.target_when(|target| target >= 10).await;
    assert_eq!(cluster.client.check_idle().await.unwrap(), None);
    // What is not told with the keys of the tasks: a heartbeat counts those that wait for their turn too.
    cluster.identity_when("both have tasks", |i| i.workers.values().all(|w| w.assigned >= 1)).await;

    let closable = cluster.client.workers_to_close(1).await.unwrap();
    assert!(closable.len() == 1 && addresses.contains(&closable[0]), "{closable:?}");
    assert_eq!(cluster.client.workers_to_close(5).await.unwrap().len(), 2);
    assert!(cluster.client.workers_to_close(0).await.unwrap().is_empty());

    open(&gate);
    assert_eq!(cluster.tell("wait"), 200);
    let identity = cluster
        .identity_when("results are reported", |i| {
            i.workers.values().map(|w| w.in_memory).sum::<u64>() == 200
        })
        .await;
    assert!(
        identity.workers.values().map(|w| w.managed_bytes).sum::<u64>() >= 200 * 28,
        "an int is 28 bytes"
    );
    cluster.tell("release");
    cluster.identity_when("results are gone", |i| i.workers.values().all(|w| w.in_memory == 0)).await;
}

/// Tasks by what they need and by what keeps them: two run, the others wait for a thread, for a worker with a TPU, or for
/// their turn.
async fn demand(cluster: &mut Cluster) {
    let missing = cluster.client.demand().await;
    assert!(matches!(missing, Err(CommError::Unsupported { .. })), "{missing:?}");
    for _ in 0..2 {
        cluster.client.offer_demand().await.unwrap();
    }
    let none = cluster.client.demand().await.unwrap();
    assert!(none.work.is_empty() && none.is_exact, "{none:?}");
    assert_eq!((none.idle_workers, none.threads, none.clients), (2, 2, 1));

    let gate = cluster.gate("demand");
    // Tasks of the kind that will need a TPU, so that it is known how long they take.
    cluster.tell("compute 2 0.2");
    assert_eq!(cluster.tell("wait"), 2);
    cluster.tell(&format!("hold 20 {}", gate.display()));
    cluster.tell("needs 3 TPU");
    // Not by what the workers last told in all: that may be of the tasks before.
    let demand = cluster.demand_when(|work| work.prefix.starts_with("hold") && work.running == 2).await;
    let of = |is_plain: bool| {
        let of_shape = |w: &&Work| demand.shapes[w.shape].resources.is_empty() == is_plain;
        demand.work.iter().filter(of_shape).cloned().collect::<Vec<_>>()
    };
    let (plain, tpu) = (of(true), of(false));
    assert_eq!((plain.len(), tpu.len()), (1, 1), "{demand:?}");
    let plain = &plain[0];
    assert!(plain.prefix.starts_with("hold"), "{demand:?}");
    assert_eq!((plain.running, plain.running + plain.assigned + plain.queued), (2, 20), "{demand:?}");
    assert_eq!((tpu[0].unrunnable, tpu[0].queued), (3, 0), "{demand:?}");
    let shape = &demand.shapes[tpu[0].shape];
    assert_eq!((shape.resources.as_slice(), &shape.served_by), (&[("TPU".into(), 1.0)][..], &None));
    assert!(demand.shapes[plain.shape].served_by.is_some() && demand.is_exact && demand.idle_workers == 0);
    assert!(plain.seconds.is_none(), "none is done");
    assert!(tpu[0].seconds.is_some_and(|s| (0.2..1.0).contains(&s)), "{demand:?}");
    open(&gate);
    cluster.tell("release");
    cluster.identity_when("nothing runs", |i| i.workers.values().all(|w| w.assigned == 0)).await;
}

async fn keys_that_are_no_texts(cluster: &mut Cluster) {
    cluster.tell("tuple_key");
    assert_eq!(cluster.tell("wait"), 1);
    cluster.identity_when("one result", |i| i.workers.values().any(|w| w.in_memory == 1)).await;
    cluster.identity_when("nothing to run", |i| i.workers.values().all(|w| w.assigned == 0)).await;
    cluster.tell("release");
}

async fn p2p(cluster: &mut Cluster, operation: &str) {
    let gate = cluster.gate(operation);
    assert!(!cluster.client.p2p_active().await.unwrap(), "before {operation}");
    cluster.tell(&format!("{operation} {}", gate.display()));
    cluster.p2p_when(true).await;
    // One input is held back, so that it cannot have ended.
    cluster.identity_when("the gate is waited for", |i| i.workers.values().any(|w| w.executing == 1)).await;
    assert!(cluster.client.p2p_active().await.unwrap(), "during {operation}");
    open(&gate);
    assert_eq!(cluster.tell("wait"), 1);
    cluster.p2p_when(false).await;
    cluster.tell("release");
}

async fn drain_and_remove(cluster: &mut Cluster) {
    let identity = cluster.client.identity().await.unwrap();
    let leaving = named(&identity, "w0").address.clone();
    let staying = named(&identity, "7").address.clone();
    cluster.tell(&format!("pin kept {leaving}"));

    let unknown = ["tcp://127.0.0.1:1".to_owned()];
    assert!(cluster.client.retire_workers(&unknown, true, true).await.unwrap().is_empty());
    assert!(cluster.client.retire_workers(&[], true, true).await.unwrap().is_empty());
    assert_eq!(cluster.client.identity().await.unwrap().workers.len(), 2, "no worker was asked to go");

    let one = std::slice::from_ref(&leaving);
    let accepted = BTreeSet::from([leaving.clone()]);
    assert_eq!(cluster.client.retire_workers(one, false, false).await.unwrap(), accepted);
    let identity = cluster.client.identity().await.unwrap();
    assert_eq!(identity.workers[&leaving].status, WorkerStatus::ClosingGracefully);
    assert_eq!(identity.workers[&staying].status, WorkerStatus::Running);
    cluster.identity_when("the data has moved", |i| i.workers[&staying].in_memory == 1).await;

    assert_eq!(cluster.client.retire_workers(one, true, true).await.unwrap(), accepted);
    cluster.identity_when("it is gone", |i| i.workers.keys().eq([&staying])).await;
}

async fn last_worker_stays(cluster: &mut Cluster) {
    let identity = cluster.client.identity().await.unwrap();
    let last = named(&identity, "7").address.clone();
    for (close, remove) in [(false, false), (true, true)] {
        // It holds the only copy of what was pinned.
        let accepted =
            cluster.client.retire_workers(std::slice::from_ref(&last), close, remove).await.unwrap();
        assert_eq!(accepted, BTreeSet::new());
        cluster
            .identity_when("it is running again", |i| i.workers[&last].status == WorkerStatus::Running)
            .await;
    }
    assert_eq!(cluster.tell("wait"), 1);
}
