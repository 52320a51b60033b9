//! What `/proc` tells of a session: its processes, and the ports they listen at.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use rustix::process::Pid;

/// State of a listening socket in `/proc/net/tcp` (`TCP_LISTEN` of the kernel's `tcp_states.h`).
const LISTENS: &str = "0A";

/// The processes of a session.
pub fn members(leader: Pid) -> Vec<Pid> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        (session_of(&stat)? == leader.as_raw_nonzero().get()).then(|| Pid::from_raw(pid)).flatten()
    });
    pids.collect()
}

/// Addresses that processes of these sessions listen at.
pub fn listeners(leaders: &[Pid]) -> BTreeSet<SocketAddr> {
    let sockets: BTreeSet<u64> = leaders.iter().flat_map(|l| members(*l)).flat_map(sockets).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines.filter_map(listener).filter(|(_, inode)| sockets.contains(inode)).map(|(at, _)| at).collect()
}

/// The session in a process's `stat`: the fourth field after the name, which may contain anything.
fn session_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(3)?.parse().ok()
}

/// Inodes of a process's sockets.
fn sockets(pid: Pid) -> Vec<u64> {
    let files = fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).into_iter().flatten().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.filter_map(|t| t.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

/// A line of `/proc/net/tcp` or `tcp6` that is about a listening socket: its address and inode.
fn listener(line: &str) -> Option<(SocketAddr, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    if *state != LISTENS {
        return None;
    }
    let (ip, port) = local.split_once(':')?;
    Some((SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?), inode.parse().ok()?))
}

/// An address as the kernel prints it: words of four bytes, each in the machine's own order.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |n: usize| Some(u32::from_str_radix(hex.get(8 * n..8 * n + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for n in 0..4 {
                bytes[4 * n..4 * n + 4].copy_from_slice(&word(n)?);
            }
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_processes_may_contain_anything() {
        let stat = "77 (a) b (c) S 1 70 66 0 -1 4194560";
        assert_eq!(session_of(stat), Some(66));
        assert_eq!(session_of("77 (a"), None);
    }

    #[test]
    fn addresses_are_read_as_the_kernel_prints_them() {
        let line =
            "   0: 0100007F:2256 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 4711 1 0 100";
        assert_eq!(listener(line), Some(("127.0.0.1:8790".parse().unwrap(), 4711)));
        assert_eq!(listener(&line.replace(" 0A ", " 01 ")), None);
        let v6 = line.replace("0100007F", "00000000000000000000000001000000");
        assert_eq!(listener(&v6), Some(("[::1]:8790".parse().unwrap(), 4711)));
        let mapped = line.replace("0100007F", "0000000000000000FFFF00000100007F");
        assert_eq!(listener(&mapped), Some(("127.0.0.1:8790".parse().unwrap(), 4711)));
        assert_eq!(listener("rubbish"), None);
    }

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
