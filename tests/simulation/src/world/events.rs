//! Carrying out what a script says.

use std::{sync::Arc, time::Duration};

use dask_operator_core::model::names;
use kube_memory_api_server::{Call, DeleteOptions};
use serde_json::{Value, json};

use super::{
    Event, Part, PodState, World,
    api::{self, ObjectRef},
};
use crate::{
    act::{Act, PodFate},
    dask::{Mood, Task},
    manifest::{self, NAMESPACE},
};

/// Plural of a manifest's kind.
fn plural(manifest: &Value) -> &'static str {
    match manifest["kind"].as_str() {
        Some("DaskCluster") => "daskclusters",
        Some("DaskWorkerGroup") => "daskworkergroups",
        Some("DaskAutoscaler") => "daskautoscalers",
        Some("DaskJob") => "daskjobs",
        Some("Pod") => "pods",
        Some("Service") => "services",
        _ => "configmaps",
    }
}

impl World {
    /// Does it now.
    pub fn act(self: &Arc<Self>, act: Act) {
        match &act {
            Act::Create(m) => {
                let (kind, name) = (m["kind"].as_str(), m["metadata"]["name"].as_str());
                self.trace
                    .say("person", format_args!("creates {} {}", kind.unwrap_or("?"), name.unwrap_or("?")));
            }
            other => self.trace.say("world", format_args!("{other:?}")),
        }
        match act {
            Act::Create(manifest) => self.create("person", plural(&manifest), manifest),
            Act::Scale { group, replicas } => {
                let (resource, subresource) = ("daskworkergroups", Some("scale"));
                let patch = json!({"spec": {"replicas": replicas}});
                self.patch("person", ObjectRef { resource, name: &group, subresource }, patch);
            }
            Act::Edit { resource, name, patch } => {
                self.patch("person", ObjectRef { resource, name: &name, subresource: None }, patch);
            }
            Act::Delete { resource, name, propagation } => {
                let propagation = Some(api::propagation(propagation));
                let options = DeleteOptions { propagation, ..DeleteOptions::default() };
                self.delete("person", resource, &name, options);
            }
            Act::Pod { nth, scheduler, fate } => self.pod_act(nth, scheduler, fate),
            Act::Squat { group, numbers } => self.squat(&group, numbers),
            Act::Crowd { namespace, clusters } => self.crowd(namespace, clusters),
            Act::Disperse { namespace } => self.disperse(namespace),
            Act::Images { good } => self.lock().bad_images = !good,
            Act::Agents => self.lock().agents = true,
            Act::NodeLeaves { time } => self.node_leaves(time),
            Act::Nodes { room } => self.lock().full_nodes = !room,
            Act::Crash { operator } => self.crash(&super::operators::name(operator)),
            Act::Skew { operator, seconds } => self.skew(&super::operators::name(operator), seconds),
            other => self.act_around(other),
        }
    }

