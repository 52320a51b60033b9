//! What runs here and what does not: Dask's published images, as processes of a virtual environment with that version; the
//! agent's; and one that is Dask's with another entry point, which the manifest brings.

use k8s_openapi::api::core::v1::{Container, Pod, Probe, VolumeMount};

use super::volumes;

/// Repositories of images that have Dask and nothing else of their own.
const REPOSITORIES: [&str; 2] = ["ghcr.io/dask/dask", "docker.io/daskdev/dask"];
/// The image that has the agent.
pub const AGENT: &str = "dask-operator:laptop";
/// Dask's image with an entry point that is a variable's text: for what people's own images do with their arguments.
/// `tests/kind/dask-image.sh` makes the same.
const ENTRY_POINT: &str = "dask-entry-point:1";
/// Its entry point.
pub const ENTRY: [&str; 4] = ["sh", "-c", r#"eval "$ENTRY_POINT""#, "entry-point"];
/// The agent in its image.
pub const AGENT_PROGRAM: &str = "/dask-agent";

/// Why a container cannot start, as a kubelet tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A kubelet's reason.
    pub reason: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What a container's image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// Dask's own; its entry point is `tini -g`, which hands signals on to all processes.
    Dask,
    /// The one that has the agent.
    Agent,
    /// Dask's with an entry point of the manifest's.
    EntryPoint,
}

/// The image of this name, where Dask has that version.
///
/// # Errors
/// There is none.
pub fn find(image: &str, version: &str) -> Result<Image, Refusal> {
    match image {
        AGENT => return Ok(Image::Agent),
        ENTRY_POINT => return Ok(Image::EntryPoint),
        _ if is_dask(image, version) => return Ok(Image::Dask),
        _ => {}
    }
    let message = format!(
        "image {image:?}: here pods are processes with Dask {version}; use ghcr.io/dask/dask:latest (or :{version}), \
         or make demo-kind for other images"
    );
    Err(Refusal { reason: "ErrImagePull", message })
}

/// Whether this container of a pod can run with that version of Dask.
///
/// # Errors
/// Why it cannot.
pub fn check(pod: &Pod, container: &Container, version: &str) -> Result<(), Refusal> {
    let elsewhere = "this needs containers, and pods here are processes; take it out, or use make demo-kind";
    if let Some(field) = not_done_here(pod, container) {
        let message = format!("{field}: {elsewhere}");
        return Err(Refusal { reason: "CreateContainerConfigError", message });
    }
    find(container.image.as_deref().unwrap_or_default(), version).map(drop)
}

/// What a kubelet would do for a container, and this node does not.
fn not_done_here(pod: &Pod, container: &Container) -> Option<String> {
    let spec = pod.spec.as_ref()?;
    if let Some(side) = spec.init_containers.iter().flatten().find(|c| c.restart_policy.is_some()) {
        return Some(format!("spec.initContainers[{}].restartPolicy", side.name));
    }
    if let Some(volume) = spec.volumes.iter().flatten().find_map(volumes::unknown) {
        return Some(volume);
    }
    let field = |name: &str| format!("spec.containers[{}].{name}", container.name);
    let is_part = |m: &VolumeMount| m.sub_path.is_some() || m.sub_path_expr.is_some();
    if container.volume_mounts.iter().flatten().any(is_part) {
        return Some(field("volumeMounts.subPath"));
    }
    if container.lifecycle.as_ref().is_some_and(|l| l.post_start.is_some()) {
        return Some(field("lifecycle.postStart"));
    }
    let asks = |probe: &Option<Probe>| probe.as_ref().is_some_and(|p| p.exec.is_some() || p.grpc.is_some());
    let probes = [
        ("startupProbe", &container.startup_probe),
        ("readinessProbe", &container.readiness_probe),
        ("livenessProbe", &container.liveness_probe),
    ];
    probes.into_iter().find(|(_, probe)| asks(probe)).map(|(name, _)| field(name))
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
        let told = |pod: &Pod, container: &Container| check(pod, container, "1").unwrap_err().message;
        let volumes = json!([{"name": "e", "emptyDir": {}}, {"name": "v", "hostPath": {"path": "/"}}]);
        let volumes = pod(json!({"containers": [], "volumes": volumes}));
        assert!(told(&volumes, &container).starts_with("spec.volumes[v]: "));
        let side = json!([{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]);
        let side = pod(json!({"containers": [], "initContainers": side}));
        assert!(told(&side, &container).starts_with("spec.initContainers[s].restartPolicy: "));
        let plain = pod(json!({"containers": []}));
        assert_eq!(check(&plain, &container, "1"), Ok(()));
        let exec = json!({"exec": {"command": ["true"]}});
        for (field, value, path) in [
            ("lifecycle", json!({"postStart": exec}), "lifecycle.postStart"),
            (
                "volumeMounts",
                json!([{"name": "e", "mountPath": "/e", "subPath": "x"}]),
                "volumeMounts.subPath",
            ),
            ("readinessProbe", exec.clone(), "readinessProbe"),
            ("livenessProbe", exec.clone(), "livenessProbe"),
            ("startupProbe", exec.clone(), "startupProbe"),
        ] {
            let mut text = json!({"name": "worker", "image": "ghcr.io/dask/dask"});
            text[field] = value;
            let told = told(&plain, &serde_json::from_value(text).unwrap());
            assert!(told.starts_with(&format!("spec.containers[worker].{path}: ")), "{told}");
        }
        let hook = json!({"name": "w", "image": "ghcr.io/dask/dask", "lifecycle": {"preStop": exec}});
        assert_eq!(check(&plain, &serde_json::from_value(hook).unwrap(), "1"), Ok(()));
    }
}
