//! The worker's processes: started in a session of their own, waited for, and ended.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use prometheus::IntGauge;
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_parent_process_death_signal, setsid, wait,
};

use tokio::signal::unix::{Signal as Incoming, SignalKind, signal};

use crate::proc_session;

/// Exit codes of a shell for a program that is not there, or cannot be run.
const NOT_FOUND: (i32, i32) = (127, 126);

/// How our own children ended, `None` as long as they run. A wait for one may return the end of another.
static CHILDREN: Mutex<BTreeMap<i32, Option<i32>>> = Mutex::new(BTreeMap::new());

/// A started command line.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    ends: Incoming,
    counts: Option<Counted>,
}

/// One that counts in a gauge as long as it is there.
#[derive(Debug)]
struct Counted(IntGauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Child {
    /// Starts it. It is the leader of a session of its own, so that what is sent to our process group, as `tini -g`
    /// does, does not reach it.
    ///
    /// # Errors
    /// No process can be made, or its end could not be observed.
    pub fn start(line: &[String]) -> io::Result<Self> {
        Self::start_with(line, &BTreeMap::new(), None)
    }

    /// [`Child::start`] with more variables, and in another folder.
    ///
    /// # Errors
    /// As [`Child::start`].
    pub fn start_with(
        line: &[String],
        env: &BTreeMap<String, String>,
        cwd: Option<&Path>,
    ) -> io::Result<Self> {
        let ends = signal(SignalKind::child())?;
        let own = std::env::current_exe()?;
        let mut command = Command::new(own);
        command.arg("exec").arg("--").args(line).envs(env).stdin(Stdio::null());
        // A folder that is gone must not keep workers from starting.
        if let Some(cwd) = cwd.filter(|c| c.is_dir()) {
            command.current_dir(cwd);
        }
        let pid = i32::try_from(command.spawn()?.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no process id"))?;
        children(|known| known.insert(pid.as_raw_nonzero().get(), None));
        Ok(Self { pid, ends, counts: None })
    }

    /// The same, counted in this gauge until its end was seen and it is dropped.
    #[must_use]
    pub fn counted(mut self, gauge: &IntGauge) -> Self {
        gauge.inc();
        self.counts = Some(Counted(gauge.clone()));
        self
    }

    /// Its process, which leads the session.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its end; its exit code, or 128 and the signal that ended it.
    pub async fn ended(&mut self) -> i32 {
        loop {
            if let Some(code) = self.reap() {
                return code;
            }
            self.ends.recv().await;
        }
    }

    /// Takes note of all processes that ended, orphans that became ours included.
    fn reap(&self) -> Option<i32> {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let signal = status.terminating_signal().map(|s| 128 + s);
            let code = status.exit_status().or(signal).unwrap_or(1);
            children(|known| {
                if let Some(ended) = known.get_mut(&pid.as_raw_nonzero().get()) {
                    *ended = Some(code);
                }
            });
        }
        self.code()
    }

    fn code(&self) -> Option<i32> {
        children(|known| known.get(&self.pid.as_raw_nonzero().get()).copied().flatten())
    }

    /// Sends a signal to it alone.
    pub fn signal(&self, signal: Signal) {
        if self.code().is_none() {
            let _ = kill_process(self.pid, signal);
        }
    }

    /// Ends all processes of its session at once.
    pub fn kill(&self) {
        for pid in proc_session::members(self.pid) {
            let _ = kill_process(pid, Signal::KILL);
        }
        self.signal(Signal::KILL);
    }
}

/// Waits for the end of all; the first exit code that tells of something wrong.
pub async fn all_ended(children: &mut [Child]) -> i32 {
    let mut code = 0;
    for child in children {
        let one = child.ended().await;
        code = if code == 0 { one } else { code };
    }
    code
}

impl Drop for Child {
    fn drop(&mut self) {
        children(|known| known.remove(&self.pid.as_raw_nonzero().get()));
    }
}

fn children<T>(look: impl FnOnce(&mut BTreeMap<i32, Option<i32>>) -> T) -> T {
    look(&mut CHILDREN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Becomes `line`, in a session of its own; returns only if that failed, with the exit code for it.
pub fn exec(line: &[OsString]) -> (io::Error, i32) {
    let Some((program, args)) = line.split_first() else { return (io::Error::other("no command"), 2) };
    let parent = std::os::unix::process::parent_id();
    let prepared = setsid().and_then(|_| set_parent_process_death_signal(Some(Signal::TERM)));
    if let Err(error) = prepared {
        return (error.into(), NOT_FOUND.1);
    }
    // Had our parent ended before it was watched, its end would go unnoticed.
    if std::os::unix::process::parent_id() != parent {
        let _ = kill_process(getpid(), Signal::TERM);
    }
    let error = Command::new(program).args(args).exec();
    let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND.0 } else { NOT_FOUND.1 };
    (error, code)
}
