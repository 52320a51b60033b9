//! What `e2e.sh` tells the tests, by environment variables.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};

/// Namespace and name of the operator's Deployment.
pub const OPERATOR: (&str, &str) = ("dask-operator-system", "dask-operator");

/// An environment variable that `e2e.sh` sets.
///
/// # Errors
/// It is not set: the tests were not started by `e2e.sh`.
pub fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("{name} is not set; run tests/e2e.sh (make e2e)"))
}

/// Image of schedulers and workers.
///
/// # Errors
/// See [`variable`].
pub fn dask_image() -> Result<String> {
    variable("E2E_DASK_IMAGE")
}

/// The checkout.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether pods are processes of this machine (`local.sh`).
pub fn is_laptop() -> bool {
    env::var("E2E_CLUSTER").is_ok_and(|v| v == "laptop")
}

/// Whether namespaces of failed tests stay, for a person to look at (`E2E_KEEP=1`).
pub fn keeps_failures() -> bool {
    env::var("E2E_KEEP").is_ok_and(|v| v == "1")
}
