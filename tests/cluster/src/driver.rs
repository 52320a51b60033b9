//! The Python client, which does what a test tells it.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{ChildStdin, Stdio},
    sync::mpsc::{Receiver, channel},
};

use crate::{
    PATIENCE,
    programs::{Process, quiet, spawn, tests_dir},
};

/// The Python client.
pub(crate) struct Driver {
    input: ChildStdin,
    answers: Receiver<String>,
    _process: Process,
}

impl Driver {
    pub(crate) fn start(python: &Path, address: &str, dir: &Path) -> Self {
        let mut command = quiet(python, dir);
        command.arg(tests_dir().join("driver.py")).arg(address).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = spawn(&mut command);
        let (send, answers) = channel();
        let output = BufReader::new(process.0.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let driver = Self { input: process.0.stdin.take().unwrap(), answers, _process: process };
        assert_eq!(driver.answer("start"), "ready");
        driver
    }

    pub(crate) fn tell(&mut self, command: &str) -> serde_json::Value {
        writeln!(self.input, "{command}").unwrap();
        self.answer(command)
    }

    fn answer(&self, command: &str) -> serde_json::Value {
        let line = self.answers.recv_timeout(PATIENCE);
        serde_json::from_str(&line.unwrap_or_else(|e| panic!("driver: {command}: {e}"))).unwrap()
    }
}
