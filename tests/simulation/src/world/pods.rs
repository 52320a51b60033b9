//! What the machines know of each pod.

use std::{sync::Arc, time::Duration};

use dask_operator_core::model::names;
use kube_memory_api_server::Change;
use serde_json::Value;

use super::{Event, State, owner};

/// What a pod is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It runs a scheduler.
    Scheduler,
    /// It runs a worker.
    Worker,
    /// It runs a job's program.
    Runner,
}

/// What its machine knows of a pod.
#[derive(Clone, Debug)]
pub struct PodState {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// What it is for.
    pub part: Part,
    /// Its cluster.
    pub cluster: String,
    /// Its node, once it has one.
    pub node: &'static str,
    /// Its IP, once it has one.
    pub ip: String,
    /// Its process runs.
    pub runs: bool,
    /// It is over: succeeded, failed or gone.
    pub over: bool,
    /// Its deletion was asked for.
    pub deleting: bool,
    /// Its node does not answer.
    pub node_lost: bool,
    /// Its process was started so often.
    pub starts: u32,
    /// It runs under the agent, which was told that it has so long to end.
    pub agent: Option<Duration>,
    /// How long its program takes, if it is a job's.
    pub program: Duration,
}

impl PodState {
    fn of(object: &Value) -> Option<Self> {
        let labels = &object["metadata"]["labels"];
        let part = match labels["dask.org/component"].as_str()? {
            "scheduler" => Part::Scheduler,
            "worker" => Part::Worker,
            "job-runner" => Part::Runner,
            _ => return None,
        };
        let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
        let seconds = object["spec"]["containers"][0]["args"][1].as_str().and_then(|s| s.parse().ok());
        let is_under_agent = object["metadata"]["annotations"][names::AGENT_HASH].is_string();
        let grace = object["spec"]["terminationGracePeriodSeconds"].as_u64();
        Some(Self {
            name: text(&object["metadata"]["name"]),
            uid: text(&object["metadata"]["uid"]),
            part,
            cluster: text(&labels["dask.org/cluster-name"]),
            node: "",
            ip: String::new(),
            runs: false,
            over: false,
            deleting: false,
            node_lost: false,
            starts: 0,
            agent: is_under_agent.then(|| Duration::from_secs(grace.unwrap_or(30))),
            program: Duration::from_secs(seconds.unwrap_or(5)),
        })
    }
}

impl State {
    /// What the machines make of a change.
    pub(super) fn react(&mut self, change: &Arc<Change>, now: Duration) {
        match change.resource.as_ref() {
            "pods" => self.pod_changed(change, now),
            "deployments" => self.soon(now, (5, 300), Event::Deployment(change.name.clone())),
            _ => {}
        }
        if change.before.is_none() && change.after.as_deref().is_some_and(|a| owner(a).is_some()) {
            // Its owner may be gone already.
            self.soon(now, (500, 3000), Event::Collect);
        }
        if change.after.is_none() || change.after.as_ref().is_some_and(|a| deleting(a)) {
            self.soon(now, (50, 1500), Event::Collect);
        }
    }

    fn pod_changed(&mut self, change: &Arc<Change>, now: Duration) {
        let uid = &change.uid;
        if let Some(pod) = self.pods.get(uid).filter(|p| p.part == Part::Scheduler) {
            let name = format!("{}-scheduler", pod.cluster);
            self.soon(now, (5, 300), Event::Deployment(name));
        }
        match (&change.before, &change.after) {
            (None, Some(after)) => {
                if let Some(pod) = PodState::of(after) {
                    self.pods.insert(uid.clone(), pod);
                    self.soon(now, (20, 1500), Event::Bind(uid.clone()));
                }
            }
            (Some(_), Some(after)) if deleting(after) => {
                let Some(pod) = self.pods.get_mut(uid).filter(|p| !p.deleting) else { return };
                pod.deleting = true;
                if pod.agent.is_some() && pod.runs && !pod.node_lost {
                    let pod = pod.clone();
                    let grace = after["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(30);
                    self.told_to_end(&pod, Duration::from_secs(grace), now);
                } else if !pod.node_lost {
                    self.soon(now, (300, 2500), Event::Gone(uid.clone()));
                }
            }
            (Some(_), None) => {
                // Its process, if there is one, ends without its node being asked.
                if let Some(pod) = self.pods.get_mut(uid) {
                    pod.deleting = true;
                    self.soon(now, (1, 200), Event::Gone(uid.clone()));
                }
            }
            _ => {}
        }
    }

    /// Live pods for a part, in the order of their names.
    pub(super) fn live(&self, part: Part) -> Vec<PodState> {
        let mut pods: Vec<_> =
            self.pods.values().filter(|p| p.part == part && !p.over && !p.deleting).cloned().collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        pods
    }
}

fn deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}
