//! What users do with workers has the same outcome under Dask's own Nanny, under the agent beside it, and with the
//! agent in its place.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::{
    path::Path,
    process::{Command, Output},
};

use dask_test_cluster::{certificates, python_of, tests_dir};

/// All lines of one run.
fn lines(python: &Path, before: &[&str], variables: &[(String, String)]) -> String {
    let mut command = Command::new(python);
    command.arg(tests_dir().join("habits.py")).args(before).env("DASK_CONFIG", "/nowhere");
    command.envs(variables.iter().cloned());
    let Output { status, stdout, stderr } = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    let (out, log) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{before:?}: {status}\n{out}\n{log}");
    out.into_owned()
}

fn all_the_same(version: &str) {
    all_the_same_with(version, &[]);
}

fn all_the_same_with_tls(version: &str) {
    let folder = tempfile::tempdir().unwrap();
    certificates::make(folder.path());
    all_the_same_with(version, &certificates::variables(folder.path()));
}

fn all_the_same_with(version: &str, variables: &[(String, String)]) {
    let python = python_of(&[version, "web"]);
    // As in a pod, where its Python module lies beside it.
    let folder = tempfile::tempdir().unwrap();
    let install = Command::new(env!("CARGO_BIN_EXE_dask-agent")).arg("install").arg(folder.path()).status();
    assert!(install.unwrap().success());
    let agent = folder.path().join("dask-agent").display().to_string();
    let (drain, full) = ([&agent, "run", "--mode=drain", "--"], [&agent, "run", "--mode=full", "--"]);
    let (without, drain, full) = std::thread::scope(|scope| {
        let [without, drain, full] =
            [&[][..], &drain, &full].map(|before| scope.spawn(|| lines(&python, before, variables)));
        (without.join().unwrap(), drain.join().unwrap(), full.join().unwrap())
    });
    assert!(without.lines().count() > 35, "{without}");
    assert_eq!(drain, without, "mode Drain differs");
    assert_eq!(full, without, "mode Full differs");
}

#[test]
#[ignore = "long: make habits"]
fn habits_of_2024_1_0() {
    all_the_same("2024.1.0");
}

#[test]
#[ignore = "long: make habits"]
fn habits_of_2024_12_1() {
    all_the_same("2024.12.1");
}

#[test]
#[ignore = "long: make habits"]
fn habits_of_2025_7_0() {
    all_the_same("2025.7.0");
}

#[test]
fn habits_of_2026_8_0() {
    all_the_same("2026.8.0");
}

#[test]
#[ignore = "long: make habits"]
fn habits_of_2024_1_0_with_tls() {
    all_the_same_with_tls("2024.1.0");
}

#[test]
#[ignore = "long: make habits"]
fn habits_of_2026_8_0_with_tls() {
    all_the_same_with_tls("2026.8.0");
}
