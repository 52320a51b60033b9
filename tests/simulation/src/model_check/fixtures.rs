//! What the small world is made of: one cluster, one group, one autoscaler, and pods.

use dask_operator_core::model::{
    names,
    object::{Autoscaler, Cluster, Group, Meta, Object},
    owner::Owner,
    pod::{PodPhase, PodRecord},
    time::Timestamp,
    uid::Uid,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::rules::Broken;

/// When the world begins.
pub const T0: Timestamp = Timestamp(1_800_000_000_000);
/// Seconds a person waits for a worker that does not leave.
pub const DRAIN_TIMEOUT: u64 = 60;
/// Most workers the autoscaler may ask for.
pub const MAXIMUM: i32 = 4;

fn meta(name: &str, uid: &str) -> Meta {
    Meta {
        namespace: "ns".into(),
        name: name.into(),
        uid: uid.into(),
        resource_version: "1".into(),
        generation: 1,
        created: T0,
        owners: vec![Owner::controller("DaskCluster", "c", "cluster-uid")],
        ..Meta::default()
    }
}

/// A spec from JSON, as it would come from the API server.
fn of<Spec: DeserializeOwned>(json: Value) -> Result<Spec, Broken> {
    serde_json::from_value(json).map_err(|e| {
        Broken::new("the beginning", format!("{e}; correct tests/simulation/src/model_check/fixtures.rs"))
    })
}

/// The cluster.
pub fn cluster() -> Result<Cluster, Broken> {
    let spec = of(json!({
        "worker": {"spec": {"containers": [{"name": "worker", "image": "dask"}]}},
        "scheduler": {
            "spec": {"containers": [{"name": "scheduler", "image": "dask"}]},
            "service": {
                "selector": {"dask.org/cluster-name": "c", "dask.org/component": "scheduler"},
                "ports": [{"name": "tcp-comm", "port": 8786}, {"name": "http-dashboard", "port": 8787}],
            },
        },
    }))?;
    let mut meta = meta("c", "cluster-uid");
    meta.owners.clear();
    Ok(Object { meta, spec, status: Default::default() })
}

/// Its one group, empty.
pub fn group() -> Result<Group, Broken> {
    let spec = of(json!({
        "cluster": "c",
        "worker": {
            "replicas": 0, "drainTimeout": DRAIN_TIMEOUT,
            "spec": {"containers": [{"name": "worker", "image": "dask"}]},
        },
    }))?;
    let mut meta = meta("c-default", "group-uid");
    meta.labels = [(names::CLUSTER, "c"), (names::COMPONENT, names::WORKER_GROUP)]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into();
    Ok(Object { meta, spec, status: Default::default() })
}

/// The autoscaler of that group.
pub fn autoscaler() -> Result<Autoscaler, Broken> {
    let spec = of(json!({"cluster": "c", "minimum": 0, "maximum": MAXIMUM}))?;
    Ok(Object { meta: meta("a", "autoscaler-uid"), spec, status: Default::default() })
}

/// A pod that was just created.
pub fn pod(name: &str, uid: Uid, template: Option<String>, now: Timestamp) -> PodRecord {
    PodRecord {
        name: name.into(),
        uid,
        owner_uid: Some("group-uid".into()),
        cluster: "c".into(),
        group: Some("c-default".into()),
        phase: PodPhase::Pending,
        created: now,
        template_hash: template,
        ..PodRecord::default()
    }
}
