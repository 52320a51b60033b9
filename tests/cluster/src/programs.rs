//! Dask's programs as processes of a test.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use crate::{PATIENCE, POLL};

/// A child that does not outlive its owner.
pub(crate) struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder of the tests' Python programs.
pub fn tests_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dask")
}

/// The python of an environment with that version, made if need be.
pub fn python(version: &str) -> PathBuf {
    python_of(&[version])
}

/// The Python of a virtual environment, as venv.sh has them.
pub fn python_of(args: &[&str]) -> PathBuf {
    let output =
        Command::new(tests_dir().join("venv.sh")).args(args).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "venv.sh {args:?}");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// `dask scheduler` or `dask worker` on loopback.
pub(crate) fn dask(python: &Path, what: &str, dir: &Path) -> Command {
    let mut command = quiet(python, dir);
    command.args(["-m", &format!("distributed.cli.dask_{what}"), "--host", "127.0.0.1"]);
    command.args(["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]);
    command
}

/// A Python whose files and settings are its own, and whose errors are kept in `dir`.
pub(crate) fn quiet(python: &Path, dir: &Path) -> Command {
    let mut command = Command::new(python);
    command.current_dir(dir).env("DASK_CONFIG", dir.join("config")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE", "False").env("OMP_NUM_THREADS", "1");
    let errors = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("stderr")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
    command
}

pub(crate) fn spawn(command: &mut Command) -> Process {
    Process(command.spawn().unwrap())
}

/// The address the scheduler writes down once it listens; it may be read half written.
pub(crate) fn scheduler_address(file: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read(file).unwrap_or_default();
        if let Ok(serde_json::Value::Object(identity)) = serde_json::from_slice(&text) {
            return identity["address"].as_str().unwrap().to_owned();
        }
        assert!(Instant::now() < deadline, "the scheduler does not listen in time");
        std::thread::sleep(POLL);
    }
}
