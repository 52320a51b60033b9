//! Nodes: they take pods, start and end processes, report, fail and come back.

use std::time::Duration;

use dask_operator::env::Clock;
use kube_memory_api_server::DeleteOptions;
use serde_json::{Value, json};

use super::{Event, Part, PodState, World};

/// How long a pod stays bound to a node that does not answer, as the operator asks for it.
const TOLERATED: Duration = Duration::from_secs(30);
/// The wait before a process that ended is started again: none to speak of at first, then longer each time.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

impl World {
    fn pod(&self, uid: &str) -> Option<PodState> {
        self.lock().pods.get(uid).filter(|p| !p.over).cloned()
    }

    fn change_pod(&self, uid: &str, change: impl FnOnce(&mut PodState)) {
        if let Some(pod) = self.lock().pods.get_mut(uid) {
            change(pod);
        }
    }

    fn later(&self, range: (u64, u64), event: Event) {
        let now = self.clock.elapsed();
        self.lock().soon(now, range, event);
    }

    /// The pod scheduler finds a node.
    pub(super) fn bind(&self, uid: &str) {
        let Some(pod) = self.pod(uid).filter(|p| !p.deleting) else { return };
        if self.lock().full_nodes {
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/3 nodes are available"});
            if pod.starts == 0 {
                self.pod_status(&pod.name, &json!({"conditions": [condition]}));
                self.change_pod(uid, |p| p.starts = 1);
            }
            self.later((2000, 5000), Event::Bind(uid.into()));
            return;
        }
        let node = self.a_node();
        self.change_pod(uid, |p| p.node = node);
        self.bind_pod(&pod.name, node);
        self.later((50, 3000), Event::Run(uid.into()));
    }

    /// The node pulls the image and starts the process.
    pub(super) fn run(&self, uid: &str) {
        let Some(pod) = self.pod(uid).filter(|p| !p.deleting && !p.runs && !p.node_lost) else { return };
        if self.lock().bad_images {
            let waiting = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
            self.pod_status(&pod.name, &status("Pending", &pod, &self.time(), &waiting));
            self.later((5000, 15_000), Event::Run(uid.into()));
            return;
        }
        let ip = if pod.ip.is_empty() { self.new_ip() } else { pod.ip.clone() };
        self.change_pod(uid, |p| {
            (p.ip, p.runs) = (ip.clone(), true);
            p.starts += 1;
        });
        match pod.part {
            Part::Scheduler => self.dask.start(uid, &pod.cluster, &ip),
            Part::Worker => self.later((300, 3000), Event::Join(uid.into())),
            Part::Runner => {
                let at = self.clock.elapsed() + pod.program;
                self.lock().at(at, Event::End(uid.into(), 0));
            }
        }
        let (time, pod) = (self.time(), PodState { ip, ..pod });
        let running = json!({"running": {"startedAt": time}});
        self.pod_status(&pod.name, &status("Running", &pod, &time, &running));
    }

    /// The worker finds its scheduler, or tries again.
    pub(super) fn join(&self, uid: &str) {
        let Some(pod) = self.pod(uid).filter(|p| p.runs && !p.node_lost) else { return };
        let now = self.clock.elapsed();
        let joined = self.dask.of(&pod.cluster, |s| {
            let may = !s.mood.is_silent(now);
            if may {
                s.register(uid, &pod.name, &pod.ip);
            }
            may
        });
        if joined != Some(true) {
            self.later((500, 1500), Event::Join(uid.into()));
        }
    }

    /// The process of a pod ends by itself.
    pub(super) fn process_ended(&self, uid: &str, code: i64) {
        let Some(pod) = self.pod(uid).filter(|p| p.runs) else { return };
        self.process_ends(&pod);
        if pod.node_lost {
            return;
        }
        let time = self.time();
        let ended = json!({"exitCode": code, "finishedAt": time,
            "reason": if code == 0 { "Completed" } else { "Error" }});
        let again = pod.part == Part::Scheduler || (pod.part == Part::Worker && code != 0);
        if again && !pod.deleting {
            let mut all = status("Running", &pod, &time, &json!({"waiting": {"reason": "CrashLoopBackOff"}}));
            all["containerStatuses"][0]["lastState"] = json!({"terminated": ended});
            self.pod_status(&pod.name, &all);
            let wait = BACKOFF.0 + BACKOFF.1.saturating_mul(pod.starts.saturating_sub(1).min(6));
            let at = self.clock.elapsed() + wait;
            self.lock().at(at, Event::Run(uid.into()));
            return;
        }
        self.change_pod(uid, |p| p.over = true);
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        self.pod_status(&pod.name, &status(phase, &pod, &time, &json!({"terminated": ended})));
    }

