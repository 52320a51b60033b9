//! Manifests as people have them: files of `tests/inputs`.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::{
    dask::{Dask, is_live},
    manifest,
    namespace::Space,
};

/// A file's manifests as they are, but for the image of Dask.
///
/// # Errors
/// It cannot be read, or is no YAML.
pub fn read(name: &str) -> Result<Vec<Value>> {
    manifest::all(&format!("tests/inputs/{name}.yaml"))
}

/// Applies a file; answers its first cluster.
///
/// # Errors
/// What kubectl says.
pub async fn apply(space: &Space, name: &str) -> Result<Dask> {
    apply_all(space, &read(name)?).await
}

/// Applies manifests, the cluster last: what it needs is there then. Answers the first cluster.
///
/// # Errors
/// What kubectl says.
pub async fn apply_all(space: &Space, manifests: &[Value]) -> Result<Dask> {
    for manifest in manifests.iter().rev() {
        space.apply(manifest).await?;
    }
    let name = manifests.first().and_then(|m| m["metadata"]["name"].as_str()).context("no cluster")?;
    Ok(Dask { space: space.clone(), name: name.into() })
}

/// A live pod of the default group.
///
/// # Errors
/// There is none.
pub async fn a_pod(dask: &Dask) -> Result<Pod> {
    let pods = dask.pods(&dask.default_group()).await?;
    pods.into_iter().find(is_live).context("no pod yet")
}
