//! Manifests of the tests: small, quick to start and to end. Tests change them in place.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::settings;

/// A cluster with one thread a worker and 256 MiB for results.
///
/// # Errors
/// The image is not known.
pub fn cluster(name: &str, replicas: i32) -> Result<Value> {
    Ok(json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskCluster",
        "metadata": {"name": name},
        "spec": {
            "worker": {"replicas": replicas, "spec": worker()?},
            "scheduler": {"spec": scheduler()?, "service": service(name)},
        },
    }))
}

/// A further group of a cluster.
///
/// # Errors
/// The image is not known.
pub fn group(name: &str, cluster: &str, replicas: i32) -> Result<Value> {
    Ok(json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskWorkerGroup",
        "metadata": {"name": name},
        "spec": {"cluster": cluster, "worker": {"replicas": replicas, "spec": worker()?}},
    }))
}

/// A job whose cluster has one worker and whose program is these arguments.
///
/// # Errors
/// The image is not known.
pub fn job(name: &str, program: &[&str]) -> Result<Value> {
    let cluster = cluster(name, 1)?;
    let mut runner = pod("main", program, json!({}))?;
    runner["restartPolicy"] = "Never".into();
    Ok(json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskJob",
        "metadata": {"name": name},
        "spec": {"job": {"spec": runner}, "cluster": {"spec": cluster["spec"]}},
    }))
}

/// An autoscaler of a cluster's default group.
pub fn autoscaler(name: &str, cluster: &str, minimum: i32, maximum: i32) -> Value {
    json!({
        "apiVersion": "kubernetes.dask.org/v1", "kind": "DaskAutoscaler",
        "metadata": {"name": name},
        "spec": {"cluster": cluster, "minimum": minimum, "maximum": maximum},
    })
}

/// A file of `examples/`, with our image in place of the published one.
///
/// # Errors
/// It cannot be read, or is no YAML.
pub fn example(file: &str) -> Result<Value> {
    runnable(&format!("examples/{file}"))
}

/// A file, from the top of the checkout, with our image in place of its own and for any namespace.
///
/// # Errors
/// It cannot be read, or is no YAML.
pub fn runnable(path: &str) -> Result<Value> {
    let mut manifest = file(path)?;
    replace_images(&mut manifest, &settings::dask_image()?);
    if let Some(metadata) = manifest["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    Ok(manifest)
}

/// A file, from the top of the checkout, as it is.
///
/// # Errors
/// It cannot be read, or is no YAML.
pub fn file(path: &str) -> Result<Value> {
    let text = fs::read_to_string(settings::repository().join(path)).with_context(|| path.to_string())?;
    serde_saphyr::from_str(&text).with_context(|| path.to_string())
}

/// A file's manifests, from the top of the checkout, with our image in place of Dask's published one.
///
/// # Errors
/// It cannot be read, or is no YAML.
pub fn all(path: &str) -> Result<Vec<Value>> {
    let text = fs::read_to_string(settings::repository().join(path)).with_context(|| path.to_string())?;
    let text = text.replace("ghcr.io/dask/dask:latest", &settings::dask_image()?);
    serde_saphyr::from_multiple(&text).with_context(|| path.to_string())
}

fn replace_images(value: &mut Value, image: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "image" && value.is_string() {
                    *value = image.into();
                } else {
                    replace_images(value, image);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|v| replace_images(v, image)),
        _ => {}
    }
}

fn worker() -> Result<Value> {
    let mut args = vec!["dask", "worker", "--name", "$(DASK_WORKER_NAME)"];
    args.extend(["--no-dashboard", "--nthreads", "1", "--memory-limit", "256MiB"]);
    pod("worker", &args, json!({}))
}

fn scheduler() -> Result<Value> {
    let extra = json!({
        "ports": [{"name": "tcp-comm", "containerPort": 8786}, {"name": "http-dashboard", "containerPort": 8787}],
        "readinessProbe": {"tcpSocket": {"port": "tcp-comm"}, "periodSeconds": 1},
    });
    pod("scheduler", &["dask", "scheduler", "--host", "0.0.0.0", "--no-dashboard"], extra)
}

fn pod(name: &str, args: &[&str], extra: Value) -> Result<Value> {
    let mut container = json!({
        "name": name, "image": settings::dask_image()?, "imagePullPolicy": "IfNotPresent", "args": args,
        "resources": {"requests": {"cpu": "20m", "memory": "100Mi"}},
    });
    if let (Some(container), Value::Object(extra)) = (container.as_object_mut(), extra) {
        container.extend(extra);
    }
    Ok(json!({"terminationGracePeriodSeconds": 5, "containers": [container]}))
}

fn service(cluster: &str) -> Value {
    json!({
        "type": "ClusterIP",
        "selector": {"dask.org/cluster-name": cluster, "dask.org/component": "scheduler"},
        "ports": [
            {"name": "tcp-comm", "port": 8786, "targetPort": "tcp-comm"},
            {"name": "http-dashboard", "port": 8787, "targetPort": "http-dashboard"},
        ],
    })
}
