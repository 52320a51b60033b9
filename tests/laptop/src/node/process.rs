//! The process of a container: how it is started, and how it is ended.

use std::{fs::File, os::unix::process::ExitStatusExt, path::Path, process::ExitStatus, time::Duration};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};

use super::{
    command::{Line, Signals},
    start::Within,
    view::Ended,
};
use crate::watchdog::{Watchdog, kill_container, kill_group};

/// Most of a log that becomes a termination message.
const OF_LOG: usize = 2048;
/// Most of what a container may write as its last words.
const OF_WORDS: usize = 4096;

/// A running process with all that it started.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: u32,
    signals: Signals,
    began: Timestamp,
}

impl Process {
    /// Starts it with its output in this file.
    ///
    /// # Errors
    /// Why it does not start, as a container runtime says it.
    pub fn start(line: &Line, within: &Within, log: &File, watchdog: &Watchdog) -> Result<Self, String> {
        let (program, arguments) = line.words.split_first().ok_or("there is no command")?;
        let output = || log.try_clone().map_err(|e| format!("its log: {e}"));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&within.dir).env_clear().envs(&within.variables);
        command.stdin(std::process::Stdio::null()).stdout(output()?).stderr(output()?);
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("exec: {program:?}: executable file not found in $PATH"),
            _ => format!("exec: {program:?}: {error}"),
        })?;
        let group = child.id().ok_or_else(|| format!("exec: {program:?}: it has ended already"))?;
        watchdog.began(group);
        Ok(Self { child, group, signals: line.signals, began: Timestamp::now() })
    }

    /// When it began.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> ExitStatus {
        // The only error is that another task waited for it.
        self.child.wait().await.unwrap_or_default()
    }

    /// Asks it to end: the first process, or the whole group, as `tini -g` does in Dask's images.
    fn terminate(&self) {
        if let Some(pid) = Pid::from_raw(i32::try_from(self.group).unwrap_or_default()) {
            let _ = match self.signals {
                Signals::First => kill_process(pid, Signal::TERM),
                Signals::Group => kill_process_group(pid, Signal::TERM),
            };
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

    /// Its end, for a status. Whatever runs in its container ends with it.
    pub fn ended(
        &self,
        status: ExitStatus,
        within: &Within,
        log: Option<&Path>,
        watchdog: &Watchdog,
    ) -> Ended {
        self.over(watchdog);
        kill_container(&within.mark);
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        let reason = if code == 0 { "Completed" } else { "Error" };
        let words = tail(&within.last_words, OF_WORDS);
        let of_log = || log.filter(|_| code != 0).map(|log| tail(log, OF_LOG));
        let message = if words.is_empty() { of_log().unwrap_or_default() } else { words };
        Ended { code, reason, message, began: self.began, at: Timestamp::now() }
    }

    /// What is left of its group ends.
    pub fn over(&self, watchdog: &Watchdog) {
        self.kill();
        watchdog.ended(self.group);
    }

    fn kill(&self) {
        kill_group(i32::try_from(self.group).unwrap_or_default());
    }
}

/// The end of a file.
fn tail(file: &Path, most: usize) -> String {
    let text = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(text.get(text.len().saturating_sub(most)..).unwrap_or_default()).into_owned()
}
