//! Removes what a dead worker left on the disk: the folder that it reported, and nothing else.

use std::{fs, io, path::Path};

/// Name of the folder of all workers' folders (`distributed.diskutils.WorkSpace`).
const ALL: &str = "dask-scratch-space";
/// What names of workers' folders begin with.
const ONE: &str = "worker-";

/// Removes the folder and its lock. Volumes are shared: what is not named as a worker's own folder stays.
///
/// # Errors
/// It cannot be removed.
pub fn remove(folder: &Path) -> io::Result<bool> {
    let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // Since 2022 `dask-scratch-space`; shared folders get the user's number behind it.
    let is_ours = name(folder).starts_with(ONE)
        && folder.is_absolute()
        && folder.parent().is_some_and(|p| name(p).starts_with(ALL));
    if !is_ours || !fs::symlink_metadata(folder).is_ok_and(|m| m.is_dir()) {
        return Ok(false);
    }
    fs::remove_dir_all(folder)?;
    let lock = folder.with_file_name(format!("{}.dirlock", name(folder)));
    match fs::remove_file(lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folder_of_that_worker_goes() {
        let dir = tempfile::tempdir().unwrap();
        let all = dir.path().join("dask-scratch-space-1000");
        let own = all.join("worker-ab12");
        for folder in [&own, &all.join("worker-other"), &dir.path().join("worker-data")] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("spilled"), "x").unwrap();
        }
        fs::write(all.join("worker-ab12.dirlock"), "").unwrap();
        std::os::unix::fs::symlink(dir.path().join("worker-data"), all.join("worker-link")).unwrap();

        assert!(remove(&own).unwrap());
        let mut left: Vec<_> = fs::read_dir(&all).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["worker-link", "worker-other"]);
        for other in [dir.path().join("worker-data"), all.join("worker-link"), all.clone(), "worker-x".into()]
        {
            assert!(!remove(&other).unwrap(), "{}", other.display());
        }
        assert!(dir.path().join("worker-data/spilled").exists());
        assert!(!remove(&own).unwrap(), "it is gone already");
    }
}
