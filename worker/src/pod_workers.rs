//! Which of a scheduler's workers are this pod's.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr, UdpSocket},
};

use dask_comm::{Identity, WorkerInfo, WorkerStatus};

use crate::drain_plan::{PodWorker, Seen};

/// Addresses to which nothing is sent: asking the system for the way there tells which of our own it would use
/// (documentation's networks, RFC 5737 and 3849).
const ANYWHERE: [(&str, &str); 2] = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];

/// Our own addresses: the one that the scheduler sees, and one of each family. A worker prefers IPv4 where it has both,
/// whichever the scheduler is reached by.
pub fn own_addresses(seen_by_scheduler: Option<IpAddr>) -> Vec<IpAddr> {
    let of_family = ANYWHERE.iter().filter_map(|(from, to)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip().to_canonical())
    });
    seen_by_scheduler.into_iter().chain(of_family).collect()
}

/// What tells a pod's workers from others.
#[derive(Clone, Debug, Default)]
pub struct PodIdentity {
    /// Addresses at which its processes listen.
    pub addresses: BTreeSet<String>,
    /// Our own addresses.
    own: BTreeSet<IpAddr>,
    /// The name that its worker was given.
    name: Option<String>,
}

impl PodIdentity {
    /// From where the processes listen; where they do everywhere, workers give one of `own` as their address. `scheme` is
    /// that of their addresses.
    pub fn new(scheme: &str, listeners: &BTreeSet<SocketAddr>, own: &[IpAddr], name: Option<&str>) -> Self {
        let at = |l: &SocketAddr| {
            let ips = if l.ip().is_unspecified() { own.to_vec() } else { vec![l.ip()] };
            ips.into_iter().map(|ip| SocketAddr::new(ip, l.port())).collect::<Vec<_>>()
        };
        let addresses = listeners.iter().flat_map(at).map(|at| format!("{scheme}://{at}")).collect();
        Self { addresses, own: own.iter().copied().collect(), name: name.map(String::from) }
    }

    /// Those of the workers that are this pod's: by their address, or by their name. A name counts with one of our own
    /// addresses; without, only where it is just this name (a worker may give a Service's address as its own) and none was found
    /// by its address. Names of other pods may begin with ours.
    fn pick<'i>(&self, identity: &'i Identity) -> (Vec<&'i WorkerInfo>, Vec<&'i WorkerInfo>) {
        let is_here = |w: &WorkerInfo| self.addresses.contains(&w.address);
        let nothing_here = !identity.workers.values().any(is_here);
        let is_own_ip = |w: &WorkerInfo| ip(&w.address).is_some_and(|ip| self.own.contains(&ip));
        let is_ours = |w: &WorkerInfo| match self.suffix(w) {
            _ if is_here(w) => true,
            Some(suffix) => (suffix.is_empty() && nothing_here) || is_own_ip(w),
            None => false,
        };
        identity.workers.values().partition(|w| is_ours(w))
    }

    /// What a worker's name has behind ours: nothing, or a number. Several processes of one command line have one each.
    fn suffix<'w>(&self, worker: &'w WorkerInfo) -> Option<&'w str> {
        let rest = worker.name.strip_prefix(self.name.as_deref()?)?;
        let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        (rest.is_empty() || rest.strip_prefix('-').is_some_and(is_number)).then_some(rest)
    }
}

/// The IP of a worker's address; `None`: it is a name.
pub fn ip(address: &str) -> Option<IpAddr> {
    let (_, at) = address.split_once("://")?;
    Some(at.parse::<SocketAddr>().ok()?.ip().to_canonical())
}

/// Addresses of this pod's workers.
pub fn addresses(identity: &Identity, marks: &PodIdentity) -> Vec<String> {
    marks.pick(identity).0.into_iter().map(|w| w.address.clone()).collect()
}

/// What an identity tells of this pod's workers and the others.
pub fn seen(identity: &Identity, marks: &PodIdentity) -> Seen {
    let (mine, peers) = marks.pick(identity);
    let mine = mine.into_iter().map(|w| PodWorker {
        address: w.address.clone(),
        leaving: matches!(w.status, WorkerStatus::ClosingGracefully | WorkerStatus::Closing),
        busy: w.executing + w.long_running > 0,
        holds: w.in_memory > 0,
        last_seen: w.last_seen,
    });
    let recipients = peers.iter().filter(|w| w.status == WorkerStatus::Running).count();
    Seen { scheduler: identity.id.clone(), mine: mine.collect(), recipients, takes_part: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(address: &str, name: &str) -> WorkerInfo {
        WorkerInfo { address: address.into(), name: name.into(), ..WorkerInfo::default() }
    }

    /// Names of those of the workers that are ours.
    fn ours(marks: &PodIdentity, workers: &[(&str, &str)]) -> Vec<String> {
        let workers = workers.iter().map(|(a, n)| ((*a).to_owned(), worker(a, n))).collect();
        let identity = Identity { workers, ..Identity::default() };
        marks.pick(&identity).0.into_iter().map(|w| w.name.clone()).collect()
    }

    fn marks() -> PodIdentity {
        let listeners = ["0.0.0.0:40000", "127.77.0.1:9"].map(|a| a.parse().unwrap()).into();
        PodIdentity::new("tcp", &listeners, &["10.0.0.7".parse().unwrap()], Some("w-1"))
    }

    #[test]
    fn workers_are_known_by_port() {
        let there = [
            ("tcp://10.0.0.7:40000", "a"),
            ("tcp://127.77.0.1:9", "b"),
            // Another pod has that port too.
            ("tcp://10.0.0.8:40000", "c"),
        ];
        assert_eq!(ours(&marks(), &there), ["a", "b"]);
    }

    #[test]
    fn a_name_counts_at_our_own_address_or_alone() {
        assert_eq!(ours(&marks(), &[("tcp://1.1.1.1:1", "w-1")]), ["w-1"], "a Service's address");
        let both = [("tcp://1.1.1.1:1", "w-1"), ("tcp://10.0.0.7:40000", "w-1-0")];
        assert_eq!(ours(&marks(), &both), ["w-1-0"], "ours was found by its port");
        let numbers =
            [("tcp://10.0.0.7:1", "w-1-0"), ("tcp://10.0.0.7:2", "w-1-x"), ("tcp://10.0.0.7:3", "w-10")];
        assert_eq!(ours(&marks(), &numbers), ["w-1-0"]);
    }

    #[test]
    fn workers_of_other_pods_are_not_ours_whatever_their_names() {
        let others = [("tcp://10.0.0.8:1", "w-1-0"), ("tcp://10.0.0.9:1", "w-1-17"), ("tcp://s:1", "w-1-2")];
        assert_eq!(ours(&marks(), &others), [""; 0]);
    }

    #[test]
    fn six_is_written_in_brackets_and_a_worker_may_have_either_address() {
        let own = ["fd00::7", "10.0.0.7"].map(|ip| ip.parse().unwrap());
        let marks = PodIdentity::new("tls", &["[::]:1".parse().unwrap()].into(), &own, None);
        let addresses: Vec<_> = marks.addresses.iter().map(String::as_str).collect();
        assert_eq!(addresses, ["tls://10.0.0.7:1", "tls://[fd00::7]:1"]);
    }
}
