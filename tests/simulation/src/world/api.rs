//! Calls of the world's own people and machines to the API server.

use kube_memory_api_server::{Call, DeleteOptions, Propagation, Status};
use serde_json::{Value, json};

use super::World;
use crate::manifest::NAMESPACE;

/// An object in the world's namespace, or a subresource of it.
pub(super) struct ObjectRef<'a> {
    pub resource: &'static str,
    pub name: &'a str,
    pub subresource: Option<&'static str>,
}

impl World {
    pub(super) fn make_namespace(&self, name: &str) {
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let call = Call::Create { resource: "namespaces", namespace: String::new(), body };
        self.told("world", self.server.call("world", call));
    }

    pub(super) fn create(&self, who: &str, resource: &'static str, body: Value) {
        let call = Call::Create { resource, namespace: NAMESPACE.into(), body };
        self.told(who, self.server.call(who, call));
    }

    pub(super) fn patch(&self, who: &str, object: ObjectRef<'_>, patch: Value) {
        let ObjectRef { resource, name, subresource } = object;
        let call =
            Call::MergePatch { resource, namespace: NAMESPACE.into(), name: name.into(), subresource, patch };
        self.told(who, self.server.call(who, call));
    }

    pub(super) fn delete(&self, who: &str, resource: &'static str, name: &str, options: DeleteOptions) {
        let call = Call::Delete { resource, namespace: NAMESPACE.into(), name: name.into(), options };
        self.told(who, self.server.call(who, call));
    }

    /// A pod's own status, as its node tells it.
    pub(super) fn pod_status(&self, name: &str, status: &Value) {
        let pod = ObjectRef { resource: "pods", name, subresource: Some("status") };
        self.patch("kubelet", pod, json!({"status": status}));
    }

    /// The pod scheduler gives a pod this node.
    pub(super) fn bind_pod(&self, name: &str, node: &str) {
        let call = Call::Bind { namespace: NAMESPACE.into(), name: name.into(), node: node.into() };
        self.told("pod-scheduler", self.server.call("pod-scheduler", call));
    }

    /// The node lets go of a pod for good.
    pub(super) fn forget_pod(&self, name: &str, uid: &str) {
        let options = DeleteOptions { grace: Some(0), uid: Some(uid.into()), ..DeleteOptions::default() };
        self.delete("kubelet", "pods", name, options);
    }

    /// A refusal is a part of the story, and not more: what people try may fail.
    pub(super) fn told<T>(&self, who: &str, answer: Result<T, Status>) {
        if let Err(status) = answer {
            self.trace.say(who, format_args!("was refused: {}", status.message));
        }
        self.observe();
    }
}

/// How a person's deletion is to go on.
pub(super) fn propagation(name: &str) -> Propagation {
    match name {
        "Foreground" => Propagation::Foreground,
        "Orphan" => Propagation::Orphan,
        _ => Propagation::Background,
    }
}
