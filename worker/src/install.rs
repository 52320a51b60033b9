//! Puts a copy of this program where the worker's container finds it.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use thiserror::Error;

use crate::python_module;

/// The program's name in its new folder.
pub const NAME: &str = "dask-agent";

/// What can go wrong.
#[derive(Debug, Error)]
pub enum InstallError {
    /// The program itself cannot be read.
    #[error("cannot read this program: {0}; the image is damaged")]
    Read(io::Error),
    /// The copy cannot be written.
    #[error("cannot write {path}: {source}; the folder must be a volume that this user may write to")]
    Write {
        /// What was to be written.
        path: String,
        /// Why it was not.
        source: io::Error,
    },
}

/// Copies this program into `folder`, for all users to run, and its Python module beside it: workers whose file system
/// cannot be written to have it from there. What is there is replaced.
///
/// # Errors
/// See [`InstallError`].
pub fn install(folder: &Path) -> Result<(), InstallError> {
    let own = std::env::current_exe().map_err(InstallError::Read)?;
    let bytes = fs::read(own).map_err(InstallError::Read)?;
    put(folder, NAME, &bytes, 0o755)?;
    put(folder, python_module::FILE, python_module::TEXT.as_bytes(), 0o644)
}

fn put(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), InstallError> {
    let (half, whole) = (folder.join(format!(".{name}")), folder.join(name));
    let write = || {
        fs::write(&half, bytes)?;
        fs::set_permissions(&half, fs::Permissions::from_mode(mode))?;
        fs::rename(&half, &whole)
    };
    write().map_err(|source| InstallError::Write { path: whole.display().to_string(), source })
}
