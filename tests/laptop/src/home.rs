//! The folder of a running cluster: one process at a time has it, and nothing of an earlier one is left in it.

use std::{
    fs::File,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};

use crate::watchdog;

/// What the processes of pods load first.
const SHIM: &str = include_str!("../python/sitecustomize.py");

/// The same for programs that are no Python.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pod.so"));
/// A first process that only becomes another one. Dask's images have a real one.
const TINI: &str = "#!/bin/sh\nwhile [ \"$1\" != -- ] && [ \"${1#-}\" != \"$1\" ]; do shift; done\n\
                    [ \"$1\" != -- ] || shift\nexec \"$@\"\n";

/// The folder, held as long as this is.
#[derive(Debug)]
pub struct Home {
    /// Where it is.
    pub dir: PathBuf,
    _lock: File,
}

/// What Dask's images have and its packages do not bring: the programs' former names, and a first process.
fn programs(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let old = |part: &str| (format!("dask-{part}"), format!("#!/bin/sh\nexec dask {part} \"$@\"\n"));
    for (name, text) in [old("scheduler"), old("worker"), ("tini".into(), TINI.into())] {
        let path = dir.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

impl Home {
    /// Takes the folder, and clears what a crash left there.
    ///
    /// # Errors
    /// Another process has it, or it cannot be made.
    pub fn take(dir: &Path) -> Result<Self> {
        let beside = dir.with_extension("lock");
        let parent = dir.parent().context("the folder needs a parent")?;
        std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        let lock = File::create(&beside).with_context(|| format!("making {}", beside.display()))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("it runs already in {}; end it first, or choose another --dir", dir.display());
        }
        watchdog::clean(dir);
        std::fs::create_dir_all(dir.join("pods")).with_context(|| format!("making {}", dir.display()))?;
        std::fs::create_dir_all(dir.join("python"))?;
        std::fs::write(dir.join("python").join("sitecustomize.py"), SHIM)?;
        std::fs::write(dir.join("pod.so"), LIBRARY)?;
        std::fs::write(dir.join("hosts"), "")?;
        programs(&dir.join("bin")).with_context(|| format!("making {}", dir.join("bin").display()))?;
        Ok(Self { dir: dir.to_path_buf(), _lock: lock })
    }

    /// Variables by which Python programs beside the cluster know the names of its Services.
    pub fn names(&self) -> [(&'static str, String); 3] {
        [
            ("PYTHONPATH", self.dir.join("python").display().to_string()),
            ("LAPTOP_HOSTS", self.dir.join("hosts").display().to_string()),
            ("LAPTOP_SEARCH", "svc.cluster.local cluster.local".into()),
        ]
    }

    /// The file by which kubectl and others find the API server.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// Writes that file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_kubeconfig(&self, api: SocketAddr) -> Result<()> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: laptop\n\
             clusters: [{{name: laptop, cluster: {{server: \"http://{api}\"}}}}]\n\
             contexts: [{{name: laptop, context: {{cluster: laptop, user: laptop, namespace: default}}}}]\n\
             users: [{{name: laptop, user: {{}}}}]\n"
        );
        std::fs::write(self.kubeconfig(), text).context("writing the kubeconfig")
    }
}
