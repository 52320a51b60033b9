//! Nodes that can be seen: there are two, and one of them says when it is about to go.

use std::time::Duration;

use kube_memory_api_server::{Call, DeleteOptions};
use serde_json::{Value, json};

use super::{Event, Part, World};

/// The node of a world in which nodes do not matter.
const ONLY: &str = "node";
/// The node that stays.
const STAYS: &str = "node-0";
/// The node that goes.
pub const GOES: &str = "node-1";

/// What there is of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Nodes {
    /// Whether there are two that can be seen.
    pub seen: bool,
    /// Whether one of them is about to go.
    pub leaving: bool,
}

impl World {
    /// From now on there are two nodes, and operators may look at them.
    pub fn make_nodes(&self) {
        self.lock().nodes.seen = true;
        for name in [STAYS, GOES] {
            let body = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}});
            let call = Call::Create { resource: "nodes", namespace: String::new(), body };
            self.told("world", self.server.call("world", call));
        }
    }

    /// Where the pod scheduler puts a pod.
    pub(super) fn a_node(&self) -> &'static str {
        let mut state = self.lock();
        let nodes = state.nodes;
        match nodes {
            Nodes { seen: false, .. } => ONLY,
            Nodes { leaving: false, .. } if state.chance.flip(0.5) => GOES,
            Nodes { .. } => STAYS,
        }
    }

    /// One of them says that it is about to go.
    pub(super) fn node_leaves(&self, time: Duration) {
        let now = self.clock.elapsed();
        {
            let mut state = self.lock();
            if state.nodes.leaving || !state.nodes.seen {
                return;
            }
            state.nodes.leaving = true;
            state.at(now + time, Event::NodeGone);
        }
        self.taints(&json!([{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]));
    }

    /// It goes, its pods are told to end, and another one takes its place.
    pub(super) fn node_gone(&self) {
        let (mut pods, workers): (Vec<String>, usize) = {
            let state = self.lock();
            let on_it = || state.pods.values().filter(|p| p.node == GOES && !p.over);
            let workers = on_it().filter(|p| p.part == Part::Worker && !p.deleting).count();
            (on_it().map(|p| p.name.clone()).collect(), workers)
        };
        pods.sort();
        if workers > 0 {
            self.trace.say("karpenter", format_args!("takes {workers} workers along"));
        }
        for pod in pods {
            self.delete("karpenter", "pods", &pod, DeleteOptions::default());
        }
        self.node_stays();
    }

    /// None of them is about to go any more.
    pub(super) fn node_stays(&self) {
        if std::mem::take(&mut self.lock().nodes.leaving) {
            self.taints(&Value::Null);
        }
    }

    fn taints(&self, taints: &Value) {
        let call = Call::MergePatch {
            resource: "nodes",
            namespace: String::new(),
            name: GOES.into(),
            subresource: None,
            patch: json!({"spec": {"taints": taints}}),
        };
        self.told("karpenter", self.server.call("karpenter", call));
    }
}
