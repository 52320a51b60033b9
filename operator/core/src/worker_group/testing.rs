//! Fixtures: a cluster, a group and pods, as small as they can be.

use dask_crds::{DaskClusterSpec, DaskWorkerGroupSpec};
use serde_json::json;

use crate::{
    model::{
        names,
        object::{Cluster, Group, Meta, Object},
        owner::Owner,
        pod::{PodPhase, PodRecord},
        time::Timestamp,
    },
    resources,
};

/// A moment to count from.
pub const T0: Timestamp = Timestamp(1_800_000_000_000);

fn meta(name: &str, uid: &str) -> Meta {
    Meta {
        namespace: "ns".into(),
        name: name.into(),
        uid: uid.into(),
        resource_version: "1".into(),
        generation: 1,
        created: T0,
        ..Meta::default()
    }
}

/// A cluster with one worker asked for.
pub fn cluster(name: &str) -> Cluster {
    let spec: DaskClusterSpec = serde_json::from_value(json!({
        "worker": {"spec": {"containers": [{"name": "worker", "image": "dask"}]}},
        "scheduler": {
            "spec": {"containers": [{"name": "scheduler", "image": "dask"}]},
            "service": {
                "selector": {"dask.org/cluster-name": name, "dask.org/component": "scheduler"},
                "ports": [{"name": "tcp-comm", "port": 8786}, {"name": "http-dashboard", "port": 8787}],
            },
        },
    }))
    .unwrap();
    Object { meta: meta(name, "cluster-uid"), spec, status: Default::default() }
}

/// A group of cluster `c`, owned by it.
pub fn group(name: &str, replicas: i32) -> Group {
    let spec: DaskWorkerGroupSpec = serde_json::from_value(json!({
        "cluster": "c",
        "worker": {"replicas": replicas, "spec": {"containers": [{"name": "worker", "image": "dask"}]}},
    }))
    .unwrap();
    let mut meta = meta(name, "group-uid");
    meta.owners = vec![Owner::controller("DaskCluster", "c", "cluster-uid")];
    meta.labels = [(names::CLUSTER, "c"), (names::COMPONENT, names::WORKER_GROUP)]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into();
    Object { meta, spec, status: Default::default() }
}

/// A ready pod of the fixture's group, with IP `10.0.0.<n>`.
pub fn pod(name: &str, n: u8) -> PodRecord {
    let worker = &group("c-default", 1).spec.worker;
    PodRecord {
        name: name.into(),
        uid: format!("pod-uid-{n}").into(),
        resource_version: "1".into(),
        owner_uid: Some("group-uid".into()),
        cluster: "c".into(),
        group: Some("c-default".into()),
        phase: PodPhase::Running,
        scheduled: true,
        ready_since: Some(T0),
        created: T0,
        ip: Some(format!("10.0.0.{n}")),
        template_hash: Some(resources::hash(&worker.spec, worker.metadata.as_ref())),
        ..PodRecord::default()
    }
}