    /// Its node throws a pod out.
    pub(super) fn evict(&self, pod: &PodState) {
        self.process_ends(pod);
        self.change_pod(&pod.uid, |p| p.over = true);
        let mut all = status("Failed", pod, &self.time(), &json!({}));
        all["reason"] = "Evicted".into();
        all["message"] = "The node was low on resource: memory.".into();
        self.pod_status(&pod.name, &all);
    }

    /// What happens when a process is over, however that came.
    fn process_ends(&self, pod: &PodState) {
        self.change_pod(&pod.uid, |p| p.runs = false);
        match pod.part {
            Part::Worker => drop(self.dask.of(&pod.cluster, |s| s.unregister(&pod.uid))),
            Part::Scheduler => {
                self.dask.stop(&pod.uid);
                // Workers do not outlive their scheduler, if they are not started again at once.
                let mut state = self.lock();
                let now = self.clock.elapsed();
                let workers: Vec<String> = state
                    .live(Part::Worker)
                    .into_iter()
                    .filter(|w| w.cluster == pod.cluster && w.runs && !w.node_lost)
                    .map(|w| w.uid)
                    .collect();
                let agents = state.agents;
                for worker in workers {
                    let next = if agents { Event::Join(worker) } else { Event::End(worker, 0) };
                    state.soon(now, if agents { (300, 900) } else { (500, 2600) }, next);
                }
            }
            Part::Runner => {}
        }
    }

    /// A deleted pod has ended.
    pub(super) fn gone(&self, uid: &str) {
        let Some(pod) = self.lock().pods.get(uid).cloned() else { return };
        if pod.runs {
            self.process_ends(&pod);
        }
        self.change_pod(uid, |p| p.over = true);
        self.forget_pod(&pod.name, uid);
    }

    /// The node of a pod does not answer any more; its process goes on unseen.
    pub(super) fn lose_node(&self, pod: &PodState, time: Duration) {
        self.change_pod(&pod.uid, |p| p.node_lost = true);
        self.dask.of(&pod.cluster, |s| s.each_of(&pod.uid, |w| w.frozen = true));
        let now = self.clock.elapsed();
        let mut state = self.lock();
        state.at(now + TOLERATED, Event::Taint(pod.uid.clone()));
        state.at(now + time, Event::NodeBack(pod.uid.clone()));
    }

    /// Kubernetes gives up on a pod whose node is lost.
    pub(super) fn taint(&self, uid: &str) {
        if let Some(pod) = self.pod(uid).filter(|p| p.node_lost && !p.deleting) {
            self.delete("node-lifecycle", "pods", &pod.name, DeleteOptions::default());
        }
    }

    /// The node is back, and does what it was told meanwhile.
    pub(super) fn node_back(&self, uid: &str) {
        let Some(pod) = self.lock().pods.get(uid).filter(|p| p.node_lost).cloned() else { return };
        self.change_pod(uid, |p| p.node_lost = false);
        self.dask.of(&pod.cluster, |s| s.each_of(uid, |w| w.frozen = false));
        if pod.deleting {
            self.later((100, 1000), Event::Gone(uid.into()));
        } else if pod.runs && pod.part == Part::Worker {
            // A worker that cannot find its scheduler any more has ended.
            let known = self.dask.of(&pod.cluster, |s| s.workers.values().any(|w| w.pod == uid));
            if known != Some(true) {
                self.later((100, 1000), Event::End(uid.into(), 0));
            }
        } else if !pod.runs && !pod.over {
            self.later((100, 1000), Event::Run(uid.into()));
        }
    }

    /// A process that hung goes on.
    pub(super) fn thaw(&self, uid: &str) {
        let Some(pod) = self.pod(uid).filter(|p| !p.node_lost) else { return };
        self.dask.of(&pod.cluster, |s| s.each_of(uid, |w| w.frozen = false));
    }

    /// The garbage collector looks, until it finds nothing more.
    pub(super) fn collect(&self) {
        let found = self.server.collect_garbage();
        self.observe();
        if found > 0 {
            self.later((50, 500), Event::Collect);
        }
    }

    pub(super) fn time(&self) -> String {
        self.clock.now().rfc3339()
    }

    fn new_ip(&self) -> String {
        let mut state = self.lock();
        state.addresses += 1;
        let n = state.addresses;
        format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255)
    }
}

/// A pod's status with one container in this state.
fn status(phase: &str, pod: &PodState, time: &str, container: &Value) -> Value {
    let runs = container.get("running").is_some();
    let ready = if runs { "True" } else { "False" };
    let mut status = json!({
        "phase": phase, "startTime": time,
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": time},
            {"type": "Ready", "status": ready, "lastTransitionTime": time},
        ],
        "containerStatuses": [{
            "name": "main", "image": "dask", "imageID": "", "ready": runs, "restartCount": pod.starts,
            "state": container,
        }],
    });
    if !pod.ip.is_empty() {
        status["podIP"] = pod.ip.as_str().into();
    }
    status
}
