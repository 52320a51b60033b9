//! The agent that is tried.

use std::ffi::OsString;

/// This build's, or one for another processor (`tests/arm64.sh`).
pub fn program() -> OsString {
    std::env::var_os("DASK_AGENT").unwrap_or_else(|| env!("CARGO_BIN_EXE_dask-agent").into())
}
