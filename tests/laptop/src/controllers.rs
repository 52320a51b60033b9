//! What Kubernetes' own controllers do for a cluster: ReplicaSets of Deployments, pods of ReplicaSets, and the removal of
//! what has no owner any more.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use kube_memory_api_server::{ApiServer, Call, DeleteOptions};
use serde_json::{Value, json};

/// At least so long between two passes: much may change at once.
const PAUSE: Duration = Duration::from_millis(10);
/// The label by which a ReplicaSet knows its pods.
const HASH: &str = "pod-template-hash";
/// Who does it.
const USER: &str = "controller-manager";

/// Runs them until it is dropped.
pub async fn run(server: ApiServer) {
    let mut seen = 0;
    loop {
        seen = server.changed(seen).await;
        for deployment in server.objects("deployments") {
            Deployment { server: &server, object: deployment }.reconcile();
        }
        while server.collect_garbage() > 0 {}
        tokio::time::sleep(PAUSE).await;
    }
}

struct Deployment<'a> {
    server: &'a ApiServer,
    object: Arc<Value>,
}

impl Deployment<'_> {
    fn reconcile(&self) {
        let meta = &self.object["metadata"];
        if meta["deletionTimestamp"].is_string() {
            return;
        }
        let current = self.current();
        let sets = owned(self.server, "replicasets", meta);
        let (now, former): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|s| s["metadata"]["name"] == current.as_str());
        let mut busy = false;
        for set in &former {
            let pods = owned(self.server, "pods", &set["metadata"]);
            busy |= !pods.is_empty();
            pods.iter().for_each(|pod| self.delete(pod));
        }
        let is_recreate = self.object["spec"]["strategy"]["type"] == "Recreate";
        let Some(set) = now.first() else {
            if !(is_recreate && busy) {
                self.make_set(&current);
            }
            return;
        };
        let pods = owned(self.server, "pods", &set["metadata"]);
        self.scale(set, &pods);
        self.tell(set, &pods);
    }

    /// The name of the ReplicaSet of the template as it is.
    fn current(&self) -> String {
        let mut hash = DefaultHasher::new();
        self.object["spec"]["template"].to_string().hash(&mut hash);
        format!("{}-{:08x}", text(&self.object["metadata"]["name"]), hash.finish() as u32)
    }

    fn make_set(&self, name: &str) {
        let spec = &self.object["spec"];
        let hash = name.rsplit('-').next().unwrap_or_default();
        let (mut template, mut selector) = (spec["template"].clone(), spec["selector"].clone());
        template["metadata"]["labels"][HASH] = json!(hash);
        selector["matchLabels"][HASH] = json!(hash);
        let body = json!({
            "metadata": {"name": name, "namespace": self.namespace(), "labels": template["metadata"]["labels"],
                "ownerReferences": [owner("apps/v1", "Deployment", &self.object["metadata"])]},
            "spec": {"replicas": spec["replicas"], "selector": selector, "template": template},
        });
        self.create("replicasets", body);
    }

    /// As many pods as are wanted.
    fn scale(&self, set: &Value, pods: &[Arc<Value>]) {
        let wanted = self.object["spec"]["replicas"].as_u64().unwrap_or(1);
        if set["spec"]["replicas"].as_u64() != Some(wanted) {
            self.patch("replicasets", set, None, json!({"spec": {"replicas": wanted}}));
        }
        let over = |p: &&Arc<Value>| matches!(p["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
        let going = |p: &&Arc<Value>| p["metadata"]["deletionTimestamp"].is_string();
        let live: Vec<_> = pods.iter().filter(|p| !over(p) && !going(p)).collect();
        let count = u64::try_from(live.len()).unwrap_or(u64::MAX);
        for _ in count..wanted {
            let template = &set["spec"]["template"];
            let body = json!({
                "metadata": {"generateName": format!("{}-", text(&set["metadata"]["name"])),
                    "namespace": self.namespace(), "labels": template["metadata"]["labels"],
                    "annotations": template["metadata"]["annotations"],
                    "ownerReferences": [owner("apps/v1", "ReplicaSet", &set["metadata"])]},
                "spec": template["spec"],
            });
            self.create("pods", body);
        }
        let surplus = usize::try_from(count.saturating_sub(wanted)).unwrap_or_default();
        live.iter().rev().take(surplus).for_each(|pod| self.delete(pod));
    }

    fn tell(&self, set: &Value, pods: &[Arc<Value>]) {
        let is_ready = |p: &&Arc<Value>| {
            let mut conditions = p["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        let (all, ready) = (pods.len(), pods.iter().filter(is_ready).count());
        let wanted = self.object["spec"]["replicas"].as_u64().unwrap_or(1);
        let is_available = u64::try_from(ready).unwrap_or(u64::MAX) >= wanted;
        let condition = |kind: &str, holds: bool, reason: &str| {
            let status = if holds { "True" } else { "False" };
            let old = self.object["status"]["conditions"].as_array().into_iter().flatten();
            let known = old.into_iter().find(|c| c["type"] == kind && c["status"] == status);
            let now = || json!(Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
            let since = known.map_or_else(now, |c| c["lastTransitionTime"].clone());
            json!({"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": since,
                "lastUpdateTime": since})
        };
        let available = if is_available { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" };
        let status = json!({
            "observedGeneration": self.object["metadata"]["generation"], "replicas": all, "updatedReplicas": all,
            "readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": all - ready,
            "conditions": [condition("Available", is_available, available),
                condition("Progressing", true, "NewReplicaSetAvailable")],
        });
        self.patch("deployments", &self.object, Some("status"), json!({"status": status}));
        let status = json!({"observedGeneration": set["metadata"]["generation"], "replicas": all,
            "fullyLabeledReplicas": all, "readyReplicas": ready, "availableReplicas": ready});
        self.patch("replicasets", set, Some("status"), json!({"status": status}));
    }

    fn namespace(&self) -> String {
        text(&self.object["metadata"]["namespace"])
    }

    fn create(&self, resource: &'static str, body: Value) {
        let call = Call::Create { resource, namespace: self.namespace(), body };
        self.told(self.server.call(USER, call));
    }

    fn patch(&self, resource: &'static str, of: &Value, subresource: Option<&'static str>, patch: Value) {
        let name = text(&of["metadata"]["name"]);
        let call = Call::MergePatch { resource, namespace: self.namespace(), name, subresource, patch };
        self.told(self.server.call(USER, call));
    }

    fn delete(&self, pod: &Value) {
        if pod["metadata"]["deletionTimestamp"].is_string() {
            return;
        }
        let options = DeleteOptions { uid: Some(text(&pod["metadata"]["uid"])), ..DeleteOptions::default() };
        let name = text(&pod["metadata"]["name"]);
        let call = Call::Delete { resource: "pods", namespace: self.namespace(), name, options };
        self.told(self.server.call(USER, call));
    }

    fn told<T>(&self, done: Result<T, kube_memory_api_server::Status>) {
        if let Err(status) = done {
            let deployment = text(&self.object["metadata"]["name"]);
            tracing::warn!(deployment, error = status.message, "a Deployment's part was refused");
        }
    }
}

/// The objects of a resource that this one controls.
fn owned(server: &ApiServer, resource: &str, meta: &Value) -> Vec<Arc<Value>> {
    let is_owner = |o: &Value| o["controller"] == true && o["uid"] == meta["uid"];
    let mine = |object: &Arc<Value>| {
        object["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(is_owner)
    };
    server.objects(resource).into_iter().filter(mine).collect()
}

fn owner(api_version: &str, kind: &str, meta: &Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "name": meta["name"], "uid": meta["uid"], "controller": true,
        "blockOwnerDeletion": true})
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().into()
}
