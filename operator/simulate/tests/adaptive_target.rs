//! The model of `adaptive_target` beside a real scheduler.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use dask_comm::{Demand, Work};
use dask_operator_simulate::{
    contender::adaptive_target::{Seen, Tasks},
    world::Measured,
};
use dask_test_cluster::{Cluster, open};

#[tokio::test]
async fn the_model_says_what_dask_2026_8_0_says() {
    let mut cluster = Cluster::start("2026.8.0").await;
    cluster.client.offer_demand().await.unwrap();
    assert_eq!(same(&mut cluster, "no work").await, 0);
    let gates: Vec<_> = ["unknown", "known"].map(|name| cluster.gate(name)).into();
    // Nothing is known of these: half a second each, then twice what the longest has taken.
    cluster.tell(&format!("hold 30 {}", gates[0].display()));
    cluster.target_when(|target| target > 6).await;
    assert!(same(&mut cluster, "unknown tasks").await > 6);
    cluster.tell("needs 5 TPU");
    assert!(same(&mut cluster, "tasks that no worker can run").await > 6);
    open(&gates[0]);
    cluster.tell("release");
    cluster.target_when(|target| target <= 2).await;
    // These are known to take about 0.4 s, and now do not end.
    cluster.tell("compute 6 0.4");
    cluster.tell("wait");
    cluster.tell(&format!("gated 250 {}", gates[1].display()));
    cluster.identity_when("both execute", |i| i.workers.values().all(|w| w.executing == 1)).await;
    assert!(same(&mut cluster, "known tasks, more than are looked at").await > 2);
    open(&gates[1]);
    cluster.tell("release");
    cluster.target_when(|target| target <= 2).await;
    same(&mut cluster, "no work any more").await;
}

/// Compares in a moment in which nothing changes but time, and answers the target.
async fn same(cluster: &mut Cluster, state: &str) -> usize {
    for _ in 0..200 {
        let before = cluster.client.demand().await.unwrap();
        let target = usize::try_from(cluster.client.adaptive_target().await.unwrap()).unwrap();
        let after = cluster.client.demand().await.unwrap();
        if counts(&before) != counts(&after) {
            continue;
        }
        let (least, most) = (seen(&before).target(), seen(&after).target());
        let bounds = least.min(most)..=least.max(most);
        assert!(
            bounds.contains(&target),
            "{state}: the scheduler says {target}, the model {bounds:?}: {after:?}"
        );
        return target;
    }
    panic!("{state}: it never rests");
}

fn counts(demand: &Demand) -> Vec<(String, u64, u64)> {
    let assigned = |w: &Work| w.assigned + w.running;
    demand.work.iter().map(|w| (w.prefix.clone(), w.queued + w.unrunnable, assigned(w))).collect()
}

fn seen(demand: &Demand) -> Seen {
    let number = |n: u64| usize::try_from(n).unwrap();
    let tasks = demand.work.iter().map(|w| Tasks {
        ready: number(w.queued + w.unrunnable),
        assigned: number(w.assigned + w.running),
        measured: Measured { average: w.seconds, longest: w.longest.filter(|l| *l > 0.0) },
    });
    // Two workers of one thread, with results that need neither.
    Seen {
        tasks: tasks.collect(),
        workers: 2,
        threads: 1,
        is_full: false,
        closable: demand.idle_workers.try_into().unwrap(),
    }
}
