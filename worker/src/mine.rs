//! Which of a scheduler's workers are this pod's.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use dask_comm::{Identity, WorkerInfo, WorkerStatus};

use crate::leave::{Mine, Seen};

/// What tells a pod's workers from others.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Addresses at which its processes listen.
    pub addresses: BTreeSet<String>,
    /// The name that its worker was given.
    pub name: Option<String>,
}

impl Marks {
    /// From where the processes listen; where they do everywhere, workers give `own` as their address. `scheme` is that
    /// of their addresses.
    pub fn new(scheme: &str, listeners: &BTreeSet<SocketAddr>, own: IpAddr, name: Option<&str>) -> Self {
        let at =
            |l: &SocketAddr| SocketAddr::new(if l.ip().is_unspecified() { own } else { l.ip() }, l.port());
        let addresses = listeners.iter().map(|l| format!("{scheme}://{}", at(l))).collect();
        Self { addresses, name: name.map(String::from) }
    }

    /// Whether a worker is one of this pod's. Several processes of one command line have its name and a number.
    fn fit(&self, worker: &WorkerInfo) -> bool {
        let is_name = |name: &String| {
            let rest = worker.name.strip_prefix(name.as_str());
            rest.is_some_and(|r| {
                r.is_empty()
                    || r.strip_prefix('-')
                        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            })
        };
        self.addresses.contains(&worker.address) || self.name.as_ref().is_some_and(is_name)
    }
}

/// What an identity tells of this pod's workers and the others.
pub fn seen(identity: &Identity, marks: &Marks, p2p: bool) -> Seen {
    let leaves = |w: &WorkerInfo| matches!(w.status, WorkerStatus::ClosingGracefully | WorkerStatus::Closing);
    let (mine, peers): (Vec<_>, Vec<_>) = identity.workers.values().partition(|w| marks.fit(w));
    let mine = mine.into_iter().map(|w| Mine {
        address: w.address.clone(),
        leaving: leaves(w),
        busy: w.executing + w.long_running > 0,
        last_seen: w.last_seen,
    });
    let peers_leaving = peers.iter().filter(|w| leaves(w)).count();
    Seen { mine: mine.collect(), peers: peers.len(), peers_leaving, p2p }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(address: &str, name: &str) -> WorkerInfo {
        WorkerInfo { address: address.into(), name: name.into(), ..WorkerInfo::default() }
    }

    #[test]
    fn workers_are_known_by_port_or_name() {
        let listeners = ["0.0.0.0:40000", "127.77.0.1:9"].map(|a| a.parse().unwrap()).into();
        let marks = Marks::new("tcp", &listeners, "10.0.0.7".parse().unwrap(), Some("w-1"));
        assert!(marks.fit(&worker("tcp://10.0.0.7:40000", "other")));
        assert!(marks.fit(&worker("tcp://127.77.0.1:9", "other")));
        assert!(!marks.fit(&worker("tcp://10.0.0.8:40000", "other")), "another pod has that port too");
        assert!(marks.fit(&worker("tcp://1.1.1.1:1", "w-1")));
        assert!(marks.fit(&worker("tcp://1.1.1.1:1", "w-1-0")), "the first of several processes");
        for other in ["w-10", "w-1-", "w-1-x", "w"] {
            assert!(!marks.fit(&worker("tcp://1.1.1.1:1", other)), "{other}");
        }
    }

    #[test]
    fn six_is_written_in_brackets() {
        let marks = Marks::new("tls", &["[::]:1".parse().unwrap()].into(), "fd00::7".parse().unwrap(), None);
        assert_eq!(marks.addresses.into_iter().next().as_deref(), Some("tls://[fd00::7]:1"));
    }
}
