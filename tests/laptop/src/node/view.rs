//! What a node knows of one container of a pod.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

/// A container as its status shows it.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Its image, as the manifest has it.
    pub image: String,
    /// What it does now.
    pub state: State,
    /// How it ended before.
    pub last: Option<Ended>,
    /// How often it was started again.
    pub restarts: u32,
    /// Its readiness probe is content.
    pub ready: bool,
    /// Its startup probe is content.
    pub started: bool,
    /// It is over: it will not be started again.
    pub over: bool,
}

/// What a container does.
#[derive(Clone, Debug)]
pub enum State {
    /// It does not run yet, or not now.
    Waiting {
        /// A kubelet's reason.
        reason: &'static str,
        /// Why, for people.
        message: String,
    },
    /// It runs.
    Running(Timestamp),
    /// It ran.
    Terminated(Ended),
}

/// The end of a container's process.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; 128 and the number of the signal that ended it.
    pub code: i32,
    /// A kubelet's reason.
    pub reason: &'static str,
    /// The last it said, where the manifest asks for that, or why it did not start.
    pub message: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub at: Timestamp,
}

impl Ended {
    /// How long it ran.
    pub fn lasted(&self) -> Duration {
        Duration::try_from(self.at.duration_since(self.began)).unwrap_or_default()
    }

    fn json(&self, id: &str) -> Value {
        let mut out = json!({
            "exitCode": self.code, "reason": self.reason, "startedAt": time(self.began),
            "finishedAt": time(self.at), "containerID": id,
        });
        if !self.message.is_empty() {
            out["message"] = json!(self.message);
        }
        out
    }
}

impl View {
    /// A container that has not started.
    pub fn new(name: &str, image: &str) -> Self {
        Self {
            name: name.into(),
            image: image.into(),
            state: State::Waiting { reason: "ContainerCreating", message: String::new() },
            last: None,
            restarts: 0,
            ready: false,
            started: false,
            over: false,
        }
    }

    /// Its process runs.
    pub fn runs(&self) -> bool {
        matches!(self.state, State::Running(_))
    }

    /// It is over, and ended well.
    pub fn succeeded(&self) -> bool {
        self.over && matches!(&self.state, State::Terminated(ended) if ended.code == 0)
    }

    /// It as an entry of `status.containerStatuses`.
    pub fn json(&self, uid: &str) -> Value {
        let id = format!("process://{uid}/{}/{}", self.name, self.restarts);
        let state = match &self.state {
            State::Waiting { reason, message } if message.is_empty() => {
                json!({"waiting": {"reason": reason}})
            }
            State::Waiting { reason, message } => json!({"waiting": {"reason": reason, "message": message}}),
            State::Running(since) => json!({"running": {"startedAt": time(*since)}}),
            State::Terminated(ended) => json!({"terminated": ended.json(&id)}),
        };
        let last = self.last.as_ref().map(|l| json!({"terminated": l.json(&id)})).unwrap_or(json!({}));
        let is_started = !matches!(self.state, State::Waiting { .. }) || self.last.is_some();
        json!({
            "name": self.name, "image": self.image, "imageID": "", "state": state, "lastState": last,
            "restartCount": self.restarts, "ready": self.ready && self.runs(),
            "started": self.started && self.runs(), "containerID": if is_started { id.as_str() } else { "" },
        })
    }
}

/// A time as Kubernetes writes it: in seconds.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
