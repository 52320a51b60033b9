//! What users and the Python client send decodes, and comes back as it was.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use dask_crds::{DaskAutoscaler, DaskCluster, DaskJob, DaskJobStatus, DaskWorkerGroup, JobStatus};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

fn manifest<T: DeserializeOwned>(text: &str) -> (T, Value) {
    (serde_saphyr::from_str(text).unwrap(), serde_saphyr::from_str(text).unwrap())
}

fn encode(object: impl Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

#[test]
fn documented_cluster() {
    let (cluster, sent) = manifest::<DaskCluster>(include_str!("manifests/cluster.yaml"));
    assert_eq!((cluster.spec.worker.replicas, cluster.spec.idle_timeout), (2, 0));
    assert_eq!(cluster.spec.scheduler.service.0["type"], "NodePort");
    let back = encode(&cluster);
    assert_eq!(back["spec"]["scheduler"], sent["spec"]["scheduler"]);
    assert_eq!(back["spec"]["worker"], sent["spec"]["worker"]);
}

#[test]
fn documented_worker_group() {
    let (group, sent) = manifest::<DaskWorkerGroup>(include_str!("manifests/workergroup.yaml"));
    assert_eq!((group.spec.cluster.as_str(), group.spec.worker.replicas), ("sample", 3));
    let labels = group.spec.worker.metadata.clone().unwrap().labels.unwrap();
    assert_eq!(labels["tier"].as_deref(), Some("highmem"));
    assert_eq!(encode(&group)["spec"], sent["spec"]);
}

#[test]
fn documented_autoscaler() {
    let (autoscaler, sent) = manifest::<DaskAutoscaler>(include_str!("manifests/autoscaler.yaml"));
    assert_eq!((autoscaler.spec.minimum, autoscaler.spec.maximum), (Some(1), Some(10)));
    assert_eq!(encode(&autoscaler)["spec"], sent["spec"]);
}

#[test]
fn documented_job() {
    let (job, sent) = manifest::<DaskJob>(include_str!("manifests/job.yaml"));
    assert_eq!(job.spec.cluster.spec.worker.replicas, 2);
    assert_eq!(encode(&job)["spec"]["job"], sent["spec"]["job"]);
}

#[test]
fn time_to_start_of_a_job() {
    let mut sent: Value = serde_saphyr::from_str(include_str!("manifests/job.yaml")).unwrap();
    for (value, read) in [(json!(0), Some(0)), (json!(60), Some(60)), (Value::Null, None)] {
        sent["spec"]["job"]["startTimeout"] = value;
        let job: DaskJob = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(job.spec.job.start_timeout, read);
    }
}

#[test]
fn unknown_pod_and_service_fields_survive() {
    let mut sent: Value = serde_saphyr::from_str(include_str!("manifests/cluster.yaml")).unwrap();
    sent["spec"]["worker"]["spec"]["fieldOfTomorrow"] = json!({"a": [1, null, {"b": 0.5}]});
    sent["spec"]["worker"]["spec"]["containers"][0]["newer"] = json!("x");
    sent["spec"]["scheduler"]["service"]["newer"] = json!(7);
    let cluster: DaskCluster = serde_json::from_value(sent.clone()).unwrap();
    let back = encode(&cluster);
    assert_eq!(back["spec"]["worker"], sent["spec"]["worker"]);
    assert_eq!(back["spec"]["scheduler"], sent["spec"]["scheduler"]);
}

#[test]
fn nulls_are_read_as_absent() {
    let mut sent: Value = serde_saphyr::from_str(include_str!("manifests/cluster.yaml")).unwrap();
    sent["spec"]["idleTimeout"] = Value::Null;
    sent["spec"]["worker"]["replicas"] = Value::Null;
    sent["spec"]["worker"]["metadata"] = Value::Null;
    sent["spec"]["worker"]["drainTimeout"] = Value::Null;
    sent["spec"]["worker"]["agent"] = Value::Null;
    sent["spec"]["scheduler"]["metadata"] = json!({"labels": null, "annotations": {"a": null}});
    sent["spec"]["worker"]["spec"]["containers"][0]["env"] = Value::Null;
    sent["status"] = Value::Null;
    let cluster: DaskCluster = serde_json::from_value(sent).unwrap();
    assert_eq!((cluster.spec.worker.replicas, cluster.spec.idle_timeout), (1, 0));
    let worker = cluster.spec.worker;
    assert_eq!((worker.metadata, worker.drain_timeout, worker.agent), (None, None, None));
    assert_eq!(cluster.status, None);

    let sent = json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskAutoscaler", "metadata": {"name": "a"},
        "spec": {"cluster": "c", "minimum": null, "maximum": null, "workerGroup": null},
    });
    let autoscaler: DaskAutoscaler = serde_json::from_value(sent).unwrap();
    assert_eq!((autoscaler.spec.minimum, autoscaler.spec.maximum), (None, None));
}

#[test]
fn absent_numbers_take_their_defaults() {
    let sent = json!({
        "worker": {"spec": {"containers": []}},
        "scheduler": {"spec": {"containers": []}, "service": {}},
    });
    let spec: dask_crds::DaskClusterSpec = serde_json::from_value(sent).unwrap();
    assert_eq!((spec.worker.replicas, spec.idle_timeout), (1, 0));
}

#[test]
fn a_job_may_carry_a_whole_cluster() {
    let mut sent: Value = serde_saphyr::from_str(include_str!("manifests/job.yaml")).unwrap();
    sent["spec"]["cluster"]["metadata"] = json!({"name": "ignored"});
    sent["spec"]["cluster"]["status"] = json!({"phase": ""});
    sent["status"] = json!({"jobStatus": null, "startTime": null, "jobRunnerPodName": null});
    let job: DaskJob = serde_json::from_value(sent).unwrap();
    assert_eq!(job.status.unwrap().job_status, None);
}

#[test]
fn job_status_is_always_written() {
    assert_eq!(encode(DaskJobStatus::default()), json!({"jobStatus": null}));
    let status = DaskJobStatus { job_status: Some(JobStatus::Successful), ..DaskJobStatus::default() };
    assert_eq!(encode(status), json!({"jobStatus": "Successful"}));
}
