//! The one node: every pod of the API server becomes processes with an address of their own.

mod addresses;
mod command;
mod container;
mod environment;
mod hook;
pub mod image;
mod inside;
mod paths;
mod pod;
pub mod probe;
mod process;
mod start;
mod status;
mod view;
mod volumes;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube_memory_api_server::{ApiServer, Call};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};

pub use addresses::Addresses;

use crate::watchdog::Watchdog;

/// Its name.
pub const NAME: &str = "laptop";

/// A node, and what it gives its pods.
#[derive(Debug)]
pub struct Node {
    /// The API server.
    pub server: ApiServer,
    /// Where its files are.
    pub dir: PathBuf,
    /// Where `dask` and `python` are.
    pub programs: PathBuf,
    /// The agent.
    pub agent: PathBuf,
    /// The version of Dask that pods run.
    pub version: String,
    /// The addresses of pods.
    pub addresses: Addresses,
    /// Ends processes when this process cannot.
    pub watchdog: Watchdog,
    /// How many events were told.
    pub events: AtomicU64,
}

struct Known {
    version: String,
    tell: watch::Sender<Option<Arc<Value>>>,
}

impl Node {
    /// Runs pods until it is dropped.
    pub async fn run(self: Arc<Self>) {
        self.register();
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        let mut tasks = JoinSet::new();
        let mut seen = 0;
        loop {
            seen = self.server.changed(seen).await;
            let pods = self.server.objects("pods");
            let uid = |p: &Value| p["metadata"]["uid"].as_str().unwrap_or_default().to_string();
            let there: BTreeMap<String, Arc<Value>> = pods.into_iter().map(|p| (uid(&p), p)).collect();
            known.retain(|uid, pod| {
                let stays = there.contains_key(uid);
                if !stays {
                    let _ = pod.tell.send(None);
                }
                stays
            });
            for (uid, pod) in there {
                let version = pod["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_string();
                if let Some(old) = known.get_mut(&uid) {
                    if old.version != version {
                        old.version = version;
                        let _ = old.tell.send(Some(pod));
                    }
                    continue;
                }
                let Ok(typed) = serde_json::from_value::<Pod>((*pod).clone()) else { continue };
                let (tell, news) = watch::channel(Some(pod));
                known.insert(uid, Known { version, tell });
                tasks.spawn(pod::run(self.clone(), typed, news));
            }
            while tasks.try_join_next().is_some() {}
        }
    }

    fn register(&self) {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let resources = json!({"cpu": cores.to_string(), "memory": memory(), "pods": "110"});
        let now = view::time(Timestamp::now());
        let ready = json!([{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it runs",
            "lastHeartbeatTime": now, "lastTransitionTime": now}]);
        let body = json!({"metadata": {"name": NAME, "labels": {"kubernetes.io/hostname": NAME,
            "kubernetes.io/os": "linux", "kubernetes.io/arch": std::env::consts::ARCH}}});
        let call = Call::Create { resource: "nodes", namespace: String::new(), body };
        let _ = self.server.call("kubelet", call);
        let status = json!({"status": {"capacity": resources, "allocatable": resources, "conditions": ready,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NAME}],
            "nodeInfo": {"kubeletVersion": "v1.34.0", "osImage": "processes", "operatingSystem": "linux",
                "architecture": std::env::consts::ARCH, "containerRuntimeVersion": "process://1",
                "kernelVersion": "", "kubeProxyVersion": "v1.34.0", "machineID": "", "systemUUID": "",
                "bootID": ""}}});
        let call = Call::MergePatch {
            resource: "nodes",
            namespace: String::new(),
            name: NAME.into(),
            subresource: Some("status"),
            patch: status,
        };
        let _ = self.server.call("kubelet", call);
    }

    /// Why a pod does not fit here.
    fn unfit(&self, pod: &Pod) -> Option<String> {
        let selector = pod.spec.as_ref()?.node_selector.as_ref()?;
        let node = self.server.object("nodes", "", NAME)?;
        let labels = &node["metadata"]["labels"];
        let wrong = selector.iter().find(|(key, value)| labels[key.as_str()] != value.as_str())?;
        Some(format!(
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector ({}={}).",
            wrong.0, wrong.1
        ))
    }

    fn unschedulable(&self, pod: &Pod, why: &str) {
        self.event(pod, "Warning", "FailedScheduling", why);
        let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": why, "lastTransitionTime": view::time(Timestamp::now()), "lastProbeTime": null});
        let call = Call::MergePatch {
            resource: "pods",
            namespace: pod.metadata.namespace.clone().unwrap_or_default(),
            name: pod.metadata.name.clone().unwrap_or_default(),
            subresource: Some("status"),
            patch: json!({"status": {"phase": "Pending", "conditions": [condition]}}),
        };
        let _ = self.server.call("kubelet", call);
    }

    fn bind(&self, pod: &Pod) {
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let name = pod.metadata.name.clone().unwrap_or_default();
        let call = Call::Bind { namespace, name, node: NAME.into() };
        if self.server.call("pod-scheduler", call).is_ok() {
            let to = format!("Successfully assigned the pod to {NAME}");
            self.event(pod, "Normal", "Scheduled", &to);
        }
    }

    /// Tells people something about a pod.
    fn event(&self, pod: &Pod, kind: &str, reason: &str, message: &str) {
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        let name = pod.metadata.name.clone().unwrap_or_default();
        let namespace = pod.metadata.namespace.clone().unwrap_or_default();
        let now = view::time(Timestamp::now());
        let body = json!({
            "metadata": {"name": format!("{name}.{number:x}"), "namespace": namespace},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": name, "namespace": namespace,
                "uid": pod.metadata.uid},
            "type": kind, "reason": reason, "message": message, "count": 1, "firstTimestamp": now,
            "lastTimestamp": now, "source": {"component": "kubelet", "host": NAME},
        });
        let call = Call::Create { resource: "events", namespace, body };
        let _ = self.server.call("kubelet", call);
    }

    /// The folder of a pod.
    pub fn pod_dir(&self, uid: &str) -> PathBuf {
        self.dir.join("pods").join(uid)
    }
}

/// The machine's memory, as a quantity.
fn memory() -> String {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|l| l.strip_prefix("MemTotal:")).unwrap_or("0 kB");
    total.trim().replace(" kB", "Ki")
}
