//! The manifests of simulated people: as small as they can be.

use serde_json::{Value, json};

/// The namespace where everything happens, unless a scenario has two.
pub const NAMESPACE: &str = "sim";

/// A DaskCluster.
pub fn cluster(name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": cluster_spec(name, replicas),
    })
}

fn cluster_spec(name: &str, replicas: i64) -> Value {
    json!({
        "worker": {"replicas": replicas, "spec": worker("v1")},
        "scheduler": {
            "spec": {"containers": [{
                "name": "scheduler", "image": "dask", "args": ["dask", "scheduler"],
                "ports": [
                    {"name": "tcp-comm", "containerPort": 8786}, {"name": "http-dashboard", "containerPort": 8787},
                ],
            }]},
            "service": {
                "type": "ClusterIP",
                "selector": {"dask.org/cluster-name": name, "dask.org/component": "scheduler"},
                "ports": [
                    {"name": "tcp-comm", "protocol": "TCP", "port": 8786, "targetPort": "tcp-comm"},
                    {"name": "http-dashboard", "protocol": "TCP", "port": 8787, "targetPort": "http-dashboard"},
                ],
            },
        },
    })
}

/// A worker's pod spec with this image.
pub fn worker(image: &str) -> Value {
    json!({"containers": [{"name": "worker", "image": image, "args": ["dask", "worker"]}]})
}

/// A further group of a cluster.
pub fn group(name: &str, cluster: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskWorkerGroup",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"cluster": cluster, "worker": {"replicas": replicas, "spec": worker("v1")}},
    })
}

/// An autoscaler of a cluster.
pub fn autoscaler(cluster: &str, minimum: i64, maximum: i64) -> Value {
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskAutoscaler",
        "metadata": {"name": cluster, "namespace": NAMESPACE},
        "spec": {"cluster": cluster, "minimum": minimum, "maximum": maximum},
    })
}

/// An autoscaler of another group than the cluster's first.
pub fn autoscaler_of(group: &str, cluster: &str, (minimum, maximum): (i64, i64)) -> Value {
    let mut autoscaler = autoscaler(cluster, minimum, maximum);
    autoscaler["metadata"]["name"] = json!(group);
    autoscaler["spec"]["workerGroup"] = json!(group);
    autoscaler
}

/// A job whose program takes this many seconds.
pub fn job(name: &str, seconds: u64) -> Value {
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "job": {"spec": {"restartPolicy": "Never", "containers": [{
                "name": "main", "image": "dask", "args": ["sleep", seconds.to_string()],
            }]}},
            "cluster": {"spec": cluster_spec(name, 1)},
        },
    })
}
