//! Puts a copy of this program where the worker's container finds it.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use thiserror::Error;

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

/// Copies this program into `folder`, for all users to run; a copy that is there is replaced.
///
/// # Errors
/// See [`InstallError`].
pub fn install(folder: &Path) -> Result<(), InstallError> {
    let own = std::env::current_exe().map_err(InstallError::Read)?;
    let (half, whole) = (folder.join(format!(".{NAME}")), folder.join(NAME));
    let bytes = fs::read(own).map_err(InstallError::Read)?;
    let write = || {
        fs::write(&half, bytes)?;
        fs::set_permissions(&half, fs::Permissions::from_mode(0o755))?;
        fs::rename(&half, &whole)
    };
    write().map_err(|source| InstallError::Write { path: whole.display().to_string(), source })
}
