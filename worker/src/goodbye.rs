//! `dask-agent leave`, a preStop hook: SIGTERM for the agent of this container where an entry point does not hand it on.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// Between two looks whether it has ended.
const POLL: Duration = Duration::from_millis(100);

/// A process, by what only it has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Agent {
    pid: i32,
    /// When it began: numbers are used again.
    began: String,
}

/// Asks the agents of this container to leave, and waits until all have ended, which the kubelet bounds by the grace period.
/// Without one there is nothing to wait for.
pub fn leave() {
    let agents: Vec<Agent> = all().into_iter().filter_map(|path| agent(&path)).collect();
    for pid in agents.iter().filter_map(|agent| Pid::from_raw(agent.pid)) {
        // One that has just ended needs no signal.
        let _ = kill_process(pid, Signal::TERM);
    }
    while agents.iter().any(is_there) {
        sleep(POLL);
    }
}

fn all() -> Vec<PathBuf> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| pid(path).is_some()).collect()
}

fn pid(path: &Path) -> Option<i32> {
    path.file_name()?.to_str()?.parse().ok()
}

/// The process of this folder of `/proc`, if it is an agent that runs a worker in this container: the same program and
/// subcommand, and the same view of the file system, which no other container of the pod has.
fn agent(path: &Path) -> Option<Agent> {
    let program = |path: &Path| fs::metadata(path.join("exe")).map(|m| (m.dev(), m.ino())).ok();
    let view = |path: &Path| fs::read_link(path.join("ns/mnt")).ok();
    let own = Path::new("/proc/self");
    if program(path)? != program(own)? || view(path)? != view(own)? {
        return None;
    }
    let line = fs::read(path.join("cmdline")).ok()?;
    (line.split(|b| *b == 0).nth(1)? == b"run").then_some(())?;
    Some(Agent { pid: pid(path)?, began: began(path)? })
}

/// Whether it has not ended yet. One whose parent did not take note of its end has.
fn is_there(agent: &Agent) -> bool {
    began(Path::new(&format!("/proc/{}", agent.pid))).is_some_and(|began| began == agent.began)
}

/// When a process began, in the kernel's ticks; `None`: it has ended.
fn began(path: &Path) -> Option<String> {
    let stat = fs::read_to_string(path.join("stat")).ok()?;
    // After the name, which may contain anything: the state is the first field, the beginning the 20th.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let has_ended = matches!(fields.first()?, &("Z" | "X"));
    (!has_ended).then(|| fields.get(19).map(|f| (*f).to_owned())).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_when_it_began() {
        let own = Path::new("/proc/self");
        let began = began(own).unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(is_there(&Agent { pid, began }));
        assert!(!is_there(&Agent { pid, began: "1".into() }), "another one with the same number");
    }

    #[test]
    fn the_same_program_with_another_subcommand_is_no_agent() {
        let own = format!("/proc/{}", std::process::id());
        assert_eq!(agent(Path::new(&own)), None);
    }
}
