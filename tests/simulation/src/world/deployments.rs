//! The Deployment controller, as far as schedulers need it: one pod for each Deployment, and its status.

use serde_json::{Value, json};

use super::{Part, World, api::ObjectRef};
use crate::manifest::NAMESPACE;

impl World {
    /// Sees to one Deployment.
    pub(super) fn deployment(&self, name: &str) {
        let Some(object) = self.server.object("deployments", NAMESPACE, name) else { return };
        let meta = &object["metadata"];
        if meta["deletionTimestamp"].is_string() {
            return;
        }
        let uid = meta["uid"].as_str().unwrap_or_default();
        let pods: Vec<_> =
            self.server.objects("pods").into_iter().filter(|p| owner(p) == Some(uid)).collect();
        // A pod that is over is replaced; one that is only being deleted is waited for (Recreate).
        let over = |p: &Value| matches!(p["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
        if pods.iter().all(|p| over(p)) {
            self.create("deployment", "pods", pod_of(&object, uid, self.next_number()));
            return;
        }
        let ready = |p: &Value| {
            let mut conditions = p["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        let ready = pods.iter().filter(|p| ready(p)).count();
        let available = if ready > 0 { "True" } else { "False" };
        if object["status"]["conditions"][0]["status"] == available {
            return;
        }
        let time = self.time();
        let status = json!({
            "observedGeneration": meta["generation"], "replicas": 1, "readyReplicas": ready,
            "conditions": [{"type": "Available", "status": available, "reason": "x", "message": "",
                "lastTransitionTime": time, "lastUpdateTime": time}],
        });
        let deployment = ObjectRef { resource: "deployments", name, subresource: Some("status") };
        self.patch("deployment", deployment, json!({"status": status}));
    }

    fn next_number(&self) -> u64 {
        let mut state = self.lock();
        state.count += 1;
        state.count
    }

    /// Whether a cluster has a scheduler whose process runs.
    pub fn has_scheduler(&self, cluster: &str) -> bool {
        self.lock().pods.values().any(|p| p.part == Part::Scheduler && p.cluster == cluster && p.runs)
    }
}

/// UID of an object's controller.
pub fn owner(object: &Value) -> Option<&str> {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    owners.into_iter().find(|o| o["controller"] == true).and_then(|o| o["uid"].as_str())
}

fn pod_of(deployment: &Value, uid: &str, number: u64) -> Value {
    let name = deployment["metadata"]["name"].as_str().unwrap_or_default();
    let template = &deployment["spec"]["template"];
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{name}-{number}"), "namespace": NAMESPACE,
            "labels": template["metadata"]["labels"],
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": uid,
                "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": template["spec"],
    })
}
