//! The agent with commands that need no Dask: exit codes, and how it comes to where it runs.

#![allow(clippy::unwrap_used, reason = "a test")]

mod program;

use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

fn agent() -> Command {
    Command::new(program::program())
}

fn run(line: &[&str]) -> Output {
    agent().args(["run", "--"]).args(line).output().unwrap()
}

#[test]
fn the_exit_code_is_that_of_the_command() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)] {
        assert_eq!(run(&["sh", "-c", script]).status.code(), Some(code), "{script}");
    }
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let output = run(&["no-such-program", "worker"]);
    assert_eq!(output.status.code(), Some(127));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("no-such-program") && told.contains("correct the container's command"), "{told}");
}

#[test]
fn the_command_leads_a_session_of_its_own() {
    let output = run(&["sh", "-c", "cut -d' ' -f6 /proc/$$/stat; echo $$"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words[0], words[1], "{text}");
}

#[test]
fn it_copies_itself_and_the_copy_runs() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        assert!(agent().arg("install").arg(dir.path()).status().unwrap().success());
    }
    let copy = dir.path().join("dask-agent");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "itself and its Python module");
    let status = Command::new(copy).args(["run", "--", "sh", "-c", "exit 3"]).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let output = agent().args(["install", "/proc/nowhere"]).output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("/proc/nowhere/dask-agent") && told.contains("must be a volume"), "{told}");
}

#[test]
fn a_hook_reaches_the_agent_behind_an_entry_point_that_swallows_signals() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready");
    // A program of its own: it must not find those of other tests.
    assert!(agent().arg("install").arg(dir.path()).status().unwrap().success());
    let agent = dir.path().join("dask-agent").display().to_string();
    let line = format!(
        "trap '' TERM; {agent} run --grace-seconds 4 -- sh -c 'echo > {}; exec sleep 60'; exit 9",
        ready.display()
    );
    let mut entry = Command::new("sh").args(["-c", &line]).spawn().unwrap();
    while !ready.exists() {
        std::thread::yield_now();
    }
    let begin = std::time::Instant::now();
    assert!(Command::new(&agent).arg("leave").status().unwrap().success());
    assert!(begin.elapsed().as_secs() < 30, "the agent let the command end");
    assert_eq!(entry.wait().unwrap().code(), Some(9), "and the entry point went on");
    assert!(Command::new(&agent).arg("leave").status().unwrap().success(), "none is there");
}
