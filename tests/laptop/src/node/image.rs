//! What runs here and what does not: Dask's published images, as processes of a virtual environment with that version.

use k8s_openapi::api::core::v1::{Container, Pod, Probe};

/// Repositories of images that have Dask and nothing else of their own.
const REPOSITORIES: [&str; 2] = ["ghcr.io/dask/dask", "docker.io/daskdev/dask"];

/// Why a container cannot start, as a kubelet tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A kubelet's reason.
    pub reason: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Whether this container of a pod can run with that version of Dask.
///
/// # Errors
/// Why it cannot.
pub fn check(pod: &Pod, container: &Container, version: &str) -> Result<(), Refusal> {
    let spec = pod.spec.clone().unwrap_or_default();
    let config = |message: String| Err(Refusal { reason: "CreateContainerConfigError", message });
    let elsewhere = "this needs containers, and pods here are processes; take it out, or use make demo-kind";
    if !spec.init_containers.unwrap_or_default().is_empty() {
        return config(format!("spec.initContainers: {elsewhere}"));
    }
    if !spec.volumes.unwrap_or_default().is_empty()
        || !container.volume_mounts.clone().unwrap_or_default().is_empty()
    {
        return config(format!("spec.volumes: {elsewhere}"));
    }
    if let Some(field) = not_done_here(container) {
        return config(format!("spec.containers[{}].{field}: {elsewhere}", container.name));
    }
    let image = container.image.clone().unwrap_or_default();
    if is_dask(&image, version) {
        return Ok(());
    }
    let message = format!(
        "image {image:?}: here pods are processes with Dask {version}; use ghcr.io/dask/dask:latest (or :{version}), \
         or make demo-kind for other images"
    );
    Err(Refusal { reason: "ErrImagePull", message })
}

/// What a kubelet would do in a container, and this node does not.
fn not_done_here(container: &Container) -> Option<&'static str> {
    let asked = |probe: &Option<Probe>| probe.as_ref().is_some_and(|p| p.exec.is_some() || p.grpc.is_some());
    if container.lifecycle.is_some() {
        return Some("lifecycle");
    }
    if asked(&container.startup_probe) {
        return Some("startupProbe");
    }
    if asked(&container.readiness_probe) {
        return Some("readinessProbe");
    }
    asked(&container.liveness_probe).then_some("livenessProbe")
}

fn is_dask(image: &str, version: &str) -> bool {
    let (name, tag) = match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    };
    let full = if name.matches('/').count() == 1 { format!("docker.io/{name}") } else { name.to_string() };
    // Tags are versions, perhaps with that of Python behind.
    let of_version = tag == version || tag.strip_prefix(version).is_some_and(|rest| rest.starts_with("-py"));
    REPOSITORIES.contains(&full.as_str()) && (tag == "latest" || of_version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn images_of_dask_in_this_version_run() {
        for image in [
            "ghcr.io/dask/dask",
            "ghcr.io/dask/dask:latest",
            "ghcr.io/dask/dask:2026.8.0",
            "ghcr.io/dask/dask:2026.8.0-py3.12",
            "daskdev/dask:latest",
        ] {
            assert!(is_dask(image, "2026.8.0"), "{image}");
        }
        for image in [
            "ghcr.io/dask/dask:2025.7.0",
            "python:3.12",
            "example.org:5000/dask",
            "ghcr.io/dask/dask:2026.8.01",
        ] {
            assert!(!is_dask(image, "2026.8.0"), "{image}");
        }
    }

    #[test]
    fn what_needs_containers_is_told() {
        let pod = |spec: serde_json::Value| serde_json::from_value::<Pod>(json!({"spec": spec})).unwrap();
        let container = Container { image: Some("ghcr.io/dask/dask".into()), ..Container::default() };
        let volumes = pod(json!({"containers": [], "volumes": [{"name": "v", "emptyDir": {}}]}));
        assert!(check(&volumes, &container, "1").unwrap_err().message.starts_with("spec.volumes: "));
        let init = pod(json!({"containers": [], "initContainers": [{"name": "i"}]}));
        assert!(check(&init, &container, "1").unwrap_err().message.starts_with("spec.initContainers: "));
        let plain = pod(json!({"containers": []}));
        assert_eq!(check(&plain, &container, "1"), Ok(()));
        for field in ["lifecycle", "readinessProbe", "livenessProbe", "startupProbe"] {
            let value = if field == "lifecycle" { json!({}) } else { json!({"exec": {"command": ["true"]}}) };
            let mut text = json!({"name": "worker", "image": "ghcr.io/dask/dask"});
            text[field] = value;
            let told = check(&plain, &serde_json::from_value(text).unwrap(), "1").unwrap_err().message;
            assert!(told.starts_with(&format!("spec.containers[worker].{field}: ")), "{told}");
        }
    }
}
