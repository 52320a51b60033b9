//! Objects that cases create: as small as they can be.

use serde_json::{Value, json};

/// No node takes it: no scheduler has that name.
pub(super) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "schedulerName": "nobody", "automountServiceAccountToken": false,
            "containers": [{"name": "main", "image": "i"}],
        },
    })
}

pub(super) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

pub(super) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": "x"}, "ports": [{"name": "http", "port": 80}]},
    })
}

pub(super) fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}, "spec": pod("p")["spec"]},
        },
    })
}

/// Of a cluster that is not there.
pub(super) fn group(name: &str) -> Value {
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskWorkerGroup", "metadata": {"name": name},
        "spec": {"cluster": "nobody", "worker": {"replicas": 2, "spec": {"containers": [{"name": "worker", "image": "i"}]}}},
    })
}

pub(super) fn cluster(name: &str) -> Value {
    let spec = json!({"containers": [{"name": "main", "image": "i"}]});
    let service = json!({
        "type": "ClusterIP", "selector": {"dask.org/cluster-name": name},
        "ports": [{"name": "tcp-comm", "port": 8786, "targetPort": "tcp-comm"}],
    });
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster", "metadata": {"name": name},
        "spec": {"worker": {"replicas": 1, "spec": spec}, "scheduler": {"spec": spec, "service": service}},
    })
}

pub(super) fn autoscaler(name: &str) -> Value {
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskAutoscaler", "metadata": {"name": name},
        "spec": {"cluster": "nobody", "minimum": 1, "maximum": 3},
    })
}

pub(super) fn job(name: &str) -> Value {
    let spec = json!({"containers": [{"name": "main", "image": "i"}]});
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskJob", "metadata": {"name": name},
        "spec": {"job": {"spec": spec}, "cluster": {"spec": cluster(name)["spec"]}},
    })
}

/// About a pod that is not there.
pub(super) fn event(namespace: &str, name: &str, uid: &str, kind: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name}, "type": kind, "reason": "Tried",
        "message": "something", "count": 1,
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": namespace, "uid": uid},
    })
}

pub(super) fn lease(name: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name},
        "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15},
    })
}

/// The object with that value at a dotted path, or without what is there for null; numbers are places in a list.
pub(super) fn with(object: &Value, path: &str, value: &Value) -> Value {
    let mut object = object.clone();
    let (parent, last) = path.rsplit_once('.').unwrap_or(("", path));
    let steps = parent.split('.').filter(|step| !step.is_empty());
    let place = steps.fold(&mut object, |node, step| match step.parse::<usize>() {
        Ok(index) => &mut node[index],
        Err(_) => &mut node[step],
    });
    match (value, place.as_object_mut()) {
        (Value::Null, Some(keys)) => drop(keys.remove(last)),
        _ => place[last] = value.clone(),
    }
    object
}

/// A kind that the server knows, and one of ours.
pub(super) const KINDS: [&str; 2] = ["configmaps", "daskworkergroups"];

/// An object of one of [`KINDS`].
pub(super) fn object(resource: &str, name: &str) -> Value {
    if resource == "configmaps" { config_map(name) } else { group(name) }
}

pub(super) fn version(object: &Value) -> Value {
    object["metadata"]["resourceVersion"].clone()
}

/// On a node that is not there, so that no kubelet ends it.
pub(super) fn on_node(name: &str) -> Value {
    let mut body = pod(name);
    body["spec"]["nodeName"] = json!("is-not-there");
    body
}
