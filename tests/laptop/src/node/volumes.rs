//! Volumes: folders of the pod's own, filled from what they are made of.

use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use k8s_openapi::api::core::v1::{Container, KeyToPath, Pod, Volume};
use kube_memory_api_server::ApiServer;
use serde_json::Value;

use super::{image::Refusal, paths::Paths};

/// What a container finds where its volumes are mounted.
///
/// # Errors
/// A volume needs something that is not there.
pub fn of(server: &ApiServer, pod: &Pod, container: &Container, dir: &Path) -> Result<Paths, Refusal> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let volumes = pod.spec.as_ref().and_then(|s| s.volumes.as_deref()).unwrap_or_default();
    let mut paths = Paths::default();
    for mount in container.volume_mounts.iter().flatten() {
        // The API server sees to it that there is one.
        let Some(volume) = volumes.iter().find(|v| v.name == mount.name) else { continue };
        let here = dir.join(&volume.name);
        fill(server, namespace, volume, &here)?;
        paths.add(&mount.mount_path, here);
    }
    Ok(paths)
}

/// The path of what a volume is made of that this node does not know.
pub fn unknown(volume: &Volume) -> Option<String> {
    let known = volume.empty_dir.is_some() || volume.config_map.is_some() || volume.secret.is_some();
    (!known).then(|| format!("spec.volumes[{}]", volume.name))
}

/// Makes a volume's folder with what belongs into it; what is there already stays.
fn fill(server: &ApiServer, namespace: &str, volume: &Volume, here: &Path) -> Result<(), Refusal> {
    let failed = |e: std::io::Error| refused(format!("volume {}: {e}", volume.name));
    fs::create_dir_all(here).map_err(failed)?;
    let (kind, name, items, mode, optional) = match (&volume.config_map, &volume.secret) {
        (Some(map), _) => ("configmaps", Some(map.name.clone()), &map.items, map.default_mode, map.optional),
        (_, Some(s)) => ("secrets", s.secret_name.clone(), &s.items, s.default_mode, s.optional),
        _ => return Ok(()),
    };
    let name = name.unwrap_or_default();
    let Some(object) = server.object(kind, namespace, &name) else {
        let kind = kind.trim_end_matches('s');
        let message =
            format!("MountVolume.SetUp failed for volume {:?}: {kind} {name:?} not found", volume.name);
        return if optional == Some(true) { Ok(()) } else { Err(refused(message)) };
    };
    for (key, bytes) in contents(&object, kind == "secrets") {
        let Some(file) = file_of(&key, items.as_deref()) else { continue };
        write(&here.join(file), &bytes, mode.unwrap_or(0o644)).map_err(failed)?;
    }
    Ok(())
}

fn refused(message: String) -> Refusal {
    Refusal { reason: "ContainerCreating", message }
}

/// The file in which a key is found; none: it is not asked for.
fn file_of(key: &str, items: Option<&[KeyToPath]>) -> Option<String> {
    let Some(items) = items.filter(|i| !i.is_empty()) else { return Some(key.to_string()) };
    items.iter().find(|i| i.key == key).map(|i| i.path.clone())
}

fn write(path: &Path, bytes: &[u8], mode: i32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(u32::try_from(mode).unwrap_or(0o644)))
}

/// What a ConfigMap or a Secret holds.
fn contents(object: &Value, is_secret: bool) -> Vec<(String, Vec<u8>)> {
    let entries = |field: &str, encoded: bool| {
        let entries = object[field].as_object().cloned().unwrap_or_default();
        entries.into_iter().filter_map(move |(key, value)| {
            let text = value.as_str()?;
            let bytes = if encoded { BASE64_STANDARD.decode(text).ok()? } else { text.as_bytes().to_vec() };
            Some((key, bytes))
        })
    };
    entries("data", is_secret).chain(entries("binaryData", true)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn contents_are_bytes() {
        let map = json!({"data": {"a": "YQ=="}, "binaryData": {"b": "Yg=="}});
        assert_eq!(contents(&map, false), [("a".into(), b"YQ==".to_vec()), ("b".into(), b"b".to_vec())]);
        assert_eq!(contents(&map, true)[..1], [("a".into(), b"a".to_vec())]);
    }

    #[test]
    fn items_choose_and_name_files() {
        let items = [KeyToPath { key: "a".into(), path: "x/y".into(), mode: None }];
        assert_eq!(file_of("a", Some(&items)).as_deref(), Some("x/y"));
        assert_eq!(file_of("b", Some(&items)), None);
        assert_eq!(file_of("b", None).as_deref(), Some("b"));
    }
}
