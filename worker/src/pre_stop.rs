//! `dask-agent leave`, a preStop hook: SIGTERM for the agent of this container where an entry point does not hand it on.

use std::{
    ffi::CStr,
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

/// What an agent is called in `/proc` while its workers leave: it needs no second signal, which would hurry it.
const LEAVING: &CStr = c"dask-leaving";
/// What it is called once they have left, until the hooks that wait for it have returned.
const LEFT: &CStr = c"dask-left";

/// This agent's workers leave from now on.
pub fn leaving() {
    // Without the name a hook that runs twice hurries the workers, as a second signal does.
    let _ = rustix::thread::set_name(LEAVING);
}

/// This agent is about to end. With the container's first process ends all that runs in it: a hook that still waits would
/// count as failed.
pub async fn dismiss() {
    let _ = rustix::thread::set_name(LEFT);
    for _ in 0..10 {
        if !all().iter().any(|path| is(path, b"leave")) {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Asks the agents of this container to leave, and waits until all have ended, which the kubelet bounds by the grace period.
/// Without one there is nothing to wait for.
pub fn leave() {
    let mut agents: Vec<Agent> = all().into_iter().filter_map(|path| agent(&path)).collect();
    // One that cannot be told is not waited for.
    agents.retain(|agent| {
        let tell = |pid| kill_process(pid, Signal::TERM).is_ok();
        is_called(agent.pid, LEAVING) || Pid::from_raw(agent.pid).is_some_and(tell)
    });
    while agents.iter().any(|agent| is_there(agent) && !is_called(agent.pid, LEFT)) {
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

/// The process of this folder of `/proc`, if it is an agent that runs a worker in this container.
fn agent(path: &Path) -> Option<Agent> {
    is(path, b"run").then(|| Some(Agent { pid: pid(path)?, began: began(path)? })).flatten()
}

/// Whether it is this program in this container with this subcommand: the same file, and the same view of the file system,
/// which no other container of the pod has. Those of another user's process cannot be read; then the path that it was
/// started by must do.
fn is(path: &Path, subcommand: &[u8]) -> bool {
    let program = |path: &Path| fs::metadata(path.join("exe")).map(|m| (m.dev(), m.ino())).ok();
    let view = |path: &Path| fs::read_link(path.join("ns/mnt")).ok();
    let line = |path: &Path| fs::read(path.join("cmdline")).unwrap_or_default();
    let own = Path::new("/proc/self");
    let (its, mine) = (line(path), line(own));
    let word = |line: &[u8], n| line.split(|b| *b == 0).nth(n).map(<[u8]>::to_vec);
    let is_same = match (program(path), view(path)) {
        (Some(its), Some(view_of_it)) => Some(its) == program(own) && Some(view_of_it) == view(own),
        _ => word(&its, 0) == word(&mine, 0),
    };
    is_same && word(&its, 1).as_deref() == Some(subcommand)
}

/// Whether the process is called so.
fn is_called(pid: i32, name: &CStr) -> bool {
    fs::read(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_ascii_end() == name.to_bytes())
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
