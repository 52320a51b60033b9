//! A second process that outlives the first: it ends what is left of pods, and removes their files.

use std::{
    collections::BTreeSet,
    io::{BufRead, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

/// The first argument by which this program is told to be the watchdog.
pub const ARGUMENT: &str = "watchdog";
/// The variable by which processes of pods are known, however they were started.
pub const MARK: &str = "LAPTOP_DIR";
/// The variable by which those of one container are known.
pub const CONTAINER: &str = "LAPTOP_CONTAINER";
/// How often processes of a container are looked for that were just made.
const LOOKS: u32 = 5;

/// The watchdog, as the first process sees it: it acts when this is dropped, however that comes about.
#[derive(Debug)]
pub struct Watchdog {
    tells: Mutex<Option<ChildStdin>>,
    process: Mutex<Child>,
}

impl Watchdog {
    /// Starts it for this folder.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(dir: &Path) -> Result<Self> {
        let program = std::env::current_exe().context("finding this program")?;
        let mut command = Command::new(program);
        // A group of its own: Ctrl-C is for the first process.
        command.arg(ARGUMENT).arg(dir).stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        let mut process = command.spawn().context("starting the watchdog")?;
        let tells = Mutex::new(process.stdin.take());
        Ok(Self { tells, process: Mutex::new(process) })
    }

    /// A process group began.
    pub fn began(&self, group: u32) {
        self.tell(&format!("+{group}\n"));
    }

    /// A process group is over.
    pub fn ended(&self, group: u32) {
        self.tell(&format!("-{group}\n"));
    }

    /// Has it do its work, and waits for the end of that.
    pub fn finish(&self) {
        drop(self.tells.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _ = self.process.lock().unwrap_or_else(PoisonError::into_inner).wait();
    }

    fn tell(&self, line: &str) {
        if let Some(pipe) = self.tells.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // Without a watchdog the pods' processes are still ended at a clean end.
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}

/// What the second process does: waits for the end of the first one, and cleans up.
pub fn run(dir: &Path) {
    let mut groups = BTreeSet::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let number = line.get(1..).and_then(|n| n.parse::<i32>().ok());
        match (line.as_bytes().first(), number) {
            (Some(b'+'), Some(group)) => drop(groups.insert(group)),
            (Some(b'-'), Some(group)) => drop(groups.remove(&group)),
            _ => {}
        }
    }
    for group in groups {
        kill_group(group);
    }
    clean(dir);
}

/// Ends the processes of pods that were started for this folder, and removes it.
pub fn clean(dir: &Path) {
    kill_marked(&format!("{MARK}={}", dir.display()));
    let _ = std::fs::remove_dir_all(dir);
}

/// Ends all processes of a container: some have sessions of their own.
pub fn kill_container(mark: &str) {
    let mark = format!("{CONTAINER}={mark}");
    for _ in 0..LOOKS {
        if kill_marked(&mark) == 0 {
            return;
        }
    }
}

/// Ends processes that have this in their environment; answers how many there were.
fn kill_marked(mark: &str) -> usize {
    let found = processes_with(mark);
    for pid in found.iter().copied().filter_map(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    found.len()
}

/// Ends a process group at once.
pub fn kill_group(group: i32) {
    if let Some(pid) = Pid::from_raw(group) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn processes_with(mark: &str) -> Vec<i32> {
    let of_this = |process: &PathBuf| {
        let variables = std::fs::read(process.join("environ")).unwrap_or_default();
        variables.split(|b| *b == 0).any(|v| v == mark.as_bytes())
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(of_this).filter_map(|p| p.file_name()?.to_str()?.parse().ok()).collect()
}