    fn squat(&self, group: &str, (first, last): (i64, i64)) {
        let Some(object) = self.server.object("daskworkergroups", NAMESPACE, group) else { return };
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().into();
        for number in first..=last {
            let pod = json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": names::worker_pod(group, &uid, number), "namespace": NAMESPACE},
                "spec": {"containers": [{"name": "other", "image": "other"}]},
            });
            self.create("person", "pods", pod);
        }
    }

    fn crowd(&self, namespace: &str, clusters: usize) {
        self.make_namespace(namespace);
        for n in 0..clusters {
            let mut cluster = manifest::cluster(&format!("crowd-{n}"), 0);
            cluster["metadata"]["namespace"] = json!(namespace);
            let (resource, namespace) = ("daskclusters", namespace.to_string());
            let call = Call::Create { resource, namespace, body: cluster };
            self.told("person", self.server.call("person", call));
        }
    }

    fn disperse(&self, namespace: &str) {
        let all = self.server.objects("daskclusters");
        for cluster in all.iter().filter(|c| c["metadata"]["namespace"] == namespace) {
            let name = cluster["metadata"]["name"].as_str().unwrap_or_default().into();
            let (resource, options) = ("daskclusters", DeleteOptions::default());
            let call = Call::Delete { resource, namespace: namespace.into(), name, options };
            self.told("person", self.server.call("person", call));
        }
    }

    /// What happens to schedulers and networks.
    fn act_around(&self, act: Act) {
        let now = self.clock.elapsed();
        match act {
            Act::Submit { cluster, tasks, takes, result } => {
                let task = Task { takes, result };
                self.dask.of(&cluster, |s| s.submit(std::iter::repeat_n(task, tasks)));
            }
            Act::Scatter { cluster, size, nth } => drop(self.dask.of(&cluster, |s| s.scatter(size, nth))),
            Act::Shuffle { cluster, takes } => drop(self.dask.of(&cluster, |s| s.shuffle(takes))),
            Act::EvictAll => {
                let workers = self.lock().live(Part::Worker);
                workers.iter().for_each(|pod| self.evict(pod));
            }
            Act::DrainAll => {
                let workers = self.lock().live(Part::Worker);
                for pod in workers {
                    self.delete("drain", "pods", &pod.name, DeleteOptions::default());
                }
            }
            Act::Release { cluster } => drop(self.dask.of(&cluster, super::super::dask::Scheduler::release)),
            Act::Mood { cluster, mood } => drop(self.dask.of(&cluster, |s| s.mood = mood)),
            Act::Silence { cluster, time } => {
                self.dask.of(&cluster, |s| s.mood.silent_until = now + time);
            }
            Act::KillScheduler { cluster } => self.kill_scheduler(&cluster),
            Act::Forbid { resource, code, time } => self.faults.forbid(resource, code, time),
            Act::Unseen { resource, time } => self.faults.unseen(resource, time),
            Act::Webhook { namespace, hangs, time } => self.faults.webhook(namespace, hangs, time),
            Act::Lag { resource, time } => self.faults.lag(resource, time),
            Act::Cut { gone } => {
                if gone {
                    self.server.compact();
                }
                self.cut_watches();
            }
            Act::Away { time } => {
                self.faults.away(time);
                self.cut_watches();
            }
            Act::Freeze { operator, time } => self.faults.freeze(&super::operators::name(operator), time),
            Act::Rates(rates) => self.faults.rates(rates),
            _ => {}
        }
    }

    fn kill_scheduler(&self, cluster: &str) {
        let pod = self.lock().live(Part::Scheduler).into_iter().find(|p| p.cluster == cluster && p.runs);
        if let Some(pod) = pod {
            self.process_ended(&pod.uid, 137);
        }
    }

    fn cut_watches(&self) {
        for name in self.operator_names() {
            self.faults.cut(&name);
        }
    }

    fn pod_act(&self, nth: usize, scheduler: bool, fate: PodFate) {
        let part = if scheduler { Part::Scheduler } else { Part::Worker };
        let pods = self.lock().live(part);
        let Some(pod) = nth.checked_rem(pods.len()).map(|n| pods[n].clone()) else { return };
        self.trace.say("world", format_args!("it is {}", pod.name));
        match fate {
            PodFate::Deleted => self.delete("person", "pods", &pod.name, DeleteOptions::default()),
            PodFate::Evicted => self.evict(&pod),
            PodFate::Stripped => {
                let patch = json!({"metadata": {"ownerReferences": null}});
                let object = ObjectRef { resource: "pods", name: &pod.name, subresource: None };
                self.patch("person", object, patch);
            }
            PodFate::Ends(code) => self.process_ended(&pod.uid, code),
            PodFate::NodeLost(time) => self.lose_node(&pod, time),
            PodFate::Hangs(time) => self.hang(&pod, time),
        }
    }

    fn hang(&self, pod: &PodState, time: Duration) {
        self.dask.of(&pod.cluster, |s| s.each_of(&pod.uid, |w| w.frozen = true));
        let now = self.clock.elapsed();
        self.lock().at(now + time, Event::Thaw(pod.uid.clone()));
    }

    /// From now on nothing goes wrong, and nothing is wanted but what the specs say.
    pub fn calm(&self) {
        self.trace.say("world", format_args!("all is well from now on"));
        self.faults.end();
        self.dask.each(|s| {
            s.mood = Mood::default();
            s.waiting.clear();
            s.release();
            s.want_no_results();
            s.shuffle = None;
        });
        let (lost, now) = {
            let mut state = self.lock();
            (state.bad_images, state.full_nodes) = (false, false);
            state.events.retain(|_, e| !matches!(e, Event::Act(_) | Event::NodeGone));
            (
                state.pods.values().filter(|p| p.node_lost).map(|p| p.uid.clone()).collect::<Vec<_>>(),
                self.clock.elapsed(),
            )
        };
        for uid in lost {
            self.lock().at(now, Event::NodeBack(uid));
        }
        self.node_stays();
        let workers = self.lock().live(Part::Worker);
        for pod in workers {
            self.thaw(&pod.uid);
        }
        for name in self.operator_names() {
            self.skew(&name, 0);
        }
        let _ = self.take_writes();
        self.changed.notify_one();
    }
}
