//! Values that are accepted, because dask-kubernetes accepts them and they can work.

use anyhow::Result;
use dask_operator_tests::manifest;
use serde_json::{Value, json};

use super::job;

type Values = Vec<(&'static str, Value)>;

/// Objects, and what is accepted in them.
pub(crate) fn values() -> Result<[(Value, Values); 3]> {
    Ok([
        (manifest::cluster("c", 1)?, clusters()),
        (
            manifest::autoscaler("a", "c", 1, 3),
            vec![("spec.minimum", json!(0)), ("spec.maximum", json!(1)), ("spec.workerGroup", Value::Null)],
        ),
        (job()?, jobs()),
    ])
}

fn clusters() -> Values {
    const REQUESTS: &str = "spec.worker.spec.containers.0.resources.requests";
    let mut values: Values = vec![
        ("spec.idleTimeout", Value::Null),
        ("spec.worker.replicas", Value::Null),
        ("spec.worker.replicas", json!(0)),
        ("spec.worker.metadata", Value::Null),
        ("spec.worker.metadata", json!({"labels": {"a": null}, "annotations": {"b": "any text: 1/2"}})),
        ("spec.worker.spec.restartPolicy", json!("Always")),
        ("spec.scheduler.spec.restartPolicy", json!("Always")),
        ("spec.worker.spec.containers.0.env", Value::Null),
        ("spec.worker.spec.containers.0.resources", Value::Null),
        (
            "spec.worker.spec.containers.0.env",
            json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        ),
        (
            "spec.scheduler.spec.containers.0.livenessProbe",
            json!({"httpGet": {"port": 8787, "path": "/health"}}),
        ),
        ("spec.scheduler.service.ports", json!([{"name": "tcp-comm", "port": 8786, "targetPort": 8786}])),
        (
            "spec.scheduler.service.ports",
            json!([{"name": "t", "port": 1}, {"name": "u", "port": 1, "protocol": "UDP"}]),
        ),
        ("spec.scheduler.service.type", json!("")),
        (
            "spec.worker.spec.tolerations",
            json!([{"operator": "Exists"}, {"operator": "Exists", "effect": ""}]),
        ),
        ("spec.worker.spec.serviceAccountName", json!("")),
        ("spec.worker.spec.activeDeadlineSeconds", json!(3600)),
        ("spec.worker.spec.fieldOfTomorrow", json!({"a": [null, 0.5]})),
        // Names that cannot work are told by a condition: dask-kubernetes' clients look at the phase.
        ("metadata.name", json!("with.dots")),
        ("metadata.name", json!("a".repeat(54))),
        ("metadata.name", json!("1abc")),
    ];
    for quantity in [
        "0", "500m", "1e3", "1E3", "1e-3", "0.5", ".5", "1.", "+1", "1Gi", "1.5Ti", "3E", "12Ei", "100u",
        "1k", " 1 ",
    ] {
        values.push((REQUESTS, json!({"memory": quantity})));
    }
    values.push((REQUESTS, json!({"cpu": 1, "example.com/gpu": 0, "memory": null})));
    values
}

fn jobs() -> Values {
    vec![
        ("spec.job.metadata", json!({"creationTimestamp": null})),
        ("spec.job.spec.restartPolicy", json!("OnFailure")),
        ("spec.cluster.metadata", json!({"creationTimestamp": null, "labels": {"any": "a b"}})),
        ("spec.cluster.status", json!({"phase": ""})),
        ("spec.cluster.spec.worker.spec.restartPolicy", json!("Always")),
        ("status", json!({"jobStatus": "", "startTime": null})),
    ]
}
