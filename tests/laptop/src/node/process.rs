//! The process of a container: how it is started, and how it is ended.

use std::{fs::File, os::unix::process::ExitStatusExt, path::Path, process::ExitStatus, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Container;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::{
    environment::{Variables, expand},
    view::Ended,
};
use crate::watchdog::{Watchdog, kill_group};

/// What the entry point of Dask's images consists of: it only prepares the image, and hands signals on to the group.
const ENTRY: [&str; 2] = ["tini", "prepare.sh"];
/// Most of a log that becomes a termination message.
const MESSAGE: usize = 2048;

/// A running process with all that it started.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: u32,
    began: Timestamp,
}

/// The command line of a container, with references filled in.
pub fn command_line(container: &Container, variables: &Variables) -> Vec<String> {
    let command = container.command.iter().flatten().chain(container.args.iter().flatten());
    let mut words: Vec<String> = command.map(|word| expand(word, variables)).collect();
    while words.first().is_some_and(|w| ENTRY.contains(&w.rsplit('/').next().unwrap_or_default())) {
        words.remove(0);
        while words.first().is_some_and(|w| w.starts_with('-')) {
            words.remove(0);
        }
    }
    // Dask's images end at once when they are told nothing: their command is a shell.
    if words.is_empty() { vec!["bash".into()] } else { words }
}

impl Process {
    /// Starts it with its output in this file.
    ///
    /// # Errors
    /// Why it does not start, as a container runtime says it.
    pub fn start(
        words: &[String],
        variables: &Variables,
        dir: &Path,
        log: &File,
        watchdog: &Watchdog,
    ) -> Result<Self, String> {
        let (program, arguments) = words.split_first().ok_or("there is no command")?;
        let output = || log.try_clone().map_err(|e| format!("its log: {e}"));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(dir).env_clear().envs(variables);
        command.stdin(std::process::Stdio::null()).stdout(output()?).stderr(output()?);
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("exec: {program:?}: executable file not found in $PATH"),
            _ => format!("exec: {program:?}: {error}"),
        })?;
        let group = child.id().ok_or_else(|| format!("exec: {program:?}: it has ended already"))?;
        watchdog.began(group);
        Ok(Self { child, group, began: Timestamp::now() })
    }

    /// When it began.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> ExitStatus {
        // The only error is that somebody else waited for it.
        self.child.wait().await.unwrap_or_default()
    }

    /// Asks it to end, as `tini -g` does in Dask's images: the whole group.
    pub fn terminate(&self) {
        if let Some(group) = self.pid() {
            let _ = kill_process_group(group, Signal::TERM);
        }
    }

    /// Ends it and waits: at once when `now` comes, or after the grace period.
    pub async fn stop(&mut self, grace: Duration, now: impl Future<Output = ()>) -> ExitStatus {
        self.terminate();
        tokio::select! {
            ended = self.child.wait() => return ended.unwrap_or_default(),
            () = tokio::time::sleep(grace) => {}
            () = now => {}
        }
        self.kill();
        self.wait().await
    }

    /// Its end, for a status. Whatever it left behind ends with it.
    pub fn ended(&self, status: ExitStatus, log: &Path, tells: bool, watchdog: &Watchdog) -> Ended {
        self.kill();
        watchdog.ended(self.group);
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let reason = if code == 0 { "Completed" } else { "Error" };
        let message = if tells && code != 0 { tail(log) } else { String::new() };
        Ended { code, reason, message, began: self.began, at: Timestamp::now() }
    }

    fn kill(&self) {
        kill_group(i32::try_from(self.group).unwrap_or_default());
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.group).ok()?)
    }
}

/// The end of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(text.get(text.len().saturating_sub(MESSAGE)..).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_point_of_the_image_is_left_out() {
        let line = |words: &[&str]| {
            let command = Some(words.iter().map(ToString::to_string).collect());
            command_line(&Container { command, ..Container::default() }, &Variables::new())
        };
        assert_eq!(line(&["dask", "worker"]), ["dask", "worker"]);
        assert_eq!(line(&["tini", "-g", "--", "/usr/bin/prepare.sh", "dask", "worker"]), ["dask", "worker"]);
        assert_eq!(line(&[]), ["bash"]);
    }
}
