//! What readiness costs a scheduler, and what it says.

use dask_comm::Value;

use super::*;
use crate::{
    fake_scheduler::{Fake, map},
    metrics::Metrics,
    nanny::Worker,
};

const ADDRESS: &str = "tcp://127.0.0.1:7";

/// A process that leads its session and listens.
struct Listener(std::process::Child);

impl Listener {
    fn start() -> (Self, Pid) {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::empty()).unwrap();
        let child = std::process::Command::new("setsid").args(["sleep", "60"]).spawn().unwrap();
        let pid = Pid::from_child(&child);
        while proc_session::members(pid).is_empty() {
            std::thread::yield_now();
        }
        (Self(child), pid)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A worker that gives a Service's address as its own, and is known by its name.
#[tokio::test]
async fn a_worker_is_found_by_its_name_and_then_left_alone() {
    let fake = Fake::start(|op, asked| match op {
        "ncores_running" => {
            let asks = dask_comm::field(asked, "workers").and_then(Value::as_array).unwrap();
            if asks.contains(&ADDRESS.into()) { map(&[(ADDRESS, 1.into())]) } else { map(&[]) }
        }
        _ => {
            let worker =
                map(&[("host", "127.0.0.1".into()), ("name", "w-1".into()), ("status", "running".into())]);
            map(&[("id", "s".into()), ("started", 0.into()), ("workers", map(&[(ADDRESS, worker)]))])
        }
    })
    .await;
    let (_listener, leader) = Listener::start();
    let (scheduler, metrics) = (fake.scheduler(), Metrics::new().unwrap());
    let mut part = metrics.registered();
    let watched = Watched { scheduler: Some(&scheduler), leader, name: Some("w-1") };
    let found = until(|| metrics.workers.get() == 1);
    tokio::select! {
        () = watch(watched, &mut part) => {}
        () = found => {}
    }
    assert_eq!((fake.connections(), fake.asked("identity")), (1, 1));
    assert_eq!(fake.asked("ncores_running"), 5, "four in vain");
}

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
        () = of_nanny(&scheduler, &mut seen, &mut part, 1.0) => {}
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
        () = of_nanny(&scheduler, &mut seen, &mut part, 0.001) => {}
        () = gone => {}
    }
    assert_eq!((fake.connections(), fake.asked("ncores_running")), (1, 1));
}
