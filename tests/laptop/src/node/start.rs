//! What is there when a process of a container starts: variables, volumes, a folder, a file for last words.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Container, Pod};

use super::{
    Node,
    environment::{self, Variables},
    image::Refusal,
    paths::Paths,
    volumes,
};
use crate::watchdog;

/// Where last words are written if the manifest does not say.
const LAST_WORDS: &str = "/dev/termination-log";
/// Where the agent writes them: it has no file system of its own here.
const AGENT_LAST_WORDS: &str = "DASK_AGENT_TERMINATION_LOG";

/// Within what a process runs.
#[derive(Clone, Debug, Default)]
pub struct Within {
    /// Its environment.
    pub variables: Variables,
    /// Paths that lie elsewhere here.
    pub paths: Paths,
    /// Its folder.
    pub dir: PathBuf,
    /// Where its last words are found.
    pub last_words: PathBuf,
    /// Value of the variable by which all processes of the container are known.
    pub mark: String,
}

impl Node {
    /// Within what processes of this container run; `base` is what all of the pod have.
    ///
    /// # Errors
    /// Something that it needs is not there.
    pub(super) fn within(
        &self,
        pod: &Pod,
        container: &Container,
        mut base: Variables,
    ) -> Result<Within, Refusal> {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        let of_pod = self.pod_dir(uid);
        let last_words = of_pod.join(format!("{}.end", container.name));
        let mark = format!("{uid}/{}", container.name);
        base.insert(watchdog::CONTAINER.into(), mark.clone());
        base.insert(AGENT_LAST_WORDS.into(), last_words.display().to_string());
        let mut paths = volumes::of(&self.server, pod, container, &of_pod.join("volumes"))?;
        let told = container.termination_message_path.as_deref().filter(|p| !p.is_empty());
        paths.add(told.unwrap_or(LAST_WORDS), last_words.clone());
        let mut variables = environment::of(&self.server, pod, container, base.clone())?;
        paths.rewrite_all(&mut variables, &base);
        let given = container.working_dir.as_deref().unwrap_or_default();
        let root = self.root(pod).join(given.trim_start_matches('/'));
        let dir = paths.find(given).map_or(root, PathBuf::from);
        Ok(Within { variables, paths, dir, last_words, mark })
    }
}
