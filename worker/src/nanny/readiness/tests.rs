//! What readiness costs a scheduler where the agent is the nanny.

use super::*;
use crate::{
    fake_scheduler::{Fake, map, until},
    metrics::Metrics,
    nanny::Worker,
};

const ADDRESS: &str = "tcp://127.0.0.1:7";

/// A worker that is paused is registered, and takes no tasks.
#[tokio::test]
async fn the_nanny_hears_of_its_worker_without_a_question() {
    let fake = Fake::start(|_, _| map(&[])).await;
    let (scheduler, metrics) = (fake.scheduler(), Metrics::new().unwrap());
    let (now, mut seen) = tokio::sync::watch::channel(Now::default());
    let mut part = metrics.registered();
    let there = async {
        let worker = Worker { address: ADDRESS.into(), ..Worker::default() };
        now.send_modify(|now| now.worker = Some(worker));
        until(|| metrics.workers.get() == 1).await;
        now.send_modify(|now| now.worker = None);
        until(|| metrics.workers.get() == 0).await;
    };
    tokio::select! {
        () = watch(&scheduler, &mut seen, &mut part, 1.0) => {}
        () = there => {}
    }
    assert_eq!((fake.connections(), fake.asked("ncores_running")), (0, 0));
}

#[tokio::test]
async fn a_worker_that_is_gone_is_noticed_when_it_is_asked_for() {
    let fake = Fake::start(|_, _| map(&[])).await;
    let (scheduler, metrics) = (fake.scheduler(), Metrics::new().unwrap());
    scheduler.conversation().await.unwrap();
    let worker = Some(Worker { address: ADDRESS.into(), ..Worker::default() });
    let (_now, mut seen) = tokio::sync::watch::channel(Now { worker, ..Now::default() });
    let mut part = metrics.registered();
    let gone = async {
        until(|| metrics.workers.get() == 1).await;
        until(|| metrics.workers.get() == 0).await;
    };
    tokio::select! {
        () = watch(&scheduler, &mut seen, &mut part, 0.001) => {}
        () = gone => {}
    }
    assert_eq!((fake.connections(), fake.asked("ncores_running")), (1, 1));
}
