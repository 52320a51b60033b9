//! What `/proc` tells of a session: its processes, and the ports they listen at.

use std::{collections::BTreeSet, net::SocketAddr};

use procfs::{
    net::{TcpNetEntry, TcpState},
    process::{FDTarget, Process, all_processes},
};
use rustix::process::Pid;

/// The processes of a session.
pub fn members(leader: Pid) -> Vec<Pid> {
    processes(leader).filter_map(|process| Pid::from_raw(process.pid())).collect()
}

/// Addresses that processes of these sessions listen at.
pub fn listeners(leaders: &[Pid]) -> BTreeSet<SocketAddr> {
    let inodes: BTreeSet<u64> =
        leaders.iter().flat_map(|l| processes(*l)).flat_map(|p| sockets(&p)).collect();
    let tables = [procfs::net::tcp(), procfs::net::tcp6()].into_iter().flatten().flatten();
    tables.filter(|e| e.state == TcpState::Listen && inodes.contains(&e.inode)).map(|e| address(&e)).collect()
}

fn processes(leader: Pid) -> impl Iterator<Item = Process> {
    let of_session = move |process: &Process| {
        process.stat().is_ok_and(|stat| stat.session == leader.as_raw_nonzero().get())
    };
    all_processes().into_iter().flatten().flatten().filter(of_session)
}

/// Inodes of a process's sockets.
fn sockets(process: &Process) -> Vec<u64> {
    let socket = |target| if let FDTarget::Socket(inode) = target { Some(inode) } else { None };
    process.fd().into_iter().flatten().flatten().filter_map(|file| socket(file.target)).collect()
}

/// Its own address; a socket of both families that is reached by IPv4 counts as one of IPv4.
fn address(entry: &TcpNetEntry) -> SocketAddr {
    SocketAddr::new(entry.local_address.ip().to_canonical(), entry.local_address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that leads its session, as the agent's child does: the session of the tests themselves
    /// may be led from outside of this PID namespace, and has no number here then.
    #[test]
    fn listeners_of_a_session_are_found() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::empty()).unwrap();
        let mut child = std::process::Command::new("setsid").args(["sleep", "60"]).spawn().unwrap();
        let leader = Pid::from_child(&child);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while members(leader).is_empty() && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        let (processes, addresses) = (members(leader), listeners(&[leader]));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(processes, [leader]);
        assert!(addresses.contains(&socket.local_addr().unwrap()));
    }
}
