//! What readiness costs a scheduler, and what it says.

use dask_comm::Value;

use super::*;
use crate::{
    fake_scheduler::{Fake, map, until},
    metrics::Metrics,
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
