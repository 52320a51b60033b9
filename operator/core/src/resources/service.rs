//! The scheduler's Service, and that it finds the scheduler's pod.

use std::collections::BTreeMap;

use dask_crds::SchedulerSpec;
use serde_json::{Map, Value, json};

use super::{cluster_owner, labels, scheduler_deployment_meta, scheduler_labels, scheduler_meta};
use crate::{
    model::{names, object::Cluster},
    plan::merge_patch,
};

/// A cluster's scheduler Service.
pub fn scheduler_service(cluster: &Cluster) -> Value {
    let meta = scheduler_meta(cluster);
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": names::scheduler(&cluster.meta.name), "namespace": cluster.meta.namespace,
            "labels": meta.labels, "annotations": meta.annotations,
            "ownerReferences": [cluster_owner(cluster)],
        },
        "spec": scheduler_service_spec(cluster),
    })
}

/// What the cluster says of its scheduler's Service. A selector that selects the scheduler's pod and does not say which
/// cluster or which part of it is completed: it would select schedulers of other clusters, or workers, and the own
/// scheduler has these labels always. One that selects other pods, such as a proxy's, is its author's.
pub(crate) fn scheduler_service_spec(cluster: &Cluster) -> Value {
    let mut spec = merge_patch::entries(&cluster.spec.scheduler.service.0);
    let selector = spec.get_mut("selector").and_then(Value::as_object_mut);
    // Without any entry, a Service's endpoints are written by another controller.
    let labels = scheduler_pod_labels(cluster);
    let is_schedulers = |s: &Map<String, Value>| {
        !s.is_empty() && s.iter().all(|(k, v)| labels.get(k).map(String::as_str) == v.as_str())
    };
    if let Some(selector) = selector.filter(|s| is_schedulers(s)) {
        for (key, value) in scheduler_labels(&cluster.meta.name) {
            selector.entry(key).or_insert_with(|| value.into());
        }
    }
    spec.into()
}

/// Labels of the scheduler's pod. Those of a tool stay with the DaskCluster, unless the Service selects by them: tools
/// look for their keys on objects without an owner, which a pod is not.
pub(crate) fn scheduler_pod_labels(cluster: &Cluster) -> BTreeMap<String, String> {
    let mut labels = scheduler_deployment_meta(cluster).labels;
    let selector = cluster.spec.scheduler.service.0.get("selector").and_then(Value::as_object);
    for (key, value) in selector.into_iter().flat_map(Map::iter) {
        let of_cluster = cluster.meta.labels.get(key).filter(|own| value == own.as_str());
        if let Some(own) = of_cluster.filter(|_| !labels::is_reserved(key)) {
            labels.entry(key.clone()).or_insert_with(|| own.clone());
        }
    }
    labels
}

/// The port with this name of the Service of this scheduler, else `default`.
pub fn service_port(scheduler: &SchedulerSpec, name: &str, default: u16) -> u16 {
    let ports = scheduler.service.0.get("ports").and_then(Value::as_array);
    ports
        .into_iter()
        .flatten()
        .find(|p| p["name"] == name)
        .and_then(|p| p["port"].as_u64())
        .and_then(|p| u16::try_from(p).ok())
        .unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{resources, worker_group::testing};

    fn cluster(labels: &[(&str, &str)], selector: Value) -> Cluster {
        let mut cluster = testing::cluster("c");
        cluster.meta.labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        cluster.spec.scheduler.service.0["selector"] = selector;
        cluster
    }

    #[test]
    fn a_selector_is_completed_and_never_overridden() {
        let selector = |written: Value| {
            let cluster = cluster(&[], written);
            scheduler_service(&cluster)["spec"].get("selector").cloned()
        };
        let own = json!({"dask.org/cluster-name": "c", "dask.org/component": "scheduler"});
        assert_eq!(selector(own.clone()), Some(own.clone()));
        assert_eq!(selector(json!({"dask.org/component": "scheduler"})), Some(own.clone()));
        assert_eq!(selector(json!({"dask.org/cluster-name": "c"})), Some(own));
        let other = json!({"dask.org/cluster-name": "other", "dask.org/component": "x"});
        assert_eq!(selector(other.clone()), Some(other), "it is told, and left");
        let proxy = json!({"app": "proxy"});
        assert_eq!(selector(proxy.clone()), Some(proxy), "it selects other pods than the scheduler's");
        assert_eq!(selector(json!({})), Some(json!({})));
        assert_eq!((selector(Value::Null), selector(json!("x"))), (None, Some(json!("x"))));
    }

    #[test]
    fn the_schedulers_pod_has_the_labels_that_its_service_selects() {
        let labels = [
            ("app.kubernetes.io/instance", "session-1"),
            ("app.kubernetes.io/managed-by", "Helm"),
            ("helm.sh/chart", "a-1"),
            ("kubernetes.dask.org/x", "1"),
        ];
        let selector = json!({
            "app.kubernetes.io/instance": "session-1", "helm.sh/chart": "another", "kubernetes.dask.org/x": "1",
        });
        let deployment = resources::scheduler_deployment(&cluster(&labels, selector));
        let pod = &deployment["spec"]["template"]["metadata"]["labels"];
        assert_eq!(pod["app.kubernetes.io/instance"], "session-1");
        for key in ["app.kubernetes.io/managed-by", "helm.sh/chart", "kubernetes.dask.org/x"] {
            assert_eq!(pod.get(key), None, "{key} is not selected by, has another value, or is ours");
        }
        for (what, of) in
            [("labels", &deployment["metadata"]), ("matchLabels", &deployment["spec"]["selector"])]
        {
            assert_eq!(of[what].get("app.kubernetes.io/instance"), None, "it is the parent's: {what}");
        }
    }
}
